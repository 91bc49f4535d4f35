"""Looks at customers: each page that shows staff data of customers writes one entry, and who they were.

The models of the register tell which customers a request read (`seen`), so no page can forget to. A view may name what
the page is about (`note`). The entry is written after the page was made and before it leaves: a page whose look cannot
be recorded is not shown. Acts that a page carries out have entries of their own.
"""

from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse

from kt_remedy.audit import actions, service
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import access, console

# The action of a page is this and the area of the console it belongs to, unless a view names another.
KIND = "look"


@dataclass(slots=True)
class _Page:
    customers: set[str] = field(default_factory=set)
    persons: set[bytes] = field(default_factory=set)
    action: str = ""
    object: str = ""
    subject: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


_sources: list[Callable[[Collection[bytes]], Iterable[str]]] = []
_page: ContextVar[_Page | None] = ContextVar("page", default=None)


def seen(customer: str | None) -> None:
    """Count a customer as read by the page that is being made; outside of a request nothing happens."""
    page = _page.get()
    if page is not None and customer:
        page.customers.add(customer)


def seen_person(person: bytes | None) -> None:
    """As `seen`, for rows that hold the key of a person and not a customer number."""
    page = _page.get()
    if page is not None and person:
        page.persons.add(bytes(person))


def register_customers(source: Callable[[Collection[bytes]], Iterable[str]]) -> None:
    """Say how the customer numbers of persons are found; the register does."""
    _sources.append(source)


def customers_of(persons: Collection[bytes]) -> set[str]:
    """The customer numbers of persons."""
    return {customer for source in _sources for customer in source(persons)} if persons else set()


def note(*, object: str, action: str = "", subject: str = "", **detail: Any) -> None:  # noqa: A002  a column's name
    """Name what the page is about ("application:7", "batch:3") and its customer, for the entry of the page.

    A page that shows no customer is recorded too, once it is noted. `action` is a registered look.
    """
    page = _page.get()
    if page is not None:
        page.action, page.object, page.subject = action, object, subject
        page.detail |= detail


def _role(request: HttpRequest) -> str:
    """The role in which a member of staff opens a page: the first of theirs that holds its permission."""
    policy = access.policy_of(request.resolver_match)
    codes = policy if isinstance(policy, tuple) else ()
    holders = {role for code in codes for role in access.roles_of(code)}
    return next((role for role in getattr(request.user, "roles", []) if role in holders), "")


def purpose(entry: AuditEntry) -> Any:
    """The purpose of a look as the customer reads it: of the area of the page, or of the act (D-92)."""
    area = f"{KIND}.{entry.detail.get('area')}"
    return actions.purpose_of(area if actions.is_look(area) else entry.action)


class LooksMiddleware:
    """Writes the entry of each page of staff that read customers. Stands behind `AccessMiddleware`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = _Page()
        page_token, reader_token = _page.set(page), service.reader.set(lambda: _reader(request))
        try:
            response = self.get_response(request)
            if _is_shown(request, response) and (page.customers or page.persons or page.object):
                _record(request, page)
        finally:
            _page.reset(page_token)
            service.reader.reset(reader_token)
        return response


def _reader(request: HttpRequest) -> tuple[str, str, str]:
    """Actor, role and code of the store of the member of staff at the browser."""
    store = getattr(request.user, "store", None)
    return service.actor(request.user), _role(request), store.code if store else ""


def _is_shown(request: HttpRequest, response: HttpResponse) -> bool:
    """True if the answer is a page for staff: a redirect leads to a page that is recorded itself, a refusal to none."""
    if 300 <= response.status_code < 400 or response.status_code in {403, 404, 405}:
        return False
    return isinstance(access.policy_of(request.resolver_match), tuple) and request.user.is_authenticated


def _record(request: HttpRequest, page: _Page) -> None:
    assert request.resolver_match is not None
    customers = page.customers | customers_of(page.persons) | ({page.subject} if page.subject else set())
    area = console.area_of(request.resolver_match) or "admin"
    service.record(
        actor=service.actor(request.user),
        action=page.action or f"{KIND}.{area}",
        object=page.object or f"page:{request.resolver_match.view_name}"[:80],
        subject=page.subject or (next(iter(customers)) if len(customers) == 1 else ""),
        detail={"area": area, "page": request.resolver_match.view_name, "customers": len(customers), **page.detail},
        customers=customers,
    )
