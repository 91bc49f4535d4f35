"""The roster: holder and deputy of each duty, read by those who pay, assigned by the administrator."""

import dataclasses
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from refunds.models.batches import Roster
from refunds.payouts import overview
from refunds.payouts import roster as duties
from refunds.payouts.admin.forms import RosterForm
from refunds.payouts.admin.pages import ConfirmedAction, confirm, page, record_look


def _assign(*, user: User, **assignment: Any) -> Roster:
    return duties.assign(by=user, **assignment)


ASSIGN = ConfirmedAction(
    "payouts.assign_duty",
    gettext_lazy("담당과 대리 정하기"),
    gettext_lazy("권한은 바뀌지 않습니다. 오늘 할 일에 이 이름이 보입니다."),
    gettext_lazy("정하기"),
    _assign,
    gettext_lazy("정했습니다."),
)


@permission_required("payouts.view_roster")
def roster(request: HttpRequest) -> HttpResponse:
    """Every duty with its holder and deputy, assigned or not."""
    record_look(request, "admin.listed", "roster")
    assignments = duties.assignments()
    rows = []
    for code, label in Roster.Duty.choices:
        row = assignments.get(code)
        rows.append(
            {
                "label": label,
                "holder": overview.name_of(row.holder) if row else "",
                "deputy": overview.name_of(row.deputy) if row else "",
                "holder_fit": bool(row and duties.is_qualified(row.holder, code)),
                "deputy_fit": bool(row and duties.is_qualified(row.deputy, code)),
                "named_at": row.named_at if row else None,
                "url": reverse("admin:payouts:roster_assign", args=[code]),
            }
        )
    context = {"heading": _("담당과 대리"), "rows": rows}
    return page(request, "roster", context["heading"], context)


@permission_required(ASSIGN.permission)
def assign(request: HttpRequest, duty: str) -> HttpResponse:
    """Assign the holder and the deputy of a duty."""
    if duty not in Roster.Duty.values:
        raise Http404
    form = partial(RosterForm, people=duties.candidates(duty))
    action = dataclasses.replace(ASSIGN, form=form)  # type: ignore[arg-type]
    return confirm(
        request,
        action,
        back_url=reverse("admin:payouts:roster"),
        title=str(Roster.Duty(duty).label),
        rows=[],
        duty=duty,
    )
