"""The public page about the guarding of data: figures that the system writes itself, and the plan that staff write."""

import datetime as dt

from django.conf import settings
from django.core.cache import cache
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from kt_remedy.audit import heads
from kt_remedy.audit.models import AuditEntry, AuditHead, AuditSubject, LookQuestion
from kt_remedy.content import service as content
from kt_remedy.content.models import Place
from kt_remedy.core import clock, programme
from kt_remedy.core.access import public
from kt_remedy.core.models import RestoreDrill
from kt_remedy.staff.models import RightsRequest

# A plan without a word for so long is marked on the page.
PLAN_DAYS = 92
# Sealing is daily; after so many hours the page says that it is late.
SEAL_HOURS = 30
COUNT_SECONDS = 600


@public
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Show the figures as they are, also when they are not good."""
    today = clock.today()
    month_ends = today.replace(day=1)
    month_begins = (month_ends - dt.timedelta(days=1)).replace(day=1)
    head, plan = heads.latest(), content.current(Place.SECURITY)
    written_on = max((entry.shown_from for entry in plan), default=None)
    context = {
        "month": month_begins,
        "looks": looks(month_begins, month_ends),
        "asked": LookQuestion.objects.count(),
        "answered": LookQuestion.objects.filter(answered_at__isnull=False).count(),
        "head": head,
        "head_is_late": head is not None and clock.now() - head.at > dt.timedelta(hours=SEAL_HOURS),
        "certified": _last_certified(),
        "officer": _officer(),
        "drill": RestoreDrill.objects.filter(faults=[]).first(),
        "kept_days": settings.ACCOUNT_WIPE_DAYS,
        "unscanned": not settings.CLAMD_ADDRESS,
        "plan": plan,
        "written_on": written_on,
        "plan_is_old": written_on is not None and (today - written_on).days > PLAN_DAYS,
    }
    return render(request, "portal/guard.html", context)


@public
@require_safe
def seals(request: HttpRequest) -> HttpResponse:
    """All heads that were given out, as CSV, for everybody who wants to keep them."""
    answer = HttpResponse(heads.as_csv(AuditHead.objects.order_by("day")), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="seals.csv"'
    return answer


def looks(begins: dt.date, ends: dt.date) -> int:
    """Pages of staff that showed a customer, from a KST date to the day before another; counted every ten minutes."""
    showed = Exists(AuditSubject.objects.filter(entry=OuterRef("pk")))
    entries = AuditEntry.objects.filter(showed, actor__startswith="staff:")
    period = entries.filter(at__gte=clock.kst(begins), at__lt=clock.kst(ends))
    return cache.get_or_set(f"guard:looks:{begins}", period.count, COUNT_SECONDS) or 0


def _last_certified() -> dt.datetime | None:
    """The last time two people confirmed rights."""
    approved = RightsRequest.objects.filter(kind=RightsRequest.Kind.CERTIFY, state=RightsRequest.State.APPROVED)
    return approved.order_by("-decided_at").values_list("decided_at", flat=True).first()


def _officer() -> str:
    """The privacy officer as the programme file names them, in the reader's language; "" where it does not."""
    carrier = programme.current().carrier
    return (carrier.privacy_officer_en if get_language() == "en" else carrier.privacy_officer_ko) or ""
