"""Redis behind TLS, alone and watched by a sentinel that replaces a dead one."""

import datetime as dt
import ipaddress
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kombu import Connection

from kt_remedy.core import broker
from kt_remedy.core.models import PeriodicTask
from tests.conftest import QUEUES, Process, free_port, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WORD = "correct-horse"
NOTHING = {"socket_timeout": 2, "socket_connect_timeout": 2}


def authority(folder: Path, name: str) -> Path:
    """An authority of its own with a certificate for 127.0.0.1; returns the file that a client trusts."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / f"{name}.key").chmod(0o644)
    return folder / f"{name}.pem"


@pytest.fixture
def redis_server(folder, start_server) -> Callable[..., SimpleNamespace]:
    """Start Redis with TLS and a password: `redis_server("one", replica_of=other)`; gives port and process."""
    program = shutil.which("redis-server")
    assert program, "no Redis with TLS: apt-get install --no-install-recommends redis-server"
    authority(folder, "redis")

    def start(name: str, *more: str, sentinel: bool = False) -> SimpleNamespace:
        port, place = free_port(), folder / name
        place.mkdir()
        place.chmod(0o777)
        config = [
            "port 0",
            "bind 127.0.0.1",
            f"tls-port {port}",
            f"tls-cert-file {folder}/redis.pem",
            f"tls-key-file {folder}/redis.key",
            f"tls-ca-cert-file {folder}/redis.pem",
            "tls-auth-clients no",
            "tls-replication yes",
            f"dir {place}",
            f"requirepass {WORD}",
            *([] if sentinel else [f"masterauth {WORD}", 'save ""', "maxmemory-policy noeviction"]),
            *more,
        ]
        file = place / "redis.conf"
        file.write_text("\n".join(config) + "\n")
        file.chmod(0o666)
        process = start_server([program, str(file), *(["--sentinel"] if sentinel else [])])
        client = redis.Redis("127.0.0.1", port, password=WORD, ssl=True, ssl_ca_certs=str(folder / "redis.pem"))

        def answers() -> bool:
            assert process.process.poll() is None, process.log
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

        wait_until(answers, what=f"Redis {name}")
        return SimpleNamespace(port=port, process=process, client=client)

    return start


def work(start_process: Callable[..., Process], **env: str) -> None:
    """A worker and a beat on this Redis."""
    argv = ("-m", "celery", "-A", "kt_remedy", "worker", "-c", "2", "-l", "INFO", *QUEUES)
    start_process(*argv, env=env).wait_for("ready.")
    start_process("-m", "celery", "-A", "kt_remedy", "beat", "-l", "INFO", "--pidfile=", env=env)


def successes() -> dict[str, dt.datetime]:
    return dict(PeriodicTask.objects.exclude(succeeded_at=None).values_list("code", "succeeded_at"))


def test_workers_and_beat_speak_to_redis_through_tls(at, folder, redis_server, start_process) -> None:
    at("2026-01-16T10:00+09:00")
    one = redis_server("one")
    url = f"rediss://:{WORD}@127.0.0.1:{one.port}/0?ssl_cert_reqs=required&ssl_ca_certs={folder}"
    work(start_process, REDIS_URL=f"{url}/redis.pem")
    wait_until(successes, seconds=90, what="a periodic task")
    stranger = authority(folder, "stranger")
    with (
        Connection(f"{url}/{stranger.name}", transport_options=NOTHING) as connection,
        pytest.raises(Exception) as told,
    ):
        connection.ensure_connection(max_retries=1, timeout=3)
    assert "certificate verify failed" in str(told.value)


def test_a_sentinel_leads_workers_to_the_next_redis(at, folder, redis_server, start_process) -> None:
    at("2026-01-16T10:00+09:00")
    first = redis_server("one")
    second = redis_server("two", f"replicaof 127.0.0.1 {first.port}")
    wait_until(lambda: second.client.info("replication")["master_link_status"] == "up", what="the copy of Redis")
    sentinel = redis_server(
        "sentinel",
        f"sentinel monitor remedy 127.0.0.1 {first.port} 1",
        f"sentinel auth-pass remedy {WORD}",
        "sentinel down-after-milliseconds remedy 1000",
        "sentinel failover-timeout remedy 5000",
        sentinel=True,
    )
    wait_until(lambda: sentinel.client.sentinel_slaves("remedy"), what="the sentinel to find the copy")
    encryption = f"ssl_cert_reqs=required&ssl_ca_certs={folder}/redis.pem"
    dead = free_port()  # one of the sentinels is away
    work(
        start_process,
        REDIS_URL=f"sentinel://:{WORD}@127.0.0.1:{sentinel.port}/0?{encryption};sentinel://:{WORD}@127.0.0.1:{dead}/0",
        REDIS_SENTINEL_MASTER="remedy",
        REDIS_SENTINEL_PASSWORD=WORD,
    )
    wait_until(successes, seconds=90, what="a periodic task")
    first.process.kill()
    wait_until(lambda: second.client.info("replication")["role"] == "master", what="the sentinel to name the next")
    before = dt.datetime.now(dt.UTC)
    wait_until(lambda: max(successes().values()) > before, seconds=120, what="a periodic task through the next Redis")


def test_options_of_a_sentinel_follow_from_the_address() -> None:
    assert broker.transport_options("rediss://:x@redis.example.kr/0", master="", password="") == NOTHING
    plain = broker.transport_options("sentinel://s1:26379/0;sentinel://s2:26379", master="remedy", password="")
    assert plain == {**NOTHING, "master_name": "remedy", "sentinel_kwargs": NOTHING}
    address = "sentinel://:word@s1:26379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem;sentinel://s2:26379"
    assert broker.transport_options(address, master="remedy", password="own")["sentinel_kwargs"] == {
        **NOTHING,
        "password": "own",
        "ssl": True,
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": "/etc/ca.pem",
    }
