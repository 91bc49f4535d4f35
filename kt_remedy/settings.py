"""Settings: one file for a laptop, the tests and production, read from the environment.

`REMEDY_ENV=development` is a local try-out: servers and secrets live under `.local/`. `REMEDY_ENV=production` refuses a
missing or weak secret, a set clock and the address of a stand-in. FAULTS gathers all faults; they are named at once, no
process starts with one, and `manage.py check` shows each with its hint (`kt_remedy/checks.py`).
Django's own DEBUG is never on: its error page prints local variables, and here those hold personal data.
"""

import datetime as dt
import json
import os
import re
import secrets
import sys
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dj_database_url
import structlog
from csp.constants import NONCE, NONE, SELF
from django.core.checks import Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError
from whitenoise.compress import Compressor as WhiteNoiseCompressor

from kt_remedy import checks
from kt_remedy.core import broker, crypto
from kt_remedy.core.logging import drop_traceback_of_refusal, scrub, stamp

VERSION = "0.1.0"  # as in pyproject.toml
BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL = BASE_DIR / ".local"  # what `make run` keeps: servers, secrets, uploads
env = Env()
# Each fault stands here once; the faulty setting then has its default, or a value that protects and pays nothing.
FAULTS: list[Error] = []


def _fault(number: int, sentence: str, hint: str) -> None:
    FAULTS.append(checks.fault(number, sentence, hint))


def _read(reader: Callable[..., Any], name: str, default: Any) -> Any:
    try:
        return reader(name, default)
    except (EnvError, ValueError) as error:
        _fault(2, f"The setting {name} cannot be read: {error}.", "Correct or unset it.")
        return default


def _number(name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
    """A whole number from the environment, in its range."""
    value = int(_read(env.int, name, default))
    if value < least or (most is not None and value > most):
        bounds = f"{least} or more" if most is None else f"from {least} to {most}"
        _fault(16, f"The setting {name} is {value}.", f"It must be {bounds}.")
        return default
    return value


def _duration(name: str, default: str) -> str:
    """A time-out as PostgreSQL writes it, above zero, which would mean none."""
    value = env.str(name, default)
    if not re.fullmatch(r"0*[1-9]\d*(us|ms|s|min|h|d)?", value):
        _fault(16, f"The setting {name} is {value!r}.", "Write it as 15s: a whole number above zero and its unit.")
        return default
    return value


def _read_key(parse: Callable[[str], Any], name: str, default: Any) -> Any:
    text = env.str(name, _local.get(name, ""))
    try:
        return parse(text) if text else default
    except ValueError as error:
        _fault(2, f"The setting {name} cannot be read: {error}.", "Correct it.")
        return default


# 1 What kind of place this is ---------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", "")
REMEDY_ENV = env.str("REMEDY_ENV", "production" if DATABASE_URL else "development")
if REMEDY_ENV not in {"development", "production"}:
    _fault(1, f"REMEDY_ENV is {REMEDY_ENV!r}.", "Set it to development or production.")
DEVELOPMENT = REMEDY_ENV == "development"
DEBUG = False
# These two read and write files only: no key, no server, nothing a secret could protect.
FILES_ONLY = len(sys.argv) > 1 and sys.argv[1] in {"judge", "sample_feed"}
_saved = LOCAL / "secrets.json"
# The processes of `make cluster` may be users who cannot read it; they have everything in their environment.
_local = json.loads(_saved.read_text()) if DEVELOPMENT and os.access(_saved, os.R_OK) else {}

SECRET_KEY = env.str("SECRET_KEY", _local.get("SECRET_KEY", ""))
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
if (DEVELOPMENT and not SECRET_KEY) or FILES_ONLY:
    SECRET_KEY = secrets.token_urlsafe(50)
FIELD_KEYS = _read_key(crypto.parse_keys, "FIELD_KEYS", {})
INDEX_KEY = _read_key(crypto.parse_key, "INDEX_KEY", None)
# The key of the audit's chain. A process that serves pages does not hold it, so it can build no other chain.
SERVES_PAGES = env.str("REMEDY_PROCESS", "") == "web"
AUDIT_KEYS = {} if SERVES_PAGES else _read_key(crypto.parse_keys, "AUDIT_KEYS", {})
if SERVES_PAGES and not DEVELOPMENT and env.str("AUDIT_KEYS", ""):
    _fault(18, "AUDIT_KEYS is set for the web server.", "Give it to workers and commands alone.")

REMEDY_NOW = None
if _text := env.str("REMEDY_NOW", _local.get("REMEDY_NOW", "")):
    try:
        REMEDY_NOW = dt.datetime.fromisoformat(_text)
    except ValueError:
        _fault(3, f"The setting REMEDY_NOW is no time: {_text!r}.", "Write it as 2026-01-20T10:00+09:00.")
    else:
        if REMEDY_NOW.tzinfo is None:
            _fault(3, "The setting REMEDY_NOW names no offset.", "Write it as 2026-01-20T10:00+09:00.")
            REMEDY_NOW = None
        elif not DEVELOPMENT and not FILES_ONLY:
            _fault(7, "REMEDY_NOW is set.", "Unset it: a place that pays real money runs on the real clock.")

# 2 The outside services ------------------------------------------------------------------------------

_sandbox = f"http://127.0.0.1:{env.str('SANDBOX_PORT', _local.get('SANDBOX_PORT', '8001'))}" if DEVELOPMENT else ""
PORTONE_API_URL = env.str("PORTONE_API_URL", f"{_sandbox}/portone" if _sandbox else "https://api.portone.io")
PORTONE_API_SECRET = env.str("PORTONE_API_SECRET", "sandbox" if DEVELOPMENT else "")
PORTONE_STORE_ID = env.str("PORTONE_STORE_ID", "store-sandbox" if DEVELOPMENT else "")
PORTONE_CHANNEL_KEY = env.str("PORTONE_CHANNEL_KEY", "channel-sandbox" if DEVELOPMENT else "")
SOLAPI_API_URL = env.str("SOLAPI_API_URL", f"{_sandbox}/solapi" if _sandbox else "https://api.solapi.com")
SOLAPI_API_KEY = env.str("SOLAPI_API_KEY", "sandbox" if DEVELOPMENT else "")
SOLAPI_API_SECRET = env.str("SOLAPI_API_SECRET", "sandbox" if DEVELOPMENT else "")
SANDBOX_URL = _sandbox
# Each is a folder or `s3://bucket/folder` (kt_remedy/core/file_stores.py), which several machines need.
DELIVERIES_DIR = env.str("DELIVERIES_DIR", str(LOCAL / "deliveries") if DEVELOPMENT else "")
HAND_OFF_DIR = env.str("HAND_OFF_DIR", str(LOCAL / "hand-off") if DEVELOPMENT else "")
# A folder that is copied to another machine: the head of the audit's chain, a file a day.
AUDIT_HEADS_DIR = env.str("AUDIT_HEADS_DIR", str(LOCAL / "audit-heads") if DEVELOPMENT else "")

# The account the refunds are paid from, as the bank file names it.
PAYER_NAME = env.str("PAYER_NAME", "위약금 환급(연습용)" if DEVELOPMENT else "")
PAYER_BANK = env.str("PAYER_BANK", "020" if DEVELOPMENT else "")
PAYER_ACCOUNT = env.str("PAYER_ACCOUNT", "1005000000000" if DEVELOPMENT else "")
BANK_FILE_FORMAT = env.str("BANK_FILE_FORMAT", "pain001")
# Whether the operator's bank sends money to securities firms (codes 2xx), so that customers may choose one.
SECURITIES_ACCOUNTS = _read(env.bool, "SECURITIES_ACCOUNTS", False)
RETURNS_NEED_STATEMENT = _read(env.bool, "RETURNS_NEED_STATEMENT", True)
BANK_FILE_MAX_ROWS = _number("BANK_FILE_MAX_ROWS", 100_000)
# A file that the bank gets before this hour is executed so many business days later at the earliest.
BANK_CUT_OFF_HOUR = _number("BANK_CUT_OFF_HOUR", 16, least=0, most=24)
BANK_LEAD_DAYS = _number("BANK_LEAD_DAYS", 0, least=0)
QA_SAMPLE_PERCENT = _number("QA_SAMPLE_PERCENT", 2, least=0, most=100)
# Of refusals, before their letter leaves (D-82); QA_SAMPLE_PERCENT holds for approvals.
SECOND_LOOK_PERCENT = _number("SECOND_LOOK_PERCENT", 10, least=0, most=100)
# Where `manage.py serve_metrics` answers Prometheus, inside the network; and the folder in which the processes of one
# web server count requests and statements together (the name is that of the client library of Prometheus).
METRICS_BIND = env.str("METRICS_BIND", "")
METRICS_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", "")
# Where faults and traces go; each library is loaded only where its address is set.
SENTRY_DSN = env.str("SENTRY_DSN", "")
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "")
for _name, _library in {
    "PROMETHEUS_MULTIPROC_DIR": "django_prometheus",
    "SENTRY_DSN": "sentry_sdk",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "opentelemetry.exporter",
}.items():
    if env.str(_name, "") and not checks.has_library(_library):
        _fault(20, f"{_name} is set, but its library is not installed.", "Install requirements-watching.txt.")
COUNTS_REQUESTS = SERVES_PAGES and bool(METRICS_DIR)
ACCOUNT_WIPE_DAYS = _number("ACCOUNT_WIPE_DAYS", 180)
# Where base backups and the archived log lie, who can open them (public keys of age), and the role that copies.
BACKUP_DIR = env.str("BACKUP_DIR", str(LOCAL / "backups") if DEVELOPMENT else "")
BACKUP_RECIPIENTS = env.str("BACKUP_RECIPIENTS", "")
BACKUP_DATABASE_URL = env.str("BACKUP_DATABASE_URL", "")
SMS_PER_SECOND = _number("SMS_PER_SECOND", 50)
# A call without a clear answer is asked about after so many seconds, and given up as unknown after so many minutes.
SMS_ASK_AFTER_SECONDS = _number("SMS_ASK_AFTER_SECONDS", 30)
SMS_UNKNOWN_AFTER_MINUTES = _number("SMS_UNKNOWN_AFTER_MINUTES", 10, least=0)
# Whether a round of reminders waits until one person has looked at it and another has approved it.
ROUNDS_NEED_APPROVAL = _read(env.bool, "ROUNDS_NEED_APPROVAL", not DEVELOPMENT)

# The waiting room: people it lets in a minute, all web processes together, and from how many milliseconds an answer of
# the look-up counts as slow; more than one in twenty slow ones halve the pace.
WAITING_ROOM_PER_MINUTE = _number("WAITING_ROOM_PER_MINUTE", 600)
WAITING_ROOM_SLOW_MS = _number("WAITING_ROOM_SLOW_MS", 1000)

# 3 The names of the site -----------------------------------------------------------------------------------

CUSTOMER_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEVELOPMENT else [])
# Staff work under a name of their own, so that their cookies never reach a page of customers; empty in a try-out.
STAFF_HOST = env.str("STAFF_HOST", "")
ALLOWED_HOSTS = [*CUSTOMER_HOSTS, *filter(None, [STAFF_HOST])]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

# 4 Applications -----------------------------------------------------------------------------------------

# A production image leaves the package out; where it is there, only development installs it.
DEVTOOLS = ["kt_remedy.devtools"] if DEVELOPMENT and find_spec("kt_remedy.devtools") else []
INSTALLED_APPS = [
    *DEVTOOLS,
    "kt_remedy.core",
    "kt_remedy.portal",
    "refunds",
    "rewards",
    "eligibility",
    "kt_remedy.staff",
    "kt_remedy.identity",
    "kt_remedy.notices",
    "kt_remedy.content",
    "kt_remedy.audit",
    "kt_remedy.audit.site.RoleSiteConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",
    "crispy_forms",
    "crispy_bootstrap5",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "pgtrigger",
    "pghistory",
    "django_structlog",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "kt_remedy.core.kept_pages.KeptPagesMiddleware",
    "kt_remedy.portal.waiting.middleware.WaitingRoomMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "kt_remedy.core.uploads.UploadLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "kt_remedy.staff.middleware.StaffSessionMiddleware",
    "kt_remedy.identity.middleware.PersonMiddleware",
    "kt_remedy.core.access.AccessMiddleware",
    "kt_remedy.core.switches.SwitchMiddleware",
    "kt_remedy.audit.looks.LooksMiddleware",
]
if COUNTS_REQUESTS:
    # Both before the others, so that a request that fails before it reaches a view is counted too.
    MIDDLEWARE[2:2] = [
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        "django_prometheus.middleware.PrometheusAfterMiddleware",
    ]
if OTEL_EXPORTER_OTLP_ENDPOINT:
    MIDDLEWARE.insert(2, "kt_remedy.core.tracing.TraceMiddleware")
# Upper bounds in seconds; 0.3 is that of the objective of the look-up (docs/operations.md).
PROMETHEUS_LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, float("inf"))
ROOT_URLCONF = "kt_remedy.urls"
WSGI_APPLICATION = "kt_remedy.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# `make dev`: what is saved is served by the next request, so compiled templates are not kept.
RELOAD = DEVELOPMENT and _read(env.bool, "REMEDY_RELOAD", False)
_loaders = ["kt_remedy.core.template_loader.Loader", "django.template.loaders.app_directories.Loader"]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": _loaders if RELOAD else [("django.template.loaders.cached.Loader", _loaders)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "kt_remedy.core.context_processors.portal",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = False

# 5 Data ---------------------------------------------------------------------------------------------------

# These change what only the owner of the tables may change; every other process works as the role of DATABASE_URL.
OWNER_COMMANDS = {"migrate", "rotate_keys", "audit_parts"}
_as_owner = Path(sys.argv[0]).name == "manage.py" and sys.argv[1:2] != [] and sys.argv[1] in OWNER_COMMANDS
_name = "MIGRATE_DATABASE_URL" if _as_owner and env.str("MIGRATE_DATABASE_URL", "") else "DATABASE_URL"
_saved_url = _local.get("MIGRATE_DATABASE_URL" if _as_owner else "DATABASE_URL", "postgres:///remedy")
try:
    _database = dj_database_url.parse(env.str(_name, "") or _saved_url)
except ValueError:  # its text would repeat the password
    _fault(2, f"The setting {_name} cannot be read.", "Write it as postgres://user:password@host:port/name.")
    _database = dj_database_url.parse("postgres:///")
_database |= {"CONN_MAX_AGE": _number("DATABASE_CONN_MAX_AGE", 60, least=0), "CONN_HEALTH_CHECKS": True}
if COUNTS_REQUESTS:
    _database["ENGINE"] = "django_prometheus.db.backends.postgresql"
DATABASES = {"default": _database}
# PgBouncer in transaction mode gives each transaction another session: no cursor, lock or setting may outlive one.
# It stands before the web alone; workers, beat and loads hold locks of their sessions.
DATABASE_POOLED = _read(env.bool, "DATABASE_POOLED", False)
if DATABASE_POOLED and not SERVES_PAGES:
    _fault(21, "DATABASE_POOLED is set for a process that is no web server.", "Let it connect to PostgreSQL directly.")
if REPLICA_URL := env.str("REPLICA_URL", ""):  # reports alone read it (kt_remedy/core/replica.py)
    try:
        DATABASES["replica"] = dj_database_url.parse(REPLICA_URL) | {
            "CONN_MAX_AGE": _database["CONN_MAX_AGE"],
            "CONN_HEALTH_CHECKS": True,
        }
    except ValueError:
        _fault(2, "The setting REPLICA_URL cannot be read.", "Write it as postgres://user:password@host:port/name.")
    DATABASE_ROUTERS = ["kt_remedy.core.replica.ReportRouter"]
# Web requests are short. Deliveries and batches raise these limits in their own transactions.
STATEMENT_TIMEOUTS = {
    "statement_timeout": _duration("STATEMENT_TIMEOUT", "15s"),
    "lock_timeout": _duration("LOCK_TIMEOUT", "5s"),
    "idle_in_transaction_session_timeout": _duration("IDLE_TRANSACTION_TIMEOUT", "60s"),
}
for _database in DATABASES.values():
    _options: dict[str, Any] = _database.setdefault("OPTIONS", {})
    if DATABASE_POOLED:  # the role has the limits instead: `manage.py database_roles`
        _database["DISABLE_SERVER_SIDE_CURSORS"] = True
        continue
    _limits = " ".join(f"-c {name}={value}" for name, value in STATEMENT_TIMEOUTS.items())
    _options["options"] = f"{_options.get('options', '')} {_limits}".strip()
# Web processes never touch Redis: the few cached values live in PostgreSQL too.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", _("한국어")), ("en", _("영어"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["kt_remedy.core.formats"]
TIME_ZONE = "Asia/Seoul"
USE_I18N = USE_TZ = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "/static/"
# Bootstrap's package is a folder of files, not a Django application.
STATICFILES_DIRS = [BASE_DIR / "static", ("bootstrap", Path(sysconfig.get_path("purelib")) / "bootstrap")]
STATIC_ROOT = BASE_DIR / "static_root"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if RELOAD:
    STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True
    WHITENOISE_MAX_AGE = 0
# Compressing is what collecting costs: not the copies under plain names, not what only a debugger loads.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*WhiteNoiseCompressor.SKIP_COMPRESS_EXTENSIONS, "map"]
UPLOADS_DIR = env.str("UPLOADS_DIR", str(LOCAL / "uploads") if DEVELOPMENT else "")
# A photograph of 50 megapixels has 10 to 25 MB; the largest camera of a telephone has 200 megapixels; a certificate
# or a hospital's record has some pages, and thirty are drawn in five seconds.
DOCUMENT_MAX_MB = _number("DOCUMENT_MAX_MB", 30)
DOCUMENT_MAX_TOTAL_MB = _number("DOCUMENT_MAX_TOTAL_MB", 60)
DOCUMENT_MAX_MEGAPIXELS = _number("DOCUMENT_MAX_MEGAPIXELS", 220)
DOCUMENT_MAX_PAGES = _number("DOCUMENT_MAX_PAGES", 30)
CLAMD_ADDRESS = env.str("CLAMD_ADDRESS", "")

# 6 People ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = [
    "kt_remedy.staff.backends.RoleBackend",  # what an account may do; the next one signs in
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
PASSWORD_LEAST = 12  # characters
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": PASSWORD_LEAST},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "kt_remedy.staff.passwords.ContextWords"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/staff/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "kt_remedy.staff.adapter.AccountAdapter"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_FORMS = {
    "login": "kt_remedy.staff.forms.SignInForm",
    "reauthenticate": "kt_remedy.staff.forms.PasswordAgainForm",
    "change_password": "kt_remedy.staff.forms.NewPasswordForm",
}
MFA_ADAPTER = "kt_remedy.staff.adapter.MFAAdapter"
MFA_FORMS = {
    "authenticate": "kt_remedy.staff.forms.SecondFactorForm",
    "reauthenticate": "kt_remedy.staff.forms.SecondFactorAgainForm",
    "activate_totp": "kt_remedy.staff.forms.NewSecondFactorForm",
    "add_webauthn": "kt_remedy.staff.forms.NewKeyForm",
}
MFA_TOTP_TOLERANCE = 1
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Remedy portal"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEVELOPMENT
# A security key alone signs in where it verified its user.
MFA_PASSKEY_LOGIN_ENABLED = True
# One lock for wrong passwords and codes: kt_remedy/staff/lockout.py. Limits of an address would stop a call centre.
ACCOUNT_RATE_LIMITS = dict.fromkeys(("login", "login_failed", "reauthenticate"))
MFA_RATE_LIMITS = {"webauthn_login": None}
KNOWN_BROWSER_COOKIE_NAME = "known-browser"

SESSION_ENGINE = "kt_remedy.core.session_store"
SESSION_COOKIE_AGE = 30 * 60
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
WAITING_PLACE_COOKIE, WAITING_ENTERED_COOKIE = "waiting-place", "waiting-entered"
BEHIND_PROXY = _read(env.bool, "BEHIND_PROXY", False)
if not DEVELOPMENT:  # a plain http try-out cannot carry Secure cookies
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    KNOWN_BROWSER_COOKIE_NAME = "__Host-known-browser"
    WAITING_PLACE_COOKIE, WAITING_ENTERED_COOKIE = "__Host-waiting-place", "__Host-waiting-entered"
    LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = _read(env.bool, "SECURE_SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        # Bootstrap draws its ticks and arrows as data: images from its own style sheet.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# 7 Tasks: the row, not the broker, is the truth --------------------------------------------------------
#
# Each value here has its reason; losing all of Redis costs only delay, because beat publishes the rows again.

CELERY_BROKER_URL = env.str("REDIS_URL", "") or _local.get("REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# With a late acknowledgement and a factor of one, a worker holds only the tasks that it runs, so that another worker
# takes the next one (default: an early acknowledgement and four).
CELERY_TASK_ACKS_LATE, CELERY_WORKER_PREFETCH_MULTIPLIER = True, 1
# Results stand in the rows; one in Redis would be a second truth that can be lost.
CELERY_TASK_IGNORE_RESULT = True
# Beat publishes a lost task again within seconds, so a worker need not look every ten seconds for tasks of dead
# workers.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "unacked_restore_interval": 60,
    **broker.transport_options(
        CELERY_BROKER_URL,
        master=env.str("REDIS_SENTINEL_MASTER", ""),
        password=env.str("REDIS_SENTINEL_PASSWORD", ""),
    ),
}
# A task goes on when the connection to Redis is lost: the lock of its row keeps every other worker away from it.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
# A worker told to stop finishes what it has first; most tasks take less (default: none).
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
# Flower and `celery events` show what runs.
CELERY_WORKER_SEND_TASK_EVENTS = True
# Its own logging would write beside our JSON lines, with arguments in them.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Due times stand in rows as instants; this is for what beat and the logs show.
CELERY_TIMEZONE = TIME_ZONE
# Any number of beats may run, one publishes.
CELERY_BEAT_SCHEDULER = "kt_remedy.core.tasks.beat:RowScheduler"
# A pickle from a broker that somebody else can write to is code.
CELERY_TASK_SERIALIZER, CELERY_ACCEPT_CONTENT = "json", ["json"]
# Apart, so that half a million messages or grants never stand before money. Tasks that queue messages go with them.
CELERY_TASK_DEFAULT_QUEUE = "rest"
CELERY_TASK_ROUTES = {
    "refunds.tasks.queue_campaign": {"queue": "messages"},
    "refunds.tasks.queue_reminders": {"queue": "messages"},
    "refunds.tasks.tell_promises": {"queue": "messages"},
    "refunds.tasks.*": {"queue": "money"},
    "kt_remedy.notices.tasks.*": {"queue": "messages"},
    "eligibility.tasks.announce_opening": {"queue": "messages"},
    "rewards.tasks.queue_*": {"queue": "messages"},
    "rewards.tasks.*": {"queue": "perks"},
}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# An address and a user agent belong to the audit of who looked, not to every log line.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# 8 Logs: JSON lines without personal data -----------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                scrub,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                stamp,
            ],
        }
    },
    "filters": {"no_traceback_of_refusal": {"()": lambda: drop_traceback_of_refusal}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        # These write phone and account numbers, which the services take in addresses, at INFO.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "django.request": {"filters": ["no_traceback_of_refusal"]},
        # What each task did stands in the row it worked on.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "django_structlog.celery": {"level": "WARNING"},
    },
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        stamp,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

# 9 The end: all faults at once ----------------------------------------------------------------------------

if not FILES_ONLY:
    FAULTS += checks.of_the_programme()
    FAULTS += [] if DEVELOPMENT else checks.of_production(os.environ)
# `manage.py check` shows them with their hints; nothing else starts, be it a command, gunicorn, a worker or beat.
if FAULTS and not (Path(sys.argv[0]).name == "manage.py" and sys.argv[1:2] == ["check"]):
    raise ImproperlyConfigured("\n".join(f"{fault.msg} {fault.hint}" for fault in FAULTS))
