"""Single cases beside the rounds, in the Django admin: one application and its money, holds, corrections, questions to
the bank, who shares an account, whom the call centre calls, who does which duty.

Built from the same pages as `admin`: an act is posted after a page that says what it does, a file is taken for a
reason.
"""

import dataclasses
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, masking
from kt_remedy.core.templatetags.remedy import kdate, kdatetime, krw
from kt_remedy.staff.admin import RoleAdmin
from kt_remedy.staff.models import User
from refunds.bankfiles.inquiry import INQUIRY
from refunds.bankfiles.returns import return_reason
from refunds.models.applications import Application
from refunds.models.bank_files import BankFile, Inquiry
from refunds.models.batches import Roster
from refunds.models.cases import Adjustment, Hold, OfflinePayment
from refunds.models.items import Item
from refunds.models.states import Status
from refunds.payouts import (
    audit_bundle,
    cases,
    exceptions,
    guards,
    inquiry,
    offline,
    overview,
    roster,
    shared_accounts,
)
from refunds.payouts.admin.batches import MONEY, Act, AddedUp, attached, confirm, may, need, page, take
from refunds.payouts.admin.forms import AdjustmentForm, FindForm, OfflinePaymentForm, ReasonForm, RosterForm

CASES = (*MONEY, "reviewer", "supervisor")
HOLDERS = ("maker", "supervisor", "reviewer")

CASE_ACTS = {
    "hold": Act(
        HOLDERS,
        gettext_lazy("지급 보류"),
        gettext_lazy("푸실 때까지 이 신청은 어느 회차에도 담기지 않습니다. 이미 확정된 회차의 건은 그대로입니다."),
        gettext_lazy("보류하기"),
        cases.hold,
        gettext_lazy("보류했습니다."),
        form=ReasonForm,
    ),
    "release": Act(
        HOLDERS,
        gettext_lazy("보류 풀기"),
        gettext_lazy("다음 회차부터 다시 지급 대상이 됩니다."),
        gettext_lazy("보류 풀기"),
        cases.release,
        gettext_lazy("보류를 풀었습니다."),
        form=ReasonForm,
        fresh=True,
    ),
    "adjust": Act(
        ("maker",),
        gettext_lazy("정정 내기"),
        gettext_lazy(
            "다른 사람이 승인하면, 덜 드린 돈은 다음 회차에 따로 나가고 더 드린 돈은 돌려받을 목록에 오릅니다."
        ),
        gettext_lazy("정정 내기"),
        cases.propose_adjustment,
        gettext_lazy("정정을 냈습니다. 다른 사람의 승인을 기다립니다."),
        form=AdjustmentForm,
    ),
    "by-hand": Act(
        ("maker",),
        gettext_lazy("따로 보낸 지급 적기"),
        gettext_lazy(
            "이 신청의 환급금을 모두 보낸 뒤에 적습니다. 적으면 어느 회차에도 담기지 않고 계좌를 바꿀 수 없습니다. "
            "다른 사람이 영수증을 보고 확인해야 지급된 것이 됩니다."
        ),
        gettext_lazy("보냈다고 적기"),
        offline.record,
        gettext_lazy("적었습니다. 다른 사람의 확인을 기다립니다."),
        form=OfflinePaymentForm,
        fresh=True,
    ),
}
OFFLINE_ACTIONS = {
    "confirm": Act(
        ("checker",),
        gettext_lazy("따로 보낸 지급 확인"),
        gettext_lazy("영수증과 견주어 보셨나요? 확인하면 지급된 것이 되고 고객에게 문자가 갑니다. 되돌릴 수 없습니다."),
        gettext_lazy("확인하기"),
        partial(offline.decide, confirm=True),
        gettext_lazy("확인했습니다."),
        fresh=True,
    ),
    "decline": Act(
        ("checker",),
        gettext_lazy("따로 보낸 지급 받아들이지 않기"),
        gettext_lazy("돈이 나가지 않은 것으로 남습니다. 정말 나가지 않았는지 먼저 확인해 주세요."),
        gettext_lazy("받아들이지 않기"),
        partial(offline.decide, confirm=False),
        gettext_lazy("받아들이지 않았습니다."),
        form=ReasonForm,
        fresh=True,
    ),
}
ADJUSTMENT_ACTS = {
    "approve": Act(
        ("checker",),
        gettext_lazy("정정 승인"),
        gettext_lazy("덜 드린 돈은 다음 회차에 나갑니다. 더 드린 돈은 고객에게 돌려받습니다."),
        gettext_lazy("승인하기"),
        partial(cases.decide_adjustment, approve=True),
        gettext_lazy("승인했습니다."),
        fresh=True,
    ),
    "decline": Act(
        ("checker",),
        gettext_lazy("정정 받아들이지 않기"),
        gettext_lazy("이 정정은 나가지 않습니다. 낸 사람은 이유를 보고 다시 낼 수 있습니다."),
        gettext_lazy("받아들이지 않기"),
        partial(cases.decide_adjustment, approve=False),
        gettext_lazy("받아들이지 않았습니다."),
        form=ReasonForm,
    ),
    "recovered": Act(
        ("maker",),
        gettext_lazy("돌려받음"),
        gettext_lazy("더 드린 돈이 들어왔음을 본인 이름으로 남깁니다. 언제 어떻게 들어왔는지 적어 주세요."),
        gettext_lazy("돌려받음으로 남기기"),
        cases.recovered,
        gettext_lazy("돌려받은 것으로 남겼습니다."),
        form=ReasonForm,
        fresh=True,
    ),
}
ASK = Act(
    ("maker",),
    gettext_lazy("조회 목록 만들기"),
    gettext_lazy("은행이 답하지 않은 건의 목록입니다. 지급 지시가 아니며, 답이 올 때까지 다시 보내지 않습니다."),
    gettext_lazy("목록 만들기"),
    inquiry.make,
    gettext_lazy("조회 목록을 만들어 보관했습니다. 내려받아 은행에 건네 주세요."),
)
NAME = Act(
    ("administrator",),
    gettext_lazy("담당과 대리 정하기"),
    gettext_lazy("권한은 바뀌지 않습니다. 오늘 할 일에 이 이름이 보입니다."),
    gettext_lazy("정하기"),
    lambda *, user, **given: roster.assign(by=user, **given),
    gettext_lazy("정했습니다."),
)


def opened(request: HttpRequest, application_id: int, *roles: str) -> Application:
    """One application a member of staff may open; raises PermissionDenied for their own case, Http404 for none."""
    user = need(request, *roles)
    rows = Application.objects.select_related("filing", "line__customer", "account")
    row = get_object_or_404(rows, pk=application_id)
    if user.person_index and bytes(user.person_index) == bytes(row.filing.person_index):
        raise PermissionDenied("nobody opens their own case")
    return row


def about(row: Application) -> list[tuple[str, Any]]:
    """An application in a few lines, masked."""
    return [
        (_("접수번호"), row.filing.reference),
        (_("계약번호"), row.line_id),
        (_("신청한 분"), masking.name(row.line.customer.holder_name or "")),
        (_("계좌"), str(row.account)),
        (_("신청일"), kdate(row.applied_on)),
    ]


def case_url(row: Application | int) -> str:
    """The page of one application."""
    return reverse("admin:refunds_hold_case", args=[row if isinstance(row, int) else row.pk])


@admin.register(Hold)
class HoldAdmin(RoleAdmin):
    """Applications kept out of the payouts by a person, and the page of a single application."""

    view_roles = CASES
    list_display = ("case", "reason", "placed_by", "placed_at", "released_by", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    list_select_related = ("application__filing", "placed_by", "released_by")
    list_display_links = None
    fields = readonly_fields = ("application", "reason", "placed_by", "placed_at", "released_by", "released_at")
    change_list_template = "admin/refunds/hold_list.html"

    @admin.display(description=gettext_lazy("접수번호"))
    def case(self, hold: Hold) -> str:
        """The application, by its reference."""
        return format_html('<a href="{}">{}</a>', case_url(hold.application_id), hold.application.filing.reference)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("find/", wrap(self.find), name="refunds_hold_find"),
            path("sharing/", wrap(self.sharing), name="refunds_hold_sharing"),
            path("returned/", wrap(self.returned), name="refunds_hold_returned"),
            path("returned/list/", wrap(self.call_list), name="refunds_hold_call_list"),
            path("case/<int:application_id>/", wrap(self.one), name="refunds_hold_case"),
            path("case/<int:application_id>/evidence/", wrap(self.evidence), name="refunds_hold_evidence"),
            path("case/<int:application_id>/<slug:name>/do/", wrap(self.act), name="refunds_hold_act"),
            *super().get_urls(),
        ]

    def find(self, request: HttpRequest) -> HttpResponse:
        """Open one application by a number of it; posted, so that the number stands in no address."""
        need(request, *CASES)
        form = FindForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            number = form.cleaned_data["number"].strip().upper()
            items = Item.objects.filter(reference=number).values("application")
            found = Application.objects.filter(Q(filing__reference=number) | Q(line=number) | Q(pk__in=items)).order_by(
                "-pk"
            )
            if row := found.first():
                return redirect(case_url(row))
            form.add_error("number", _("이 번호의 신청이 없습니다. 번호 전체를 그대로 적어 주세요."))
        context = {"form": form, "heading": _("신청 한 건 찾기"), "back": reverse("admin:index")}
        return page(request, "find", context["heading"], context, status=400 if form.errors else 200)

    def one(self, request: HttpRequest, application_id: int) -> HttpResponse:
        """One application: its payments, holds and corrections, who shares its account, and what can be done."""
        row = opened(request, application_id, *CASES)
        self._looked(request, "admin.viewed", str(row.pk), row.line.customer_id, {})
        holds = row.holds.select_related("placed_by", "released_by").order_by("-pk")
        held = next((hold for hold in holds if hold.released_at is None), None)
        items = row.items.select_related("batch").order_by("-pk")
        paid = any(item.status == Item.Status.PAID and item.kind == Item.Kind.REFUND for item in items)
        corrections = row.adjustments.order_by("-pk")
        acts = []
        if may(request, *HOLDERS):
            acts.append((_("보류 풀기"), "release") if held else (_("지급 보류"), "hold"))
        if may(request, "maker") and paid and not any(one.status == "PROPOSED" for one in corrections):
            acts.append((_("정정 내기"), "adjust"))
        sent = row.offline_payments.select_related("recorded_by").order_by("-pk")
        away = row.account.is_offline and row.status == Status.APPROVED
        if may(request, "maker") and away and not any(one.status in OfflinePayment.HOLDING for one in sent):
            acts.append((_("따로 보낸 지급 적기"), "by-hand"))
        balance = cases.balance(row) if paid else None
        tables = [
            {
                "title": _("지급"),
                "head": [_("관리번호"), _("지급 회차"), _("상태"), _("금액")],
                "rows": [
                    [
                        (item.reference, _if(request, MONEY, "admin:refunds_item_change", item.pk)),
                        (overview.round_name(item.batch.number, item.batch.pay_on), ""),
                        (str(item.get_status_display()), ""),
                        (krw(item.amount_krw), ""),
                    ]
                    for item in items
                ],
                "empty": _("아직 어느 회차에도 담기지 않았습니다."),
            },
            {
                "title": _("정정"),
                "head": [_("까닭"), _("상태"), _("낸 때"), _("금액")],
                "rows": [
                    [
                        (
                            str(one.get_cause_display()),
                            _if(request, MONEY, "admin:refunds_adjustment_change", one.pk),
                        ),
                        (str(one.get_status_display()), ""),
                        (kdatetime(one.proposed_at), ""),
                        (krw(one.amount_krw), ""),
                    ]
                    for one in corrections
                ],
                "empty": _("정정이 없습니다."),
            },
            {
                "title": _("보류한 기록"),
                "head": [_("이유"), _("보류"), _("해제")],
                "rows": [
                    [
                        (one.reason, ""),
                        (f"{kdatetime(one.placed_at)} {overview.name_of(one.placed_by)}", ""),
                        (f"{kdatetime(one.released_at)} {overview.name_of(one.released_by)}", "")
                        if one.released_at
                        else (_("보류 중"), ""),
                    ]
                    for one in holds
                ],
                "empty": _("보류한 적이 없습니다."),
            },
            *([self._sent(request, sent)] if sent or row.account.is_offline else []),
            self._others(_("같은 계좌로 가는 다른 신청"), shared_accounts.same_account(row)),
            self._others(_("같은 분의 다른 신청"), shared_accounts.same_person(row)),
        ]
        context = {
            "row": row,
            "heading": row.filing.reference,
            "rows": about(row),
            "held": held,
            "balance": balance,
            "acts": [(label, reverse("admin:refunds_hold_act", args=[row.pk, name])) for label, name in acts],
            "evidence_url": reverse("admin:refunds_hold_evidence", args=[row.pk])
            if may(request, *audit_bundle.ROLES)
            else "",
            "tables": tables,
        }
        return page(request, "case", context["heading"], context)

    @staticmethod
    def _sent(request: HttpRequest, sent: Any) -> dict[str, Any]:
        return {
            "title": _("따로 보낸 지급"),
            "head": [_("보낸 방법"), _("영수증 번호"), _("보낸 날"), _("상태"), _("금액")],
            "rows": [
                [
                    (
                        str(one.get_way_display()),
                        _if(request, MONEY, "admin:refunds_offlinepayment_change", one.pk),
                    ),
                    (one.reference, ""),
                    (kdate(one.paid_on), ""),
                    (str(one.get_status_display()), ""),
                    (krw(one.amount_krw), ""),
                ]
                for one in sent
            ],
            "empty": _("아직 보내지 않았습니다."),
        }

    @staticmethod
    def _others(title: str, rows: list[Application]) -> dict[str, Any]:
        return {
            "title": title,
            "head": [_("접수번호"), _("신청한 분"), _("계좌"), _("상태")],
            "rows": [
                [
                    (one.filing.reference, case_url(one)),
                    (masking.name(one.line.customer.holder_name or ""), ""),
                    (str(one.account), ""),
                    (str(one.get_status_display()), ""),
                ]
                for one in rows
            ],
            "empty": _("없습니다."),
        }

    def act(self, request: HttpRequest, application_id: int, name: str) -> HttpResponse:
        """Hold, let go, propose a correction."""
        if name not in CASE_ACTS:
            raise Http404
        act = CASE_ACTS[name]
        row = opened(request, application_id, *act.roles)
        rows = about(row)
        if name == "adjust":
            balance = cases.balance(row)
            rows += [(_("지금 청구 자료가 말하는 금액"), krw(balance.owed)), (_("입금된 금액"), krw(balance.paid))]
        if name == "by-hand":
            try:
                rows.append((_("지금 보낼 금액"), krw(offline.due(row))))
            except guards.Refused as refused:
                messages.error(request, refused.message)
                return redirect(case_url(row))
        return confirm(request, act, back=case_url(row), title=row.filing.reference, rows=rows, application_id=row.pk)

    def evidence(self, request: HttpRequest, application_id: int) -> HttpResponse | StreamingHttpResponse:
        """Everything about one application as one file."""
        row = opened(request, application_id, *audit_bundle.ROLES)
        clear = may(request, "auditor")

        def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
            content = audit_bundle.take(application_id=row.pk, user=user, reason=reason)
            return attached(content, f"evidence-{row.filing.reference}.zip", "application/zip")

        return take(
            request,
            roles=audit_bundle.ROLES,
            title=_("증빙 묶음 내려받기"),
            about=row.filing.reference,
            text=_("이 신청의 모든 기록을 한 파일로 묶습니다. 감사 담당에게는 이름, 번호, 계좌가 그대로 들어갑니다.")
            if clear
            else _("이 신청의 모든 기록을 한 파일로 묶습니다. 이름, 번호, 계좌는 가려집니다."),
            rows=about(row),
            back=case_url(row),
            make=make,
        )

    def sharing(self, request: HttpRequest) -> HttpResponse:
        """Who shares an account, and who has several."""
        need(request, *CASES)
        self._looked(request, "admin.listed", "", "", {"report": "sharing"})
        tables = []
        for report in shared_accounts.reports():
            title = f"{report.title} · " + _("%(count)s건") % {"count": f"{report.count:,}"}
            if report.count > len(report.groups):
                title += " " + _("(큰 것부터 %(count)s건)") % {"count": len(report.groups)}
            tables.append(
                {
                    "title": title,
                    "head": [_("한 신청"), _("신청한 분"), _("계좌"), _("사람"), _("계좌 수"), _("신청"), _("금액")],
                    "rows": [
                        [
                            (one.application.filing.reference, case_url(one.application)),
                            (masking.name(one.application.line.customer.holder_name or ""), ""),
                            (str(one.application.account), ""),
                            (f"{one.people:,}", ""),
                            (f"{one.accounts:,}", ""),
                            (f"{one.applications:,}", ""),
                            (krw(one.won), ""),
                        ]
                        for one in report.groups
                    ],
                    "empty": _("없습니다."),
                }
            )
        context = {
            "heading": _("같은 계좌, 같은 사람"),
            "lead": _("철회와 거절을 뺀 모든 신청에서 찾았습니다. 번호를 지운 뒤에도 찾을 수 있습니다."),
            "tables": tables,
        }
        return page(request, "listing", context["heading"], context)

    def returned(self, request: HttpRequest) -> HttpResponse:
        """Money that came back and waits for another account: the call centre's list."""
        need(request, *MONEY, *exceptions.CALL_CENTRE)
        self._looked(request, "admin.listed", "", "", {"report": "returned"})
        found, over = exceptions.unpaid_returns()
        lead = (
            _("마지막 회차가 지났습니다. 이분들의 돈은 고객센터가 맡습니다.")
            if over
            else _("문자로 계좌를 여쭈었고 아직 고치지 않으신 분들입니다. 고치시면 다음 지급일에 나갑니다.")
        )
        listed = [
            [
                (one.reference, case_url(one.application_id) if may(request, *CASES) else ""),
                (one.name, ""),
                (one.contact, ""),
                (return_reason(one.code), ""),
                (_("%(attempt)s번째") % {"attempt": one.attempts}, ""),
                (kdate(one.returned_on), ""),
                (krw(one.won), ""),
            ]
            for one in found
        ]
        context = {
            "heading": _("되돌아온 돈"),
            "lead": lead,
            "tables": [
                {
                    "title": _("계좌를 기다리는 %(count)s건") % {"count": f"{len(found):,}"},
                    "head": [
                        _("접수번호"),
                        _("신청한 분"),
                        _("연락처"),
                        _("까닭"),
                        _("시도"),
                        _("되돌아온 날"),
                        _("금액"),
                    ],
                    "rows": listed,
                    "empty": _("되돌아와 기다리는 돈이 없습니다."),
                }
            ],
            "links": [(_("고객센터 명단 내려받기"), reverse("admin:refunds_hold_call_list"), "doc")]
            if found and may(request, *exceptions.CALL_CENTRE)
            else [],
        }
        return page(request, "listing", context["heading"], context)

    def call_list(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The list as a file, telephone numbers in full."""

        def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
            content = exceptions.call_list(user=user, reason=reason)
            return attached(content, f"call-list-{clock.today():%Y%m%d}.csv", "text/csv; charset=utf-8")

        return take(
            request,
            roles=exceptions.CALL_CENTRE,
            title=_("고객센터 명단 내려받기"),
            about=_("되돌아온 돈"),
            text=_("전화를 드려야 하므로 연락처가 그대로 들어 있습니다. 이름은 가려져 있고 계좌는 없습니다."),
            rows=[],
            back=reverse("admin:refunds_hold_returned"),
            make=make,
        )


def _if(request: HttpRequest, roles: tuple[str, ...], name: str, *args: Any) -> str:
    """An address, for those who may open it."""
    return reverse(name, args=args) if may(request, *roles) else ""


class TwoPeopleAdmin(AddedUp, RoleAdmin):
    """Money beside the rounds that one person asks for and another decides: sums, and the application by reference."""

    view_roles = MONEY
    ordering = ("-pk",)
    change_list_template = "admin/refunds/item_list.html"
    added_up = "amount_krw"

    @admin.display(description=gettext_lazy("접수번호"))
    def case(self, row: Adjustment | OfflinePayment) -> str:
        """The application, by its reference."""
        return row.application.filing.reference

    @admin.display(description=gettext_lazy("금액"), ordering="amount_krw")
    def amount(self, row: Adjustment | OfflinePayment) -> str:
        """The sum with its unit."""
        return krw(row.amount_krw)


@admin.register(Adjustment)
class AdjustmentAdmin(TwoPeopleAdmin):
    """Corrections: proposed by one person, decided by another."""

    list_display = ("case", "cause", "amount", "status", "proposed_by", "proposed_at", "decided_by", "decided_at")
    list_filter = ("status", "cause")
    list_select_related = ("application__filing", "proposed_by", "decided_by")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:adjustment_id>/<slug:name>/do/", wrap(self.act), name="refunds_adjustment_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One correction: what it mends, who proposed it, and what is to be decided."""
        user = need(request, *MONEY)
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if request.method != "GET":
            raise PermissionDenied("a correction is not edited")
        opened(request, row.application_id, *MONEY)
        self._looked(request, "admin.viewed", str(row.pk), row.application.line.customer_id, {})
        mine = row.proposed_by_id == user.pk or bytes(row.proposed_person) == bytes(user.person_index or b"")
        names = []
        if row.status == Adjustment.Status.PROPOSED and may(request, "checker") and not mine:
            names = ["approve", "decline"]
        elif row.status == Adjustment.Status.CLAIMED and may(request, "maker"):
            names = ["recovered"]
        context = {
            "row": row,
            "heading": _("정정 %(number)s") % {"number": row.pk},
            "rows": self._rows(row),
            "acts": [
                (ADJUSTMENT_ACTS[name].button, reverse("admin:refunds_adjustment_act", args=[row.pk, name]))
                for name in names
            ],
            "mine": mine and row.status == Adjustment.Status.PROPOSED and may(request, "checker"),
            "items": row.items.select_related("batch").order_by("pk"),
            "case_url": case_url(row.application_id),
        }
        return page(request, "adjustment", context["heading"], context)

    @staticmethod
    def _rows(row: Adjustment) -> list[tuple[str, Any]]:
        balance = cases.balance(row.application)
        found = [
            (_("까닭"), str(row.get_cause_display())),
            (_("접수번호"), row.application.filing.reference),
            (_("지금 청구 자료가 말하는 금액"), krw(balance.owed)),
            (_("입금된 금액"), krw(balance.paid)),
            (_("계좌"), str(row.application.account)),
            (_("낸 사람"), f"{overview.name_of(row.proposed_by)} {kdatetime(row.proposed_at)}"),
        ]
        if row.decided_at:
            found.append((_("정한 사람"), f"{overview.name_of(row.decided_by)} {kdatetime(row.decided_at)}"))
        return found

    def act(self, request: HttpRequest, adjustment_id: int, name: str) -> HttpResponse:
        """Approve, decline, say that the money came back."""
        if name not in ADJUSTMENT_ACTS:
            raise Http404
        act = ADJUSTMENT_ACTS[name]
        need(request, *act.roles)
        rows = Adjustment.objects.select_related("application__filing", "application__account")
        row = get_object_or_404(rows, pk=adjustment_id)
        return confirm(
            request,
            act,
            back=reverse("admin:refunds_adjustment_change", args=[row.pk]),
            title=_("정정 %(number)s") % {"number": row.pk},
            rows=[(_("금액"), krw(row.amount_krw)), *self._rows(row), (_("이유"), row.reason)],
            adjustment_id=row.pk,
        )


@admin.register(OfflinePayment)
class OfflinePaymentAdmin(TwoPeopleAdmin):
    """Refunds sent by hand: recorded by one person, confirmed by another."""

    list_display = ("case", "way", "paid_on", "amount", "status", "recorded_by", "recorded_at", "decided_by")
    list_filter = ("status", "way")
    list_select_related = ("application__filing", "recorded_by", "decided_by")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:payment_id>/<slug:name>/do/", wrap(self.act), name="refunds_offlinepayment_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """One payment by hand, and what is to be decided of it."""
        user = need(request, *MONEY)
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if request.method != "GET":
            raise PermissionDenied("a payment is not edited")
        opened(request, row.application_id, *MONEY)
        self._looked(request, "admin.viewed", str(row.pk), row.application.line.customer_id, {})
        mine = row.recorded_by_id == user.pk or bytes(row.recorded_person) == bytes(user.person_index or b"")
        deciding = row.status == OfflinePayment.Status.RECORDED and may(request, "checker")
        context = {
            "row": row,
            "heading": _("따로 보낸 지급 %(number)s") % {"number": row.pk},
            "rows": self._rows(row),
            "acts": [
                (act.button, reverse("admin:refunds_offlinepayment_act", args=[row.pk, name]))
                for name, act in OFFLINE_ACTIONS.items()
                if deciding and not mine
            ],
            "mine": mine and deciding,
            "case_url": case_url(row.application_id),
        }
        return page(request, "offline_payment", context["heading"], context)

    @staticmethod
    def _rows(row: OfflinePayment) -> list[tuple[str, Any]]:
        found = [
            (_("접수번호"), row.application.filing.reference),
            (_("보낸 방법"), str(row.get_way_display())),
            (_("보낸 날"), kdate(row.paid_on)),
            (_("영수증 번호"), row.reference),
            (_("지금 청구 자료가 말하는 금액"), krw(cases.balance(row.application).owed)),
            (_("적은 사람"), f"{overview.name_of(row.recorded_by)} {kdatetime(row.recorded_at)}"),
        ]
        if row.decided_at:
            found.append((_("확인한 사람"), f"{overview.name_of(row.decided_by)} {kdatetime(row.decided_at)}"))
        return found

    def act(self, request: HttpRequest, payment_id: int, name: str) -> HttpResponse:
        """Confirm or decline."""
        if name not in OFFLINE_ACTIONS:
            raise Http404
        act = OFFLINE_ACTIONS[name]
        need(request, *act.roles)
        row = get_object_or_404(OfflinePayment.objects.select_related("application__filing"), pk=payment_id)
        opened(request, row.application_id, *act.roles)
        return confirm(
            request,
            act,
            back=reverse("admin:refunds_offlinepayment_change", args=[row.pk]),
            title=_("따로 보낸 지급 %(number)s") % {"number": row.pk},
            rows=[(_("금액"), krw(row.amount_krw)), *self._rows(row)],
            payment_id=row.pk,
        )


@admin.register(Inquiry)
class InquiryAdmin(RoleAdmin):
    """Questions to the bank: what is unanswered by file, and the lists that were made."""

    view_roles = MONEY
    list_display = ("name", "file", "count", "won_text", "made_by", "made_at")
    list_select_related = ("file", "made_by")
    fields = readonly_fields = ("name", "file", "count", "won_text", "size", "sha256", "made_by", "made_at")
    change_list_template = "admin/refunds/inquiry_list.html"

    @admin.display(description=gettext_lazy("합계"), ordering="won")
    def won_text(self, row: Inquiry) -> str:
        """The sum with its unit."""
        return krw(row.won)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("open/", wrap(self.open), name="refunds_inquiry_open"),
            path("open/<int:file_id>/make/", wrap(self.make), name="refunds_inquiry_make"),
            path("<int:inquiry_id>/download/", wrap(self.download), name="refunds_inquiry_download"),
            *super().get_urls(),
        ]

    def open(self, request: HttpRequest) -> HttpResponse:
        """What the bank has not answered, file by file."""
        need(request, *MONEY)
        self._looked(request, "admin.listed", "", "", {"report": "unanswered"})
        files = [
            {
                "file": one,
                "round": overview.round_name(one.batch.number, one.batch.pay_on),
                "lists": one.inquiries.select_related("made_by").order_by("pk"),
                "items": inquiry.unanswered().filter(file=one)[:20],
            }
            for one in inquiry.files()
        ]
        context = {
            "heading": _("은행에 물어볼 것"),
            "files": files,
            "maker": may(request, "maker"),
            "taker": may(request, "maker", "auditor"),
        }
        return page(request, "inquiry", context["heading"], context)

    def make(self, request: HttpRequest, file_id: int) -> HttpResponse:
        """Make the list of one file."""
        need(request, "maker")
        asked_of = get_object_or_404(BankFile, pk=file_id)
        count = inquiry.unanswered().filter(file=asked_of).count()
        rows = [(_("은행 파일"), asked_of.name), (_("답이 없는 건"), f"{count:,}")]
        back = reverse("admin:refunds_inquiry_open")
        return confirm(request, ASK, back=back, title=asked_of.name, rows=rows, file_id=asked_of.pk)

    def download(self, request: HttpRequest, inquiry_id: int) -> HttpResponse | StreamingHttpResponse:
        """The stored list."""
        need(request, "maker", "auditor")
        kept = get_object_or_404(Inquiry, pk=inquiry_id)

        def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
            content = inquiry.download(inquiry_id=kept.pk, user=user, reason=reason)
            return attached(content, f"{kept.name}.{INQUIRY.suffix}", INQUIRY.media_type)

        return take(
            request,
            roles=("maker", "auditor"),
            title=_("조회 목록 내려받기"),
            about=kept.name,
            text=_(
                "관리번호, 은행, 계좌 끝 네 자리, 금액이 든 목록입니다. 은행이 처리결과를 채워 주면 결과로 올립니다."
            ),
            rows=[(_("건수"), f"{kept.count:,}"), (_("합계"), krw(kept.won)), ("SHA-256", kept.sha256[:16])],
            back=reverse("admin:refunds_inquiry_open"),
            make=make,
        )


@admin.register(Roster)
class RosterAdmin(RoleAdmin):
    """Who does each duty of a cut-off, and who stands in: read by those who pay, named by the administrator."""

    view_roles = (*MONEY, "administrator")

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [path("<slug:duty>/name/", wrap(self.name), name="refunds_roster_name"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Every duty, named or not."""
        need(request, *self.view_roles)
        self._looked(request, "admin.listed", "", "", {})
        named = roster.assignments()
        rows = []
        for code, label in Roster.Duty.choices:
            row = named.get(code)
            rows.append(
                {
                    "label": label,
                    "holder": overview.name_of(row.holder) if row else "",
                    "deputy": overview.name_of(row.deputy) if row else "",
                    "holder_fit": bool(row and roster.is_qualified(row.holder, code)),
                    "deputy_fit": bool(row and roster.is_qualified(row.deputy, code)),
                    "named_at": row.named_at if row else None,
                    "url": reverse("admin:refunds_roster_name", args=[code]),
                }
            )
        context = {"heading": _("담당과 대리"), "rows": rows, "administrator": may(request, "administrator")}
        return page(request, "roster", context["heading"], context)

    def name(self, request: HttpRequest, duty: str) -> HttpResponse:
        """Name who does a duty and who stands in."""
        need(request, "administrator")
        if duty not in Roster.Duty.values:
            raise Http404
        label = str(Roster.Duty(duty).label)
        act = dataclasses.replace(NAME, form=partial(RosterForm, people=roster.candidates(duty)))  # type: ignore[arg-type]
        back = reverse("admin:refunds_roster_changelist")
        return confirm(request, act, back=back, title=label, rows=[], duty=duty)
