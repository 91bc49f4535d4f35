"""Faults of the settings: each is a system check of Django with a hint; `manage.py check` shows them all.

`kt_remedy/settings.py` gathers the faults and lets no process start with one of them. The numbers stay as they are:

E001 unknown REMEDY_ENV, E002 unreadable value, E003 no time, E004 programme file, E005 secret key, E006 keys of fields,
E007 set clock, E008 servers, E009 address of a stand-in, E010 secrets of the services, E011 payer, E012 folders.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, register

from kt_remedy.core import programme

SERVICES = ("PORTONE_API_SECRET", "PORTONE_STORE_ID", "PORTONE_CHANNEL_KEY", "SOLAPI_API_KEY", "SOLAPI_API_SECRET")
PAYER = ("PAYER_NAME", "PAYER_BANK", "PAYER_ACCOUNT")
SERVERS = {"DATABASE_URL": "PostgreSQL", "REDIS_URL": "Redis"}
FOLDERS = {
    "UPLOADS_DIR": "outside the web root for the documents people send",
    "DELIVERIES_DIR": "where the deliveries of the billing system appear",
    "HAND_OFF_DIR": "for the lists of the perk providers",
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

    key = given("SECRET_KEY")
    if len(key) < 50 or len(set(key)) < 10 or key.startswith("django-insecure"):
        yield fault(5, "SECRET_KEY is missing or weak.", "Set it to at least 50 random characters.")
    for name in ("FIELD_KEYS", "INDEX_KEY"):
        if not given(name).strip(","):
            yield fault(6, f"{name} is missing.", "Set it: it keeps personal data encrypted.")
    for name, server in SERVERS.items():
        if not given(name):
            yield fault(8, f"{name} is missing.", f"Name the {server} to use.")
    for name in ("PORTONE_API_URL", "SOLAPI_API_URL"):
        if name in environ and _is_stand_in(given(name)):
            yield fault(9, f"{name} is {given(name)}.", "Name the service: that is the address of a stand-in.")
    for name in SERVICES:
        if given(name) in {"", "sandbox"}:
            yield fault(10, f"{name} is missing.", "Set the value the service gave you.")
    for name in PAYER:
        if not given(name):
            yield fault(11, f"{name} is missing.", "Set the account the refunds are paid from.")
    for name, content in FOLDERS.items():
        if not given(name):
            yield fault(12, f"{name} is missing.", f"Name a folder {content}.")


def _is_stand_in(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return True
    host = parts.hostname or ""
    return parts.scheme != "https" or host in {"localhost", "::1"} or host.startswith("127.")


@register(Tags.security, "deployment")
def check_settings(**_options: Any) -> list[Error]:
    """The faults that the settings gathered; other commands than `check` do not get as far as this."""
    return list(settings.FAULTS)
