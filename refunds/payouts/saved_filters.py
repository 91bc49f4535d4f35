"""Filters of the console's lists that people keep under a name, for themselves or for everybody."""

from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from kt_remedy.audit import service as audit
from kt_remedy.core import clock, text
from kt_remedy.staff.models import User
from refunds.models.console import SavedFilter
from refunds.payouts.guards import Refused

# Of an address, what is no filter: the page, the search of a session, marks of Django's lists.
_NO_FILTER = {"p", "find", "e", "all", "q"}
_MOST = 400


def clean_query(query: str) -> str:
    """The filters of an address in one order, without page and search."""
    pairs = sorted((key, value) for key, value in parse_qsl(query) if key not in _NO_FILTER and value)
    return urlencode(pairs)


def visible(user: User, list_name: str) -> QuerySet[SavedFilter]:
    """The filters of a list that somebody may use: their own and the shared ones."""
    return SavedFilter.objects.filter(Q(owner=user) | Q(shared=True), list=list_name).order_by("pk")


def save(*, user: User, list_name: str, name: str, query: str, shared: bool) -> SavedFilter:
    """Keep a filter under a name. Raises Refused: EMPTY, LONG, TWICE."""
    query, name = clean_query(query), text.clean(name)[:30]
    if not query or not name:
        raise Refused("EMPTY", _("먼저 목록을 거르고 이름을 적어 주세요."))
    if len(query) > _MOST:
        raise Refused("LONG", _("거르는 조건이 너무 많아 저장할 수 없습니다."))
    try:
        with transaction.atomic():
            row = SavedFilter.objects.create(
                owner=user, list=list_name, name=name, query=query, shared=shared, saved_at=clock.now()
            )
            audit.record(
                actor=audit.actor(user),
                action="list.filter_saved",
                object=f"filter:{row.pk}",
                detail={"list": list_name, "shared": shared},
            )
    except IntegrityError:
        raise Refused("TWICE", _("같은 이름의 거르기가 이미 있습니다. 다른 이름을 적어 주세요.")) from None
    return row


def delete(*, user: User, filter_id: int) -> str:
    """Forget one's own filter; returns the name of its list. Raises Refused: UNKNOWN."""
    with transaction.atomic():
        row = SavedFilter.objects.filter(pk=filter_id, owner=user).first()
        if row is None:
            raise Refused("UNKNOWN", _("내가 저장한 거르기만 지울 수 있습니다."))
        audit.record(actor=audit.actor(user), action="list.filter_deleted", object=f"filter:{row.pk}")
        row.delete()
    return row.list
