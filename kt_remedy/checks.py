"""Faults of the settings: each is a system check of Django with a hint; `manage.py check` shows them all.

`kt_remedy/settings.py` gathers the faults and lets no process start with one of them. The numbers stay as they are:

E001 unknown REMEDY_ENV, E002 unreadable value, E003 no time, E004 programme file, E005 secret key, E006 keys of fields,
E007 set clock, E008 servers, E009 address of a service, E010 secrets of the services, E011 payer, E012 folders,
E013 weak keys, E014 hosts, E015 plain connections, E016 numbers out of range, E017 demonstration accounts, E018 key of
the audit, E019 collectors of faults and traces, E020 libraries of watching, E021 a pooler before a process that holds
locks.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from kt_remedy.core import crypto, programme

SERVICES = ("PORTONE_API_SECRET", "PORTONE_STORE_ID", "PORTONE_CHANNEL_KEY", "SOLAPI_API_KEY", "SOLAPI_API_SECRET")
PAYER = ("PAYER_NAME", "PAYER_BANK", "PAYER_ACCOUNT")
SERVERS = {"DATABASE_URL": "PostgreSQL", "REDIS_URL": "Redis"}
SERVICE_HOSTS = {"PORTONE_API_URL": "api.portone.io", "SOLAPI_API_URL": "api.solapi.com"}
OBJECT_STORES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
ENCRYPTED = {"verify-ca", "verify-full"}  # `require` alone would talk to any server
FOLDERS = {
    "UPLOADS_DIR": "outside the web root for the documents people send",
    "DELIVERIES_DIR": "where the deliveries of the billing system appear",
    "HAND_OFF_DIR": "for the lists of the perk providers",
    "AUDIT_HEADS_DIR": "that is copied elsewhere, for the heads of the audit",
}


def fault(number: int, sentence: str, hint: str) -> Error:
    """One fault: what is wrong, and what to do about it. Neither repeats a secret."""
    return Error(sentence, hint=hint, id=f"remedy.E{number:03}")


def of_the_programme() -> Iterator[Error]:
    """The faults of the programme file of this installation."""
    try:
        programme.current()
    except programme.ProgrammeError as error:
        for sentence in error.faults:
            yield fault(4, f"{sentence}.", "Correct the file that PROGRAMME_FILE names.")


def of_production(environ: Mapping[str, str]) -> Iterator[Error]:
    """Faults of a production environment: missing or weak values, and values that only a try-out may have."""

    def given(name: str) -> str:
        return environ.get(name, "")

    keys = [given("SECRET_KEY"), *filter(None, given("SECRET_KEY_FALLBACKS").split(","))]
    for name, key in zip(["SECRET_KEY"] + ["A key of SECRET_KEY_FALLBACKS"] * len(keys), keys, strict=False):
        if len(key) < 50 or len(set(key)) < 10 or key.startswith("django-insecure"):
            yield fault(5, f"{name} is missing or weak.", "Set it to at least 50 random characters.")
    for name in ("FIELD_KEYS", "INDEX_KEY"):
        if not given(name).strip(","):
            yield fault(6, f"{name} is missing.", "Set it: it keeps personal data encrypted.")
    if given("REMEDY_PROCESS") != "web" and not given("AUDIT_KEYS").strip(","):
        yield fault(18, "AUDIT_KEYS is missing.", "Set it for workers and commands: it seals the audit.")
    yield from _of_keys(given("FIELD_KEYS"), given("INDEX_KEY"), given("AUDIT_KEYS"))
    yield from _of_hosts(given("ALLOWED_HOSTS"), given("STAFF_HOST"))
    for name, server in SERVERS.items():
        if not given(name):
            yield fault(8, f"{name} is missing.", f"Name the {server} to use.")
    for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REPLICA_URL", "REDIS_URL"):
        if hint := _plain_connection(given(name)):
            yield fault(15, f"{name} leads to another machine without encryption or password.", hint)
    if given("REDIS_URL").startswith("sentinel:") and not given("REDIS_SENTINEL_MASTER"):
        yield fault(8, "REDIS_SENTINEL_MASTER is missing.", "Name the master that the sentinels watch.")
    named = set(filter(None, given("SERVICE_HOSTS").split(",")))
    for name, host in SERVICE_HOSTS.items():
        if name in environ and not _is_stand_in(given(name)) and urlsplit(given(name)).hostname not in {host, *named}:
            hint = f"Unset it to use {host}, or name the host in SERVICE_HOSTS."
            yield fault(9, f"{name} is {given(name)}.", hint)
    for name in ("PORTONE_API_URL", "SOLAPI_API_URL"):
        if name in environ and _is_stand_in(given(name)):
            yield fault(9, f"{name} is {given(name)}.", "Name the service: that is the address of a stand-in.")
    for name in ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        if not _is_safe_collector(given(name)):
            yield fault(19, f"{name} leads to another machine without encryption.", "Write it with https://.")
    for name in SERVICES:
        if given(name) in {"", "sandbox"}:
            yield fault(10, f"{name} is missing.", "Set the value the service gave you.")
    for name in PAYER:
        if not given(name):
            yield fault(11, f"{name} is missing.", "Set the account the refunds are paid from.")
    yield from _of_stores(environ)


def _of_stores(environ: Mapping[str, str]) -> Iterator[Error]:
    """Folders and buckets that are missing, and an object store on another machine without encryption."""
    for name, content in FOLDERS.items():
        address = environ.get(name, "")
        if not address:
            yield fault(12, f"{name} is missing.", f"Name a folder {content}, or s3://bucket/folder.")
        elif address.startswith("s3:") and not re.fullmatch(r"s3://[^/]+(/.*)?", address):
            yield fault(12, f"{name} names no bucket.", "Write it as s3://bucket/folder.")
    for name in OBJECT_STORES:
        try:
            parts = urlsplit(environ.get(name, ""))
            plain = parts.scheme != "https" and not is_of_this_machine(environ.get(name, ""))
        except ValueError:
            plain = True
        if plain:
            yield fault(15, f"{name} leads to another machine without encryption.", "Use https://.")


def _of_keys(field_keys: str, index_key: str, audit_keys: str) -> Iterator[Error]:
    """Keys that nobody drew at random, and one key in two places. What cannot be read at all is E002."""
    try:
        keys = list(crypto.parse_keys(field_keys).values()) + ([crypto.parse_key(index_key)] if index_key else [])
        audit = list(crypto.parse_keys(audit_keys).values())
    except ValueError:
        return
    if any(len(set(key)) < 16 for key in audit) or {*audit} & {*keys}:
        yield fault(13, "A key in AUDIT_KEYS is weak or stands elsewhere too.", "Draw it: openssl rand -base64 32.")
    if any(len(set(key)) < 16 for key in keys):  # 32 random bytes have 30 different ones
        yield fault(13, "A key in FIELD_KEYS or INDEX_KEY is weak.", "Draw it: openssl rand -base64 32.")
    if len(set(keys)) < len(keys):
        yield fault(13, "FIELD_KEYS and INDEX_KEY hold the same key twice.", "Give each place a key of its own.")


def _of_hosts(allowed: str, staff: str) -> Iterator[Error]:
    hosts = {host.strip() for host in allowed.split(",") if host.strip()}
    if not hosts:
        yield fault(14, "ALLOWED_HOSTS is missing.", "Name the hosts under which customers open the portal.")
    if any("*" in host or host.startswith(".") for host in {*hosts, staff}):
        yield fault(14, "ALLOWED_HOSTS or STAFF_HOST holds a wildcard.", "Name each host in full.")
    if not staff:
        yield fault(14, "STAFF_HOST is missing.", "Name the host under which staff work, another one than customers'.")
    elif staff in hosts:
        yield fault(14, "STAFF_HOST is a host of customers.", "Give staff a host name of their own.")


def is_of_this_machine(address: str) -> bool:
    """True if a server is reached by a socket or the loopback interface. Raises ValueError for no address."""
    parts = urlsplit(address)
    host = _query_of(address).get("host", parts.hostname or "")
    return host.startswith(("/", "%2f", "%2F")) or host in {"", "localhost"} or _is_loopback(host)


def _query_of(address: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(address).query).items()}


def _plain_connection(address: str) -> str:
    """The hint for an address beyond this machine without encryption or without a password; empty for a good one."""
    first, *others = address.split(";") if address.startswith("sentinel:") else [address]
    try:
        parts = urlsplit(first)
        parts.port  # noqa: B018  (raises where it is no number)
        if all(is_of_this_machine(one) for one in (first, *others)):
            return ""
        query = _query_of(first)
    except ValueError:
        return ""  # E002
    if parts.scheme.startswith(("redis", "sentinel")):
        verified = query.get("ssl_cert_reqs", "required" if parts.scheme == "rediss" else "").lower()
        if parts.scheme in {"rediss", "sentinel"} and verified in {"required", "cert_required"} and parts.password:
            return ""
        return "Use rediss:// or sentinel:// with a password, and ssl_cert_reqs=required."
    safe = query.get("sslmode") in ENCRYPTED
    return "" if safe else "Add ?sslmode=verify-full and the certificate of the authority as sslrootcert."


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def has_library(module: str) -> bool:
    """True if a module is installed; it is not loaded for that."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it stands in
        return False


def _is_safe_collector(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return not address or parts.scheme == "https" or _is_loopback(parts.hostname or "")
    except ValueError:
        return False


def _is_stand_in(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return True
    host = parts.hostname or ""
    return parts.scheme != "https" or host in {"localhost", "::1"} or host.startswith("127.")


@register(Tags.database)
def check_accounts(databases: Any = None, **_options: Any) -> list[Error]:
    """The accounts of the demonstration, whose passwords everybody can read, in production."""
    from kt_remedy.staff import service  # late: it needs the models

    if settings.DEVELOPMENT or not databases or not service.has_demonstration_accounts():
        return []
    hint = "Use a database that was no try-out; these accounts can do nothing here."
    return [fault(17, "The database holds accounts of the demonstration.", hint)]


def refuse_demonstration() -> None:
    """Raise ImproperlyConfigured in production on a database with accounts of the demonstration.

    Web server, workers, beat and commands call it before they begin. A database that does not answer is no fault of
    the settings: the process begins and says so itself.
    """
    if settings.DEVELOPMENT:
        return
    try:
        faults = check_accounts(databases=["default"])
    except OperationalError:
        return
    finally:
        connection.close()  # a server that forks afterwards must not share it
    if faults:
        raise ImproperlyConfigured("\n".join(f"{fault.msg} {fault.hint}" for fault in faults))


@register(Tags.security, "deployment")
def check_settings(**_options: Any) -> list[Error]:
    """The faults that the settings gathered; other commands than `check` do not get as far as this."""
    return list(settings.FAULTS)
