"""A throw-away PostgreSQL and Valkey for each process that runs tests, business time, a real worker, a real browser.

DATABASE_URL and REDIS_URL, where given, are used instead; tests that break servers only ever break their own.
"""

import base64
import datetime as dt
import fcntl
import hashlib
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

servers = None
state: tempfile.TemporaryDirectory | None = None


def hands_out(config: pytest.Config) -> bool:
    """True if this process gives its tests to workers (pytest-xdist) and runs none itself."""
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers before Django reads its settings; they end with the run.

    Under `-n` each worker starts its own; the process that only hands the tests out starts none.
    """
    global servers, state
    if hands_out(config):
        return
    if config.getoption("collectonly", False) and os.environ.get("DATABASE_URL"):
        return
    from kt_remedy.core import roles  # late: needs the root on the path
    from kt_remedy.devtools import devservers

    state = tempfile.TemporaryDirectory(prefix="remedy-run-")
    if owner := os.environ.pop("MIGRATE_DATABASE_URL", ""):
        os.environ["DATABASE_URL"] = owner
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        servers = devservers.Servers(throw_away=True)
        try:
            servers.__enter__()
        except devservers.ServerError as error:
            pytest.exit(f"The test servers did not start: {error}", returncode=2)
        os.environ.setdefault("DATABASE_URL", servers.database_url(roles.MIGRATE))
        os.environ.setdefault("REDIS_URL", servers.redis_url)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="kt_remedy.settings",
        DJANGO_ALLOW_ASYNC_UNSAFE="true",  # playwright runs a loop in the thread that talks to the database
        REMEDY_ENV="development",
        SECRET_KEY="tests-" + "0123456789abcdef" * 4,
        FIELD_KEYS="1:" + base64.b64encode(bytes(range(32))).decode(),
        INDEX_KEY=base64.b64encode(bytes(range(32, 64))).decode(),
        AUDIT_KEYS="1:" + base64.b64encode(bytes(range(64, 96))).decode(),
        REMEDY_NOW="2026-01-20T10:00+09:00",
        SANDBOX_PORT=str(free_port()),
        DELIVERIES_DIR=str(Path(state.name) / "deliveries"),
        HAND_OFF_DIR=str(Path(state.name) / "hand-off"),
        AUDIT_HEADS_DIR=str(Path(state.name) / "audit-heads"),
        SANDBOX_DIR=str(Path(state.name) / "sandbox"),
        UPLOADS_DIR=str(Path(state.name) / "uploads"),
        SECOND_LOOK_PERCENT="0",  # tests of second looks turn them on
        DATABASE_CONN_MAX_AGE="0",  # a kept connection of a server thread would hold the test database
    )
    for name in ("PORTONE_API_URL", "SOLAPI_API_URL", "PROGRAMME_FILE"):
        os.environ.pop(name, None)
    import django

    django.setup()  # pytest-django does it only for settings it found before this file was read
    from django.apps import apps
    from django.db.models.signals import post_migrate

    post_migrate.connect(empty_grants, sender=apps.get_app_config("rewards"))
    from django.test import TransactionTestCase

    from tests.owner import emptying, serve_as_web

    serve_as_web()
    flush = TransactionTestCase._fixture_teardown

    def flush_as_owner(case: TransactionTestCase) -> None:
        with emptying():
            flush(case)

    TransactionTestCase._fixture_teardown = flush_as_owner  # type: ignore[method-assign]


def empty_grants(**_signal: object) -> None:
    """The flush after a test leaves out what Django does not manage; it sends this signal when it is done."""
    from django.db import connection

    from tests.owner import as_owner

    with as_owner(), connection.cursor() as cursor:
        if "rewards_grant" in connection.introspection.table_names(cursor):
            cursor.execute("TRUNCATE rewards_grant")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what `pytest_configure` started."""
    if servers is not None:
        servers.stop()
    if state is not None:
        state.cleanup()


# A test is slow when it uses one of these fixtures, or stands in one of these folders.
SLOW_FIXTURES = {"browser", "start_process"}
SLOW_FOLDERS = {"faults", "journeys", "machines"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or processes of its own as slow: `make test-fast` leaves it out."""
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in SLOW_FOLDERS or SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def plain_static_files() -> None:
    """Static files under their own names: hashing them needs a collected manifest."""
    from django.conf import settings

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    Path(settings.STATIC_ROOT).mkdir(exist_ok=True)


# The schema -------------------------------------------------------------------------------------------------


def schema_digest() -> str:
    """Names a schema: the migrations that make it and the libraries that run them."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted([*ROOT.glob("*/migrations/*.py"), *ROOT.glob("kt_remedy/*/migrations/*.py")]):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def run_on_server(program: str, *argv: str) -> None:
    """Run a program of PostgreSQL on the server of this run as its superuser."""
    argv = (str(servers._postgres_binaries() / program), f"--host={servers.sockets}", "--username=postgres", *argv)
    subprocess.run(argv, check=True)


@pytest.fixture(scope="session")
def django_db_keepdb(
    request: pytest.FixtureRequest, django_db_modify_db_settings: None, django_db_blocker: object
) -> bool:
    """Load the schema that an earlier run made: making it takes half a minute of one core, loading it two seconds.

    Of several processes one makes it and the others wait. Not with `--create-db`, nor on a server of one's own. Django
    then finds the database and runs the migrations that it lacks, which are none.
    """
    from django.core.management import call_command
    from django.db import connection

    from kt_remedy.core import roles
    from kt_remedy.devtools import devservers

    if servers is None or request.config.getoption("create_db"):
        return False
    folder = request.config.cache.mkdir("schema")
    kept = folder / f"{schema_digest()}.sql"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with django_db_blocker.unblock():  # type: ignore[attr-defined]
                call_command("migrate", verbosity=0)
                connection.close()
            draft = kept.with_suffix(".new")
            run_on_server("pg_dump", f"--file={draft}", devservers.DATABASE)
            for older in folder.glob("*.sql"):
                older.unlink()
            draft.replace(kept)
        name = connection.creation._get_test_db_name()
        run_on_server("createdb", f"--owner={roles.MIGRATE}", name)
        run_on_server("psql", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", f"--file={kept}", name)
    return True


# The role of the database -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """The owner makes the tables; then every connection of this process works as the worker, each request as the web.

    `tests.owner.as_owner` is the way back for statements that only the owner may run.
    """
    from django.db import connection

    from kt_remedy.core import roles

    options = connection.settings_dict["OPTIONS"]
    as_owner = options["options"]
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [list(roles.ALL)])
            if cursor.fetchone() != (len(roles.ALL),):
                pytest.exit("The server lacks the roles: run the SQL of `manage.py database_roles`.", returncode=2)
        connection.close()
        options["options"] = f"{as_owner} -c role={roles.WORKER}"
        yield
        connection.close()
        options["options"] = as_owner


# The network stays shut -----------------------------------------------------------------------------------

_connect = socket.socket.connect


def _guarded_connect(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = address[0]  # type: ignore[index]
        try:
            inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = False
        if not inside:
            raise AssertionError(f"a test tried to reach {host}")
    return _connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(scope="session", autouse=True)
def shut_network() -> Iterator[None]:
    """Refuse every connection to anything but this machine."""
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


# Business time ------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def fresh_clock() -> None:
    """Forget the cached offset, the cached texts and the kept pages of the test before."""
    from kt_remedy.core import clock, kept_pages
    from kt_remedy.notices import versions

    clock._cached = None
    versions.clear_cache()
    kept_pages.forget()


@pytest.fixture(autouse=True)
def fresh_cache(request: pytest.FixtureRequest) -> None:
    """Forget what the transactional test before left in the cache: its table belongs to no model, so that no flush
    empties it."""
    from django.core.cache import cache

    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        request.getfixturevalue("transactional_db")
        cache.clear()


@pytest.fixture(autouse=True)
def korean() -> None:
    """Forget the language of the test before: the client leaves that of its last request active."""
    from django.utils import translation

    translation.deactivate()


@pytest.fixture
def at(db: None) -> Callable[[str], dt.datetime]:
    """Set business time, forward or back: `at("2026-01-20T10:00+09:00")`."""
    from kt_remedy.core import clock

    def set_time(iso: str) -> dt.datetime:
        instant = dt.datetime.fromisoformat(iso)
        assert instant.tzinfo is not None, "name the offset"
        clock._write(instant - dt.datetime.now(dt.UTC))
        return instant

    return set_time


@pytest.fixture
def january(at: Callable[[str], dt.datetime]) -> None:
    """A morning in the first days of the application window."""
    at("2026-01-16T10:00+09:00")


@pytest.fixture
def cut_off(at: Callable[[str], dt.datetime]) -> Callable[[str], dt.datetime]:
    """The cut-off of the first payout, with its delivery; the value moves business time on, as `at` does."""
    from tests.refunds import make
    from tests.refunds.payouts.money import CUT_OFF

    make.delivered()
    at(CUT_OFF)
    return at


# Other processes ----------------------------------------------------------------------------------------------


def environment(role: str = "remedy_worker") -> dict[str, str]:
    """The environment of a child that works on the test database as one role; commands of the owner find the owner."""
    from django.db import connection

    url = os.environ["DATABASE_URL"]
    name = str(connection.settings_dict["NAME"])
    base, _, query = url.partition("?")
    renamed = base.rpartition("/")[0] + "/" + name + "?" + query
    return {
        **os.environ,
        # The owner logs in and becomes the role, so that a server of one's own needs one password only.
        "DATABASE_URL": f"{renamed}{'&' if query else ''}options=-c%20role%3D{role}",
        "MIGRATE_DATABASE_URL": renamed,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }


class Process:
    """A child of one test: its log as text, a way to wait for a line, to kill and to stop it."""

    def __init__(self, argv: list[str], *, env: dict[str, str] | None = None, cwd: Path = ROOT, **user: int) -> None:
        self._log = tempfile.NamedTemporaryFile("w+", suffix=".log")  # noqa: SIM115  (lives as long as the process)
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env or environment(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **({**user, "extra_groups": []} if user else {}),
        )

    @property
    def log(self) -> str:
        """Everything written so far."""
        return Path(self._log.name).read_text(errors="replace")

    def wait_for(self, text: str, *, seconds: float = 60) -> None:
        """Wait until the log holds `text`."""
        wait_until(lambda: text in self.log or self.process.poll() is not None, seconds=seconds, what=text)
        assert text in self.log, f"ended with {self.process.returncode}:\n{self.log}"

    def kill(self) -> None:
        """kill -9 the whole process group, also those whose parent has ended before them."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask to stop, wait, return the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode


def wait_until(done: Callable[[], object], *, seconds: float = 60, what: str = "") -> None:
    """Wait until `done()` is true; fail naming `what` when it never is."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what or done}"
        time.sleep(0.05)


@pytest.fixture
def start_process(transactional_db: None) -> Iterator[Callable[..., Process]]:
    """Start children on the test database: `start_process("-m", "celery", …)`; all end with the test."""
    started: list[Process] = []

    def start(*argv: str, env: dict[str, str] | None = None) -> Process:
        started.append(Process([sys.executable, *argv], env={**environment(), **(env or {})}))
        return started[-1]

    yield start
    for process in reversed(started):
        process.stop()
        process.kill()  # children that a killed worker left behind


@pytest.fixture
def celery_worker_process(start_process: Callable[..., Process]) -> Process:
    """A real worker with two children, on every queue, on the test database."""
    worker = start_process("-m", "celery", "-A", "kt_remedy", "worker", "-c", "2", "-l", "INFO", *QUEUES)
    worker.wait_for("ready.")
    return worker


QUEUES = ("-Q", "rest,money,messages,perks")


@pytest.fixture
def celery_beat_process(start_process: Callable[..., Process]) -> Process:
    """A real beat, for tests of what happens by itself."""
    beat = start_process("-m", "celery", "-A", "kt_remedy", "beat", "-l", "INFO", "--pidfile=")
    beat.wait_for("is starting.")
    return beat


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    """The stand-ins for the outside services as a process of their own; gives their address."""
    port = os.environ["SANDBOX_PORT"]
    process = Process([sys.executable, "-m", "kt_remedy.devtools.sandbox"], env={**os.environ, "PYTHONPATH": str(ROOT)})
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.process.poll() is None, process.log
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    wait_until(answers, what="the stand-ins")
    yield address
    process.stop()


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """A stand-in for an object store with the S3 API as a process of its own; gives its address."""
    port = free_port()
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = Process(argv, env={**os.environ, "MOTO_ALLOW_NONEXISTENT_REGION": "true"})
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.process.poll() is None, process.log
        try:
            urllib.request.urlopen(f"{address}/moto-api/data.json", timeout=2).close()
        except OSError:
            return False
        return True

    wait_until(answers, what="the object store")
    yield address
    process.stop()


@pytest.fixture
def bucket(object_store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket of the stand-in, as the settings of folders name it."""
    import boto3

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", object_store)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"remedy-{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/portal"


# A real browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Debian's Chromium, cut off from every host but this machine."""
    from playwright.sync_api import expect, sync_playwright

    assert Path(CHROMIUM).exists(), "no Chromium: apt-get install --no-install-recommends chromium fonts-noto-cjk"
    outside = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", f"--host-resolver-rules={outside}"]
        )
        expect.set_options(timeout=15_000)  # two workers share the cores
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: object, live_server: object) -> Iterator[object]:
    """A page at 1280 px in Korean; the test fails when it asked another host or a script or style was refused."""
    context = browser.new_context(  # type: ignore[attr-defined]
        base_url=live_server.url,
        locale="ko-KR",
        timezone_id="Asia/Seoul",
        viewport={"width": 1280, "height": 900},
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    outside: list[str] = []
    refused: list[str] = []

    def seen(request: object) -> None:
        host = request.url.split("/")[2].split(":")[0]  # type: ignore[attr-defined]
        if not request.url.startswith("data:") and host not in {"localhost", "127.0.0.1"}:  # type: ignore[attr-defined]
            outside.append(request.url)  # type: ignore[attr-defined]

    context.on("request", seen)
    context.on(
        "console",
        lambda message: refused.append(message.text) if "Content Security" in message.text else None,
    )
    yield page
    context.close()
    assert outside == [], "the page asked another host"
    assert refused == [], "the page holds something its policy forbids"
