"""One settings file: what production refuses, each fault in one line, all at once, and with an exit status."""

import base64
import os
import subprocess
import sys

import pytest

from kt_remedy import checks
from tests.conftest import ROOT

pytestmark = pytest.mark.slow  # each test starts processes

GOOD = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "Qm7" + "abcdefghijklmnopqrstuvwxyz0123456789" * 2,
    "FIELD_KEYS": os.environ.get("FIELD_KEYS", ""),
    "INDEX_KEY": os.environ.get("INDEX_KEY", ""),
    "AUDIT_KEYS": os.environ.get("AUDIT_KEYS", ""),
    "ALLOWED_HOSTS": "remedy.example.kr",
    "STAFF_HOST": "staff.remedy.example.kr",
    "PORTONE_API_SECRET": "a-secret",
    "PORTONE_STORE_ID": "store-1",
    "PORTONE_CHANNEL_KEY": "channel-1",
    "SOLAPI_API_KEY": "key",
    "SOLAPI_API_SECRET": "a-secret",
    "PAYER_NAME": "KT",
    "PAYER_BANK": "020",
    "PAYER_ACCOUNT": "1005000000000",
    "UPLOADS_DIR": "/srv/uploads",
    "DELIVERIES_DIR": "/srv/deliveries",
    "HAND_OFF_DIR": "/srv/hand-off",
    "AUDIT_HEADS_DIR": "/srv/audit-heads",
}
SEVERAL = {
    "SECRET_KEY": None,
    "FIELD_KEYS": "1:c2hvcnQ=",
    "INDEX_KEY": None,
    "REMEDY_NOW": "2026-01-20T10:00",
    "REDIS_URL": None,
    "SOLAPI_API_URL": "https://localhost/solapi",
    "PAYER_BANK": None,
    "HAND_OFF_DIR": None,
    "BANK_FILE_MAX_ROWS": "many",
    "BEHIND_PROXY": "perhaps",
    "ALLOWED_HOSTS": "*",
    "STAFF_HOST": None,
    "DATABASE_URL": "postgres://remedy:hidden@db.example.kr/remedy",
    "ACCOUNT_WIPE_DAYS": "-5",
    "PORTONE_API_URL": "https://portone.example.kr",
}
SEVERAL_SENTENCES = [
    "The setting FIELD_KEYS cannot be read: a key is 32 bytes in base64.",
    "The setting REMEDY_NOW names no offset.",
    "The setting BANK_FILE_MAX_ROWS cannot be read:",
    "The setting BEHIND_PROXY cannot be read:",
    "SECRET_KEY is missing or weak.",
    "INDEX_KEY is missing.",
    "REDIS_URL is missing.",
    "SOLAPI_API_URL is https://localhost/solapi.",
    "PAYER_BANK is missing.",
    "HAND_OFF_DIR is missing.",
    "ALLOWED_HOSTS or STAFF_HOST holds a wildcard.",
    "STAFF_HOST is missing.",
    "DATABASE_URL leads to another machine without encryption or password.",
    "The setting ACCOUNT_WIPE_DAYS is -5.",
    "PORTONE_API_URL is https://portone.example.kr.",
]


def key(*octets: int) -> str:
    return base64.b64encode(bytes(octets)).decode()


DRAWN = [key(*range(first, first + 32)) for first in (0, 100, 200)]
REMOTE = "@db.example.kr/remedy"
PLAIN_SENTINEL = "sentinel://:hidden@s1.example.kr:26379/0"
SENTINEL = "sentinel://:hidden@s1.example.kr:26379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ssl/ca.pem"
WEAK: list[tuple[dict[str, str | None], str]] = [
    ({"INDEX_KEY": key(*[0] * 32)}, "A key in FIELD_KEYS or INDEX_KEY is weak."),
    ({"FIELD_KEYS": f"1:{key(*[7] * 32)}"}, "A key in FIELD_KEYS or INDEX_KEY is weak."),
    ({"FIELD_KEYS": f"2:{DRAWN[0]},1:{key(*[1, 2] * 16)}"}, "A key in FIELD_KEYS or INDEX_KEY is weak."),
    ({"FIELD_KEYS": f"1:{DRAWN[0]}", "INDEX_KEY": DRAWN[0]}, "hold the same key twice"),
    ({"FIELD_KEYS": f"2:{DRAWN[0]},1:{DRAWN[0]}", "INDEX_KEY": DRAWN[1]}, "hold the same key twice"),
    ({"SECRET_KEY_FALLBACKS": "b" * 60}, "A key of SECRET_KEY_FALLBACKS is missing or weak."),
    ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS or STAFF_HOST holds a wildcard."),
    ({"ALLOWED_HOSTS": ".example.kr"}, "ALLOWED_HOSTS or STAFF_HOST holds a wildcard."),
    ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS is missing."),
    ({"STAFF_HOST": None}, "STAFF_HOST is missing."),
    ({"STAFF_HOST": "remedy.example.kr"}, "STAFF_HOST is a host of customers."),
    ({"DATABASE_URL": f"postgres://remedy:hidden{REMOTE}"}, "DATABASE_URL leads to another machine"),
    ({"DATABASE_URL": f"postgres://remedy:hidden{REMOTE}?sslmode=require"}, "DATABASE_URL leads to another machine"),
    ({"DATABASE_URL": f"postgres://remedy:hidden{REMOTE}?sslmode=prefer"}, "DATABASE_URL leads to another machine"),
    ({"MIGRATE_DATABASE_URL": f"postgres://remedy:hidden{REMOTE}"}, "MIGRATE_DATABASE_URL leads to another machine"),
    ({"DATABASE_URL": "postgres://remedy:hidden@/remedy?host=10.0.0.7"}, "DATABASE_URL leads to another machine"),
    ({"REDIS_URL": "redis://:hidden@cache.example.kr/0"}, "REDIS_URL leads to another machine"),
    ({"REDIS_URL": "rediss://cache.example.kr/0?ssl_cert_reqs=required"}, "REDIS_URL leads to another machine"),
    ({"REDIS_URL": "rediss://:hidden@cache.example.kr/0?ssl_cert_reqs=none"}, "REDIS_URL leads to another machine"),
    ({"REDIS_URL": PLAIN_SENTINEL, "REDIS_SENTINEL_MASTER": "m"}, "REDIS_URL leads to another machine"),
    ({"REDIS_URL": f"{SENTINEL};sentinel://s2.example.kr", "REDIS_SENTINEL_MASTER": None}, "REDIS_SENTINEL_MASTER is"),
    ({"REPLICA_URL": f"postgres://remedy:hidden{REMOTE}"}, "REPLICA_URL leads to another machine"),
    ({"AWS_ENDPOINT_URL_S3": "http://s3.example.kr"}, "AWS_ENDPOINT_URL_S3 leads to another machine without"),
    ({"UPLOADS_DIR": "s3:///folder"}, "UPLOADS_DIR names no bucket"),
    ({"PORTONE_API_URL": "https://portone.example.kr/api"}, "PORTONE_API_URL is https://portone.example.kr/api"),
    ({"SOLAPI_API_URL": "https://api.portone.io"}, "SOLAPI_API_URL is https://api.portone.io"),
]


def start(*argv: str, **changes: str | None) -> subprocess.CompletedProcess:
    """Run our interpreter in a complete production environment with these changes; None takes a name away."""
    env = {name: value for name, value in ({"PATH": os.environ["PATH"], **GOOD} | changes).items() if value is not None}
    return subprocess.run(
        [sys.executable, *argv], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60
    )


def check(**changes: str | None) -> subprocess.CompletedProcess:
    return start("manage.py", "diffsettings", "--output=unified", **changes)


def test_a_complete_production_environment_is_taken():
    done = check()
    assert done.returncode == 0, done.stderr
    assert "+ SESSION_COOKIE_SECURE = True" in done.stdout
    assert "+ DEBUG = True" not in done.stdout


OUT_OF_RANGE = {
    "ACCOUNT_WIPE_DAYS": "0",
    "SMS_UNKNOWN_AFTER_MINUTES": "-1",
    "QA_SAMPLE_PERCENT": "101",
    "STATEMENT_TIMEOUT": "'-15s'",
    "LOCK_TIMEOUT": "'0'",
}


def test_cookies_of_production_travel_over_tls_to_their_own_host_alone():
    told = check().stdout
    for name in ("SESSION", "CSRF"):
        assert f"{name}_COOKIE_NAME = '__Host-" in told
    assert "KNOWN_BROWSER_COOKIE_NAME = '__Host-known-browser'" in told
    for name in ("SESSION", "CSRF", "LANGUAGE"):
        assert f"{name}_COOKIE_SECURE = True" in told
    assert "SECURE_SSL_REDIRECT = True" in told
    assert "SECURE_HSTS_SECONDS = 31536000" in told


def test_production_holds_nothing_that_is_for_developers():
    told = start(
        "-c",
        "import django; django.setup(); from django.conf import settings as s; print(s.INSTALLED_APPS)",
        DJANGO_SETTINGS_MODULE="kt_remedy.settings",
    )
    assert told.returncode == 0, told.stderr
    assert "kt_remedy.staff" in told.stdout
    assert "devtools" not in told.stdout


def test_numbers_out_of_range_are_refused():
    done = check(**{name: value.strip("'") for name, value in OUT_OF_RANGE.items()})
    assert done.returncode != 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == len(OUT_OF_RANGE)
    for name, value in OUT_OF_RANGE.items():
        assert sum(f"The setting {name} is {value}." in line for line in lines) == 1, lines


@pytest.mark.parametrize(("changes", "sentence"), WEAK)
def test_what_is_weak_is_one_fault(changes, sentence):
    environ = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    faults = [fault.msg for fault in checks.of_production(environ)]
    assert len(faults) == 1, faults
    assert sentence in faults[0]
    assert "hidden" not in faults[0]


@pytest.mark.parametrize(
    "changes",
    [
        {
            "DATABASE_URL": f"postgres://remedy:hidden{REMOTE}?sslmode=verify-full",
            "REDIS_URL": "rediss://:hidden@cache.example.kr/0?ssl_cert_reqs=required",
        },
        {"REDIS_URL": f"{SENTINEL};sentinel://s2.example.kr:26379", "REDIS_SENTINEL_MASTER": "remedy"},
        {"REDIS_URL": "sentinel://127.0.0.1:1;sentinel://localhost:2", "REDIS_SENTINEL_MASTER": "remedy"},
        {"UPLOADS_DIR": "s3://remedy/uploads", "AWS_ENDPOINT_URL_S3": "https://s3.example.kr"},
        {"UPLOADS_DIR": "s3://remedy", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"},
        {"DATABASE_URL": "postgres://remedy@%2Frun%2Fpostgresql/remedy", "REDIS_URL": "redis://[::1]:6379/0"},
        {"PORTONE_API_URL": "https://gateway.example.kr/portone", "SERVICE_HOSTS": "gateway.example.kr"},
        {"SOLAPI_API_URL": "https://api.solapi.com", "QA_SAMPLE_PERCENT": "0", "STATEMENT_TIMEOUT": "15000"},
    ],
)
def test_what_is_safe_is_taken(changes):
    assert list(checks.of_production({**GOOD, **changes})) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY is missing or weak"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY is missing or weak"),
        ({"SECRET_KEY": "django-insecure-" + GOOD["SECRET_KEY"]}, "SECRET_KEY is missing or weak"),
        ({"FIELD_KEYS": None}, "FIELD_KEYS"),
        ({"FIELD_KEYS": "1:c2hvcnQ="}, "FIELD_KEYS"),
        ({"INDEX_KEY": None}, "INDEX_KEY"),
        ({"REMEDY_NOW": "2026-01-20T10:00+09:00"}, "REMEDY_NOW is set"),
        ({"REMEDY_NOW": "yesterday"}, "REMEDY_NOW is no time"),
        ({"REMEDY_NOW": "2026-01-20T10:00"}, "REMEDY_NOW names no offset"),
        ({"PORTONE_API_URL": "http://127.0.0.1:8001/portone"}, "PORTONE_API_URL is http://127.0.0.1:8001/portone"),
        ({"SOLAPI_API_URL": "https://localhost/solapi"}, "SOLAPI_API_URL is https://localhost/solapi"),
        ({"PORTONE_API_SECRET": "sandbox"}, "PORTONE_API_SECRET is missing"),
        ({"PAYER_ACCOUNT": None}, "PAYER_ACCOUNT is missing"),
        ({"UPLOADS_DIR": None}, "UPLOADS_DIR is missing"),
        ({"DELIVERIES_DIR": None}, "DELIVERIES_DIR is missing"),
        ({"HAND_OFF_DIR": None}, "HAND_OFF_DIR is missing"),
        ({"REDIS_URL": None}, "REDIS_URL is missing"),
        ({"REMEDY_ENV": "production", "DATABASE_URL": None}, "DATABASE_URL is missing"),
        ({"DATABASE_URL": "postgres://remedy:hidden@db:port/remedy"}, "The setting DATABASE_URL cannot be read"),
        ({"REMEDY_ENV": "perhaps"}, "REMEDY_ENV is 'perhaps'. Set it to development or production."),
        ({"REMEDY_ENV": ""}, "REMEDY_ENV is ''"),
        ({"PORTONE_API_URL": "https://[portone"}, "PORTONE_API_URL is https://[portone"),
        ({"FIELD_KEYS": ","}, "FIELD_KEYS is missing"),
        ({"PROGRAMME_FILE": "nothing.toml"}, "programme file nothing.toml cannot be read"),
        ({"INDEX_KEY": "c2hvcnQ="}, "The setting INDEX_KEY cannot be read"),
        ({"DATABASE_POOLED": "on"}, "DATABASE_POOLED is set for a process that is no web server"),
        ({"REPLICA_URL": "postgres://remedy:hidden@db:port/remedy"}, "The setting REPLICA_URL cannot be read"),
        ({"STATEMENT_TIMEOUT": "15s", "BANK_FILE_MAX_ROWS": "many"}, "The setting BANK_FILE_MAX_ROWS cannot be read"),
    ],
)
def test_a_wrong_production_environment_is_refused_in_one_sentence(changes, sentence):
    done = check(**changes)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "hidden" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ("manage.py", "migrate"),
        ("manage.py", "diffsettings"),
        ("manage.py", "check"),
        ("manage.py", "check", "--deploy"),
        ("-m", "gunicorn", "--config", "python:kt_remedy.gunicorn_conf", "--bind", "127.0.0.1:0", "kt_remedy.wsgi"),
        ("-c", "import kt_remedy.wsgi"),
        ("-m", "celery", "-A", "kt_remedy", "worker", "-Q", "money"),
        ("-m", "celery", "-A", "kt_remedy", "beat"),
        ("-c", "import django; django.setup()"),
    ],
    ids=" ".join,
)
def test_nothing_starts_with_faults_and_all_of_them_are_named(argv):
    done = start(*argv, DJANGO_SETTINGS_MODULE="kt_remedy.settings", **SEVERAL)
    assert done.returncode != 0
    told = [line for line in (done.stdout + done.stderr).splitlines() if any(s in line for s in SEVERAL_SENTENCES)]
    for sentence in SEVERAL_SENTENCES:
        assert sum(sentence in line for line in told) == 1, (sentence, done.stderr)


def test_a_check_shows_each_fault_with_its_number_and_hint():
    done = start("manage.py", "check", "--tag", "deployment", PAYER_NAME=None, UPLOADS_DIR=None)
    assert done.returncode == 1
    assert "(remedy.E011) PAYER_NAME is missing.\n\tHINT: Set the account the refunds are paid from." in done.stderr
    assert "(remedy.E012) UPLOADS_DIR is missing.\n\tHINT: Name a folder outside the web root" in done.stderr
    assert "2 issues" in done.stderr
    assert start("manage.py", "check", "--tag", "security").returncode == 0


def test_a_try_out_names_the_faults_of_its_programme_and_needs_nothing_else(tmp_path):
    """Without REMEDY_ENV and DATABASE_URL a place is a try-out."""
    nothing = dict.fromkeys(GOOD)
    assert start("manage.py", "check", **nothing).returncode == 0
    file = tmp_path / "programme.toml"
    text = (ROOT / "tests" / "cases" / "skt-2025.toml").read_text(encoding="utf-8")
    file.write_text(text.replace('"MON"', '"MONDAY"').replace("review_events = []", ""), encoding="utf-8")
    done = check(**{**nothing, "PROGRAMME_FILE": str(file)})
    assert done.returncode != 0
    assert [line.split(". ")[0] for line in done.stderr.splitlines()] == [
        f"programme file {file}: waiver.review_events is missing",
        f"programme file {file}: supplementary_payouts.weekday must be one of MON, TUE, WED, THU, FRI, SAT, SUN",
    ]


@pytest.mark.parametrize(("command", "port"), [("migrate", 2), ("rotate_keys", 2), ("verify_money", 1)])
def test_only_commands_of_the_owner_work_as_the_owner(command, port):
    owner = "postgres://remedy_migrate@127.0.0.1:2/none"
    done = start("manage.py", command, MIGRATE_DATABASE_URL=owner)
    assert done.returncode != 0
    assert f"port {port} failed" in done.stderr


def test_a_database_that_does_not_answer_is_told_in_one_sentence():
    argv = [sys.executable, "manage.py", "migrate"]
    env = {"PATH": os.environ["PATH"], **GOOD}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "The database does not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pooled_web_server_sends_no_options_and_keeps_no_cursor():
    done = check(DATABASE_POOLED="on", REMEDY_PROCESS="web", AUDIT_KEYS=None, REPLICA_URL="postgres://127.0.0.1:2/x")
    assert done.returncode == 0, done.stderr
    [databases] = [line for line in done.stdout.splitlines() if line.startswith("+ DATABASES = ")]
    assert databases.count("'DISABLE_SERVER_SIDE_CURSORS': True") == 2
    assert "statement_timeout" not in databases
    direct = check(REPLICA_URL="postgres://127.0.0.1:2/x").stdout
    [databases] = [line for line in direct.splitlines() if line.startswith("+ DATABASES = ")]
    assert databases.count("-c statement_timeout=15s") == 2


def test_the_sql_of_the_roles_gives_the_web_its_time_limits():
    done = start("manage.py", "database_roles", LOCK_TIMEOUT="7s")
    assert "ALTER ROLE remedy_web SET lock_timeout = '7s';" in done.stdout
    assert "ALTER ROLE remedy_web SET statement_timeout = '15s';" in done.stdout
