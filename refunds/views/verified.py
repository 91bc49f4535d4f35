"""The verified customer of a request, and the applications that are theirs."""

import datetime as dt

from django.http import Http404, HttpRequest

from kt_remedy.identity.service import Person
from refunds.applications.access import visible_to
from refunds.models.applications import Application

ADULT_AT = 19


class VerifiedRequest(HttpRequest):
    """A request that `@customer` let through."""

    person: Person


def is_minor(born: dt.date | None, on: dt.date) -> bool:
    """True if a person has not reached nineteen full years `on` a KST date; False without a birth date (D-16)."""
    return born is not None and (on.year - born.year - ((on.month, on.day) < (born.month, born.day))) < ADULT_AT


def own_application(request: VerifiedRequest, pk: int) -> Application:
    """An application the customer may see. Raises Http404 for any other."""
    row = (
        Application.objects.filter(visible_to(person_index=request.person.ci_index), pk=pk)
        .select_related("filing", "line__customer", "account__holder_check")
        .first()
    )
    if row is None:
        raise Http404
    return row
