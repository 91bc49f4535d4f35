"""Settings: one file for a laptop, the tests and production, read from the environment.

Without `DATABASE_URL` and without `DEBUG` this is a local try-out: servers and secrets live under `.local/`.
With `DEBUG` off it is production, and it refuses to start on a missing or weak secret, a set clock or the address of a
stand-in. Django's own DEBUG is never on: its error page prints local variables, and here those hold personal data.
"""

import datetime as dt
import json
import secrets
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
import structlog
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env, EnvError
from whitenoise.compress import Compressor as WhiteNoiseCompressor

from kt_remedy.core import crypto
from kt_remedy.core.logging import scrub

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL = BASE_DIR / ".local"  # what `make run` keeps: servers, secrets, uploads
env = Env()


def _refuse(sentence: str) -> None:
    raise ImproperlyConfigured(sentence)


def _read(reader, name, *args, **kwargs):
    try:
        return reader(name, *args, **kwargs)
    except (EnvError, ValueError) as error:
        raise ImproperlyConfigured(f"The setting {name} cannot be read: {error}") from None


# 1 What kind of place this is ---------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", "")
DEVELOPMENT = _read(env.bool, "DEBUG", not DATABASE_URL)
DEBUG = False
# These two read and write files only: no key, no server, nothing a secret could protect.
FILES_ONLY = len(sys.argv) > 1 and sys.argv[1] in {"judge", "sample_feed"}
_saved = LOCAL / "secrets.json"
_local = json.loads(_saved.read_text()) if DEVELOPMENT and _saved.exists() else {}

SECRET_KEY = env.str("SECRET_KEY", _local.get("SECRET_KEY", ""))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", [])
if (DEVELOPMENT and not SECRET_KEY) or FILES_ONLY:
    SECRET_KEY = secrets.token_urlsafe(50)
try:
    FIELD_KEYS = crypto.parse_keys(env.str("FIELD_KEYS", _local.get("FIELD_KEYS", "")))
    INDEX_KEY = crypto.parse_key(key) if (key := env.str("INDEX_KEY", _local.get("INDEX_KEY", ""))) else None
except ValueError as error:
    raise ImproperlyConfigured(f"FIELD_KEYS or INDEX_KEY cannot be read: {error}") from None

REMEDY_NOW = None
if text := env.str("REMEDY_NOW", _local.get("REMEDY_NOW", "")):
    try:
        REMEDY_NOW = dt.datetime.fromisoformat(text)
    except ValueError:
        _refuse(f"The setting REMEDY_NOW is no time: {text!r}. Write it as 2026-01-20T10:00+09:00.")
    if REMEDY_NOW.tzinfo is None:
        _refuse("The setting REMEDY_NOW names no offset. Write it as 2026-01-20T10:00+09:00.")

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
DELIVERIES_DIR = env.str("DELIVERIES_DIR", str(LOCAL / "deliveries") if DEVELOPMENT else "")
HAND_OFF_DIR = env.str("HAND_OFF_DIR", str(LOCAL / "hand-off") if DEVELOPMENT else "")
PROGRAMME_FILE = env.str("PROGRAMME_FILE", str(BASE_DIR / "kt_remedy" / "core" / "programme.toml"))

# The account the refunds are paid from, as the bank file names it.
PAYER_NAME = env.str("PAYER_NAME", "주식회사 케이티" if DEVELOPMENT else "")
PAYER_BANK = env.str("PAYER_BANK", "020" if DEVELOPMENT else "")
PAYER_ACCOUNT = env.str("PAYER_ACCOUNT", "1005000000000" if DEVELOPMENT else "")
BANK_FILE_FORMAT = env.str("BANK_FILE_FORMAT", "pain001")
BANK_FILE_MAX_ROWS = _read(env.int, "BANK_FILE_MAX_ROWS", 100_000)
QA_SAMPLE_PERCENT = _read(env.int, "QA_SAMPLE_PERCENT", 2)
ACCOUNT_WIPE_DAYS = _read(env.int, "ACCOUNT_WIPE_DAYS", 180)
SMS_PER_SECOND = _read(env.int, "SMS_PER_SECOND", 50)
# A call without a clear answer is asked about after so many seconds, and given up as unknown after so many minutes.
SMS_ASK_AFTER_SECONDS = _read(env.int, "SMS_ASK_AFTER_SECONDS", 30)
SMS_UNKNOWN_AFTER_MINUTES = _read(env.int, "SMS_UNKNOWN_AFTER_MINUTES", 10)
# Whether a round of reminders waits until one person has looked at it and another has approved it.
ROUNDS_NEED_APPROVAL = _read(env.bool, "ROUNDS_NEED_APPROVAL", not DEVELOPMENT)

# 3 What production refuses ------------------------------------------------------------------------------

if not DEVELOPMENT and not FILES_ONLY:
    if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 10 or SECRET_KEY.startswith("django-insecure"):
        _refuse("SECRET_KEY is missing or weak: set it to at least 50 random characters.")
    if not FIELD_KEYS or INDEX_KEY is None:
        _refuse("FIELD_KEYS and INDEX_KEY are needed to keep personal data encrypted: set both.")
    if REMEDY_NOW is not None:
        _refuse("REMEDY_NOW is set: a place that pays real money runs on the real clock. Unset it.")
    if not DATABASE_URL or not env.str("REDIS_URL", ""):
        _refuse("DATABASE_URL and REDIS_URL are needed: name the PostgreSQL and the Redis to use.")
    for _name, _address in (("PORTONE_API_URL", PORTONE_API_URL), ("SOLAPI_API_URL", SOLAPI_API_URL)):
        _host = urlsplit(_address).hostname or ""
        if urlsplit(_address).scheme != "https" or _host in {"localhost", "::1"} or _host.startswith("127."):
            _refuse(f"{_name} is {_address}: that is a stand-in's address, not the service.")
    for _name in (
        "PORTONE_API_SECRET",
        "PORTONE_STORE_ID",
        "PORTONE_CHANNEL_KEY",
        "SOLAPI_API_KEY",
        "SOLAPI_API_SECRET",
    ):
        if globals()[_name] in {"", "sandbox"}:
            _refuse(f"{_name} is missing: set the value the service gave you.")
    for _name in ("PAYER_NAME", "PAYER_BANK", "PAYER_ACCOUNT"):
        if not globals()[_name]:
            _refuse(f"{_name} is missing: set the account the refunds are paid from.")
    if not env.str("UPLOADS_DIR", ""):
        _refuse("UPLOADS_DIR is missing: name a folder outside the web root for the documents people send.")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if DEVELOPMENT else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [])

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
    "axes",
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
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "kt_remedy.staff.middleware.StaffSessionMiddleware",
    "kt_remedy.identity.middleware.PersonMiddleware",
    "kt_remedy.core.access.AccessMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "kt_remedy.urls"
WSGI_APPLICATION = "kt_remedy.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "kt_remedy.core.context_processors.frame",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_FAIL_SILENTLY = False

# 5 Data ---------------------------------------------------------------------------------------------------

DATABASES = {
    "default": dj_database_url.parse(
        DATABASE_URL or _local.get("DATABASE_URL", "postgres:///remedy"),
        conn_max_age=_read(env.int, "DATABASE_CONN_MAX_AGE", 60),
        conn_health_checks=True,
    )
}
DATABASES["default"].setdefault("OPTIONS", {})
# Web requests are short; whoever needs longer (feeds, batches) says so in its own transaction.
STATEMENT_TIMEOUTS = {
    "statement_timeout": env.str("STATEMENT_TIMEOUT", "15s"),
    "lock_timeout": env.str("LOCK_TIMEOUT", "5s"),
    "idle_in_transaction_session_timeout": env.str("IDLE_TRANSACTION_TIMEOUT", "60s"),
}
DATABASES["default"]["OPTIONS"]["options"] = " ".join(
    [DATABASES["default"]["OPTIONS"].get("options", "")] + [f"-c {k}={v}" for k, v in STATEMENT_TIMEOUTS.items()]
).strip()
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
# Compressing is what collecting costs: not the copies under plain names, not what only a debugger loads.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = [*WhiteNoiseCompressor.SKIP_COMPRESS_EXTENSIONS, "map"]
MEDIA_ROOT = env.str("UPLOADS_DIR", str(LOCAL / "uploads") if DEVELOPMENT else "")

# 6 People ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = [
    "kt_remedy.staff.backends.RoleBackend",  # what an account may do; the next two sign in
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/desk/"
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
MFA_TOTP_ISSUER = "KT remedy"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEVELOPMENT
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = dt.timedelta(minutes=30)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_CLIENT_IP_CALLABLE = "kt_remedy.core.access.address_of"

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 30 * 60
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
if not DEVELOPMENT:  # a plain http try-out cannot carry Secure cookies
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = _read(env.bool, "SECURE_SSL_REDIRECT", True)
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = True
    if _read(env.bool, "BEHIND_PROXY", False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
BEHIND_PROXY = _read(env.bool, "BEHIND_PROXY", False)
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
# Each value here has its reason; losing all of Redis costs only delay, because beat's sweep finds the rows again.

CELERY_BROKER_URL = env.str("REDIS_URL", "") or _local.get("REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A late acknowledgement survives a killed worker; a lost child is put back (its default is to acknowledge).
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
# One task at a time for each process: what it holds back unstarted would wait behind a long one and, after a kill, for
# the visibility timeout (default: four).
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Results stand in the rows; one in Redis would be a second truth that can be lost.
CELERY_TASK_IGNORE_RESULT = True
# soft < hard < half the visibility timeout, or Redis hands a running task to a second worker.
CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 1500, 1700
# A hung Redis must not hang the caller (default: for ever). A killed worker's tasks come back in seconds after the
# visibility timeout, not after the 100 s that ten skipped sweeps of ten seconds make.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _read(env.int, "VISIBILITY_TIMEOUT", 3600),
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
}
# Once the connection is lost, Redis gives the task to another worker: the one that runs here is stopped, or both run.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# A worker told to stop finishes what it has first; a run of the sender takes at most 20 s (default: none).
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
# Its own logging would write beside our JSON lines, with arguments in them.
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Due times stand in rows as instants; this is for what beat and the logs show.
CELERY_TIMEZONE = TIME_ZONE
# Any number of beats may run, one ticks.
CELERY_BEAT_SCHEDULER = "kt_remedy.core.tasks.beat:OneBeat"
# A pickle from a broker that somebody else can write to is code.
CELERY_TASK_SERIALIZER, CELERY_ACCEPT_CONTENT = "json", ["json"]
# Apart, so that half a million messages or grants never stand before money; what names no queue is nobody's hurry.
CELERY_TASK_DEFAULT_QUEUE = "rest"
CELERY_TASK_ROUTES = {
    "refunds.*": {"queue": "money"},
    "kt_remedy.notices.*": {"queue": "messages"},
    "rewards.*": {"queue": "perks"},
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
                structlog.processors.TimeStamper(fmt="iso", utc=False),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        # These write phone and account numbers, which the services take in addresses, at INFO.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # Sweeps run every second on every queue; what they did stands in the rows they worked on.
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
        structlog.processors.TimeStamper(fmt="iso", utc=False),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
