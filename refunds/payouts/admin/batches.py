"""Payouts in the Django admin: lists are the stock ones, the page of a batch is built for whoever approves it.

Nothing here edits or deletes money: every act is one call of `service` or `results`, posted after a page that says what
it does. Acts that let money go ask for the second factor again when it is older than five minutes.
"""

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core import clock, masking
from kt_remedy.core.templatetags.remedy import kdate, krw
from kt_remedy.staff.admin import RoleAdmin
from kt_remedy.staff.models import User
from kt_remedy.staff.service import fresh_second_factor
from refunds import bankfiles, banks
from refunds.bankfiles.records import FileFault
from refunds.bankfiles.returns import RETURNS, return_reason
from refunds.models.bank_files import BankFile, Download, ResultFile
from refunds.models.batches import Batch
from refunds.models.items import Item
from refunds.payouts import answers, batch_figures, batches, exceptions, files, guards, inquiry, overview, settlement
from refunds.payouts.admin.forms import ConfirmForm, ReasonForm, TotalForm, UploadForm
from refunds.payouts.selection import REASONS

MONEY = ("maker", "checker", "auditor")
PAGE = 100
# A page whose figures are being counted looks again after so long.
AGAIN_SECONDS = 3
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Act:
    """One act on a batch, a file or an item: who may, what the page before it says, and the service call."""

    roles: tuple[str, ...]
    title: Any
    text: Any
    button: Any
    call: Callable[..., Any]
    done: Any
    form: type[forms.Form] = ConfirmForm
    fresh: bool = False


def may(request: HttpRequest, *roles: str) -> bool:
    """Whether the person at the browser holds one of the roles."""
    return isinstance(request.user, User) and any(request.user.has_role(role) for role in roles)


def need(request: HttpRequest, *roles: str) -> User:
    """The member of staff at the browser; raises PermissionDenied without one of the roles."""
    if not may(request, *roles):
        raise PermissionDenied("this act belongs to another role")
    assert isinstance(request.user, User)
    return request.user


def show_again(request: HttpRequest, to: str) -> HttpResponse | None:
    """Leads to the second factor where it was shown too long ago, and from there back to `to`."""
    if fresh_second_factor(request):
        return None
    return redirect(reverse("mfa_reauthenticate") + "?" + urlencode({"next": to}))


def confirm(request: HttpRequest, act: Act, *, back: str, title: str, rows: list, **target: Any) -> HttpResponse:
    """The page before an act, and the act when it is posted."""
    user = need(request, *act.roles)
    if act.fresh and (again := show_again(request, request.get_full_path())):
        return again
    form = act.form(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            act.call(user=user, **target, **form.cleaned_data)
        except guards.Refused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, act.done)
        return redirect(back)
    context = {"form": form, "act": act, "heading": act.title, "about": title, "rows": rows, "back": back}
    return page(request, "confirm", act.title, context, status=400 if form.errors else 200)


def page(request: HttpRequest, name: str, title: Any, context: dict, *, status: int = 200) -> HttpResponse:
    """One of the payout pages inside the admin."""
    context = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"admin/refunds/{name}.html", context, status=status)


def take(
    request: HttpRequest,
    *,
    roles: tuple[str, ...],
    title: Any,
    about: str,
    text: Any,
    rows: list,
    back: str,
    make: Callable[[User, str], HttpResponse | StreamingHttpResponse],
) -> HttpResponse | StreamingHttpResponse:
    """The page before a file is taken, and the file when its reason is posted; asks for the second factor."""
    user = need(request, *roles)
    if again := show_again(request, request.get_full_path()):
        return again
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            response = make(user, form.cleaned_data["reason"])
        except guards.Refused as refused:
            messages.error(request, refused.message)
            return redirect(back)
        response["Cache-Control"] = "no-store"
        return response
    context = {"form": form, "heading": title, "about": about, "rows": rows, "text": text, "back": back}
    context["button"] = _("내려받기")
    return page(request, "download", title, context, status=400 if form.errors else 200)


def attached(content: Any, name: str, media_type: str) -> HttpResponse | StreamingHttpResponse:
    """A file as the browser saves it."""
    kind = HttpResponse if isinstance(content, bytes) else StreamingHttpResponse
    response = kind(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


BATCH_ACTS = {
    "send-back": Act(
        ("checker", "maker"),
        gettext_lazy("돌려보내기"),
        gettext_lazy("승인은 무효가 되고 회차가 다시 열립니다. 든 건은 모두 다시 확정할 때 새로 고릅니다."),
        gettext_lazy("돌려보내기"),
        batches.send_back,
        gettext_lazy("돌려보냈습니다. 다시 확정해야 합니다."),
        form=ReasonForm,
    ),
    "file": Act(
        ("maker",),
        gettext_lazy("은행 파일 만들기"),
        gettext_lazy("파일은 한 번만 만들어 그대로 보관합니다. 만든 뒤에는 건을 빼거나 돌려보낼 수 없습니다."),
        gettext_lazy("파일 만들기"),
        files.file,
        gettext_lazy("파일을 만들어 보관했습니다."),
        fresh=True,
    ),
}
FILE_ACTS = {
    "hand-over": Act(
        ("maker",),
        gettext_lazy("은행에 전달"),
        gettext_lazy("이 파일을 은행에 건넸음을 본인 이름으로 남깁니다. 나간 돈은 되돌릴 수 없습니다."),
        gettext_lazy("은행에 전달함"),
        files.hand_over,
        gettext_lazy("은행에 전달한 것으로 남겼습니다."),
        fresh=True,
    ),
    "again": Act(
        ("maker",),
        gettext_lazy("거절된 파일 다시 만들기"),
        gettext_lazy("은행이 통째로 거절한 파일의 건을 그대로 새 순번의 파일로 만듭니다."),
        gettext_lazy("새 파일 만들기"),
        files.file_again,
        gettext_lazy("새 순번의 파일을 만들었습니다."),
        fresh=True,
    ),
}
FREEZE = Act(
    ("maker",),
    gettext_lazy("회차 확정"),
    gettext_lazy(
        "지금 나갈 수 있는 신청의 금액과 계좌를 회차에 담습니다. 그 뒤로 고객은 계좌를 바꾸거나 철회할 수 없습니다."
    ),
    gettext_lazy("확정하기"),
    batches.freeze,
    gettext_lazy("확정했습니다. 다른 사람의 승인을 기다립니다."),
)
TAKE_OUT = Act(
    ("maker",),
    gettext_lazy("한 건 빼기"),
    gettext_lazy("이 건은 다음 회차로 넘어갑니다. 승인은 무효가 되고, 회차를 다시 확정해야 합니다."),
    gettext_lazy("이 건 빼기"),
    batches.take_out,
    gettext_lazy("뺐습니다. 회차를 다시 확정해야 합니다."),
    form=ReasonForm,
)


class AddedUp:
    """A list that says how many rows were chosen and what they add up to: the column `added_up`, in won."""

    added_up = ""

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)  # type: ignore[misc]
        found = getattr(response, "context_data", {}).get("cl")
        if found is not None:
            response.context_data["totals"] = found.queryset.order_by().aggregate(
                count=Count("pk"), won=Sum(self.added_up)
            )
        return response


@admin.register(Batch)
class BatchAdmin(AddedUp, RoleAdmin):
    """Batches: the list, the coming rounds, and the page on which one is approved."""

    view_roles = MONEY
    list_display = ("pay_on", "number", "status", "count", "won_text", "prepared", "approved", "handed_over_at")
    list_filter = ("status",)
    date_hierarchy = "pay_on"
    list_select_related = ("prepared_by", "approved_by")
    change_list_template = "admin/refunds/batch_list.html"
    added_up = "won"

    @admin.display(description=gettext_lazy("합계"), ordering="won")
    def won_text(self, batch: Batch) -> str:
        """The sum with its unit."""
        return krw(batch.won)

    @admin.display(description=gettext_lazy("준비"))
    def prepared(self, batch: Batch) -> str:
        """Who prepared it."""
        return overview.name_of(batch.prepared_by)

    @admin.display(description=gettext_lazy("승인"))
    def approved(self, batch: Batch) -> str:
        """Who approved it."""
        return overview.name_of(batch.approved_by)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("rounds/", wrap(self.rounds), name="refunds_batch_rounds"),
            path("rounds/<pay_on>/waiting/", wrap(self.waiting), name="refunds_batch_waiting"),
            path("settlement/", wrap(self.settlement), name="refunds_batch_settlement"),
            path("freeze/<pay_on>/", wrap(self.freeze), name="refunds_batch_freeze"),
            path("<int:batch_id>/count/", wrap(self.count), name="refunds_batch_count"),
            path("<int:batch_id>/approve/", wrap(self.approve), name="refunds_batch_approve"),
            path("<int:batch_id>/<slug:name>/do/", wrap(self.act), name="refunds_batch_act"),
            *super().get_urls(),
        ]

    def rounds(self, request: HttpRequest) -> HttpResponse:
        """Each coming round as if it closed now, and what went out so far."""
        need(request, *MONEY)
        now = clock.now()
        coming = [
            {
                "name": overview.round_name(one.round.number, one.round.pay_on),
                "round": one.round,
                "count": one.count,
                "won": one.won,
                "excluded": [(code, str(REASONS.get(code, code)), count, won) for code, count, won in one.excluded],
                "excluded_count": one.excluded_count,
                "excluded_won": sum(won for _code, _count, won in one.excluded),
                "closed": one.round.cut_off <= now,
            }
            for one in batches.projection(at=now)
        ]
        context = {
            "coming": coming,
            "now": now,
            "can_freeze": may(request, "maker"),
            "unknown": inquiry.unanswered().count(),
            "charts": [
                (_("회차별로 나간 돈"), _("지급일"), overview.by_round()),
                (_("상태별 돈"), _("상태"), overview.by_state()),
                (_("되돌아온 돈"), _("은행이 되돌린 이유"), overview.returns()),
            ],
        }
        return page(request, "rounds", _("지급 예정"), context)

    def waiting(self, request: HttpRequest, pay_on: str) -> HttpResponse:
        """The applications a coming round would leave out, by reason."""
        need(request, *MONEY)
        day = _day(pay_on)
        coming = next((one for one in batches.open_rounds() if one.pay_on == day), None)
        if coming is None:
            raise Http404
        reason = request.GET.get("reason", "")
        number = request.GET.get("page", "")
        at = max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 7 else 1
        found, count = exceptions.excluded(payout_round=coming, reason=reason, limit=PAGE, offset=(at - 1) * PAGE)
        self._looked(request, "admin.listed", str(day), "", {"reason": reason[:20]})
        rows = [
            [
                (one.application.filing.reference, reverse("admin:refunds_hold_case", args=[one.application.pk])),
                (masking.name(one.application.line.customer.holder_name or ""), ""),
                (str(one.application.account), ""),
                (kdate(one.application.applied_on), ""),
                (str(REASONS.get(one.reason, one.reason)), ""),
                (krw(one.won), ""),
            ]
            for one in found
        ]
        here = reverse("admin:refunds_batch_waiting", args=[day])
        step = {"reason": reason} if reason else {}
        context = {
            "heading": _("이번에 나가지 않는 것"),
            "lead": _("%(round)s에 지금 마감하면 나가지 않는 %(count)s건입니다.")
            % {"round": overview.round_name(coming.number, day), "count": f"{count:,}"},
            "tables": [
                {
                    "title": str(REASONS.get(reason, _("모든 이유"))),
                    "head": [_("접수번호"), _("신청한 분"), _("계좌"), _("신청일"), _("이유"), _("금액")],
                    "rows": rows,
                    "empty": _("없습니다."),
                }
            ],
            "links": [(_("모든 이유"), here, "")] if reason else [],
            "before": f"{here}?{urlencode({**step, 'page': at - 1})}" if at > 1 else "",
            "after": f"{here}?{urlencode({**step, 'page': at + 1})}" if at * PAGE < count else "",
        }
        return page(request, "listing", context["heading"], context)

    def settlement(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The sheet for finance: of one round, or of all."""
        number = request.GET.get("batch", "")
        batch = get_object_or_404(Batch, pk=int(number)) if number.isascii() and number.isdigit() else None

        back = reverse("admin:refunds_batch_rounds")
        if batch is not None:
            back = reverse("admin:refunds_batch_change", args=[batch.pk])

        def make(user: User, reason: str) -> StreamingHttpResponse:
            content = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
            try:
                name = settlement.sheet(to=content, user=user, reason=reason, batch_id=batch.pk if batch else None)
            except guards.Refused:
                content.close()
                raise
            content.seek(0)
            return FileResponse(content, as_attachment=True, filename=name, content_type=XLSX)

        return take(
            request,
            roles=settlement.ROLES,
            title=_("정산서 내려받기"),
            about=overview.round_name(batch.number, batch.pay_on) if batch else _("모든 회차"),
            text=_("회차별 합계, 건별 결과, 정정을 담은 엑셀 파일입니다. 이름과 계좌번호는 들어 있지 않습니다."),
            rows=[(_("건수"), f"{batch.count:,}"), (_("합계"), krw(batch.won))] if batch and batch.count else [],
            back=back,
            make=make,
        )

    def freeze(self, request: HttpRequest, pay_on: str) -> HttpResponse:
        """Freeze a round whose cut-off has passed."""
        day = _day(pay_on)
        title, rows = kdate(day), []
        for one in batches.projection():
            if one.round.pay_on == day:
                title = overview.round_name(one.round.number, day)
                rows = [
                    (_("나갈 건수"), _("%(count)s건") % {"count": f"{one.count:,}"}),
                    (_("나갈 합계"), krw(one.won)),
                    (_("이번에 나가지 않는 것"), _("%(count)s건") % {"count": f"{one.excluded_count:,}"}),
                ]
        made = Batch.objects.filter(pay_on=day).exclude(status=Batch.Status.OPEN).first()
        back = reverse("admin:refunds_batch_rounds")
        if made:
            return redirect("admin:refunds_batch_change", made.pk)
        response = confirm(request, FREEZE, back=back, title=title, rows=rows, pay_on=day)
        if request.method == "POST" and (frozen := Batch.objects.filter(pay_on=day).exclude(status="OPEN").first()):
            return redirect("admin:refunds_batch_change", frozen.pk)
        return response

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """The page of one batch: what leaves, counted again, what to look at first, and the act that is due."""
        user = need(request, *MONEY)
        batch = self.get_object(request, object_id)
        if batch is None:
            raise Http404
        if request.method != "GET":
            raise PermissionDenied("a batch is not edited")
        self._looked(request, "admin.viewed", str(batch.pk), "", {})
        return self._page(request, user, batch, None)

    def _page(self, request: HttpRequest, user: User, batch: Batch, form: TotalForm | None) -> HttpResponse:
        here = reverse("admin:refunds_batch_change", args=[batch.pk])
        steps, current = overview.life(batch)
        context: dict[str, Any] = {
            "batch": batch,
            "heading": overview.round_name(batch.number, batch.pay_on),
            "steps": steps,
            "current": current,
            "by": {"prepared": overview.name_of(batch.prepared_by), "approved": overview.name_of(batch.approved_by)},
            "me": overview.name_of(user),
            "excluded": overview.excluded(batch),
            "excluded_count": sum(count for _label, count in overview.excluded(batch)),
            "hand_over_by": overview.hand_over_by(batch.pay_on),
            "maker": may(request, "maker"),
            "checker": may(request, "checker"),
            "auditor": may(request, "auditor"),
            "now": clock.now(),
            "items_url": reverse("admin:refunds_item_changelist") + f"?batch__id__exact={batch.pk}",
            "bank_url": f"{settings.SANDBOX_URL}/bank/" if settings.SANDBOX_URL else "",
            "head_spread": [_("금액대"), _("건수")],
        }
        counted, began = batch_figures.current(batch)
        kept = counted.figures if counted else {}
        context["files"] = [
            {"file": one, "states": _states(kept, one), "downloads": one.downloads.count()}
            for one in batch.files.select_related("batch", "made_by", "handed_over_by")
        ]
        if batch.status != Batch.Status.OPEN:
            context |= {
                "counted": counted,
                "began": began,
                "mean": (batch.won or 0) // batch.count if batch.count else 0,
            }
        if counted:
            by_bank = [(banks.name(code), count, won) for code, count, won in kept["banks"]]
            rest = by_bank[8:]
            context |= {
                "figures": kept["figures"],
                "look_first": overview.review_hint_texts(batch, kept["review_hints"]),
                "spread": overview.spread_bars(kept["spread"]),
                "banks": by_bank[:8],
                "other_banks": (len(rest), sum(row[1] for row in rest), sum(row[2] for row in rest)) if rest else None,
                "largest": [
                    {"item": item, "name": masking.name(item.account.holder_name or ""), "account": str(item.account)}
                    for item in overview.shown(kept["largest"])
                ],
                "states": overview.state_bars(batch, kept["states"]),
                "open_at_bank": sum(kept["states"].get(code, (0, 0))[0] for code in Item.OPEN_AT_BANK),
            }
        if counted and counted.again:
            context |= {"agrees": counted.again["agrees"], "pairs": _pairs(batch, counted.again)}
        if batch.status == Batch.Status.FROZEN and may(request, "checker"):
            context["same_person"] = batch.prepared_by_id == user.pk or bytes(batch.prepared_person or b"") == bytes(
                user.person_index or b""
            )
            context["nobody"] = not user.person_index
            context["fresh"] = fresh_second_factor(request)
            context["again_url"] = reverse("mfa_reauthenticate") + "?" + urlencode({"next": here})
            context["form"] = form or TotalForm(initial={"digest": batch.digest})
        status = 400 if form is not None and form.errors else 200
        response = page(request, "batch", context["heading"], context, status=status)
        if batch.status != Batch.Status.OPEN and counted is None:
            response["Refresh"] = f"{AGAIN_SECONDS}; url={here}"
        return response

    def count(self, request: HttpRequest, batch_id: int) -> HttpResponse:
        """Have the figures of a batch counted again."""
        user = need(request, "maker", "checker")
        batch = get_object_or_404(Batch, pk=batch_id)
        if request.method == "POST":
            try:
                batch_figures.ask(batch_id=batch.pk, user=user)
            except guards.Refused as refused:
                messages.error(request, refused.message)
        return redirect("admin:refunds_batch_change", batch.pk)

    def approve(self, request: HttpRequest, batch_id: int) -> HttpResponse:
        """The checker's approval: the typed total and the digest of the page they saw."""
        user = need(request, "checker")
        batch = get_object_or_404(Batch, pk=batch_id)
        here = reverse("admin:refunds_batch_change", args=[batch.pk])
        if request.method != "POST":
            return redirect(here)
        if again := show_again(request, here):
            return again
        form = TotalForm(request.POST)
        if form.is_valid():
            try:
                batches.approve(
                    batch_id=batch.pk,
                    user=user,
                    typed_total=form.cleaned_data["total"],
                    digest=form.cleaned_data["digest"],
                )
            except guards.Refused as refused:
                if refused.code == "DIFFERS":
                    # What the page showed is not what stands: the differences are counted for whoever sends it back.
                    batch_figures.ask(batch_id=batch.pk, user=user)
                if refused.code != "TOTAL":
                    messages.error(request, refused.message)
                    return redirect(here)
                form.add_error("total", refused.message)
            else:
                messages.success(request, _("승인했습니다. 지급 담당이 은행 파일을 만듭니다."))
                return redirect(here)
        return self._page(request, user, batch, form)

    def act(self, request: HttpRequest, batch_id: int, name: str) -> HttpResponse:
        """One of the other acts on a batch."""
        if name not in BATCH_ACTS:
            raise Http404
        batch = get_object_or_404(Batch, pk=batch_id)
        rows = [(_("건수"), f"{batch.count:,}"), (_("합계"), krw(batch.won))] if batch.count else []
        return confirm(
            request,
            BATCH_ACTS[name],
            back=reverse("admin:refunds_batch_change", args=[batch.pk]),
            title=overview.round_name(batch.number, batch.pay_on),
            rows=rows,
            batch_id=batch.pk,
        )


def _day(text: str) -> dt.date:
    """The day an address names; raises Http404 for none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Http404 from None


def _states(kept: dict, file: BankFile) -> list[tuple[str, int]]:
    """How many items of a file stand in each state; nothing while they are being counted."""
    counts = kept.get("files", {}).get(str(file.pk), {})
    return [(overview.state_label(file.batch, code), counts[code]) for code in Item.Status.values if code in counts]


def _pairs(batch: Batch, again: dict) -> list[dict]:
    """The frozen figures beside those counted again."""
    short = " ".join(batch.digest[at : at + 4] for at in (0, 4, 8))
    return [
        {
            "label": _("건수"),
            "frozen": f"{batch.count:,}",
            "again": f"{again['count']:,}",
            "same": batch.count == again["count"],
        },
        {
            "label": _("합계(원)"),
            "frozen": f"{batch.won:,}",
            "again": f"{again['won']:,}",
            "same": batch.won == again["won"],
        },
        {
            "label": _("계좌 합"),
            "frozen": f"{batch.hash_total:,}",
            "again": f"{again['hash_total']:,}",
            "same": batch.hash_total == again["hash_total"],
        },
        {
            "label": _("확인값"),
            "frozen": short,
            "again": " ".join(again["digest"][at : at + 4] for at in (0, 4, 8)),
            "same": batch.digest == again["digest"],
            "hash": True,
        },
    ]


class LookFilter(admin.SimpleListFilter):
    """What deserves a look before approving (`overview.review_hints`)."""

    title = gettext_lazy("먼저 볼 것")
    parameter_name = "look"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [
            ("large", _("큰 금액")),
            ("differs", _("보여 드린 금액과 다름")),
            ("changed", _("계좌를 바꿈")),
            ("shared", _("여러 사람이 쓰는 계좌")),
            ("new", _("처음 쓰는 계좌")),
            ("again", _("다시 보냄")),
            ("adjustment", _("정정 지급")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        chosen = overview.review_hints(queryset).get(self.value() or "")
        return queryset if chosen is None else chosen


class ReturnedFilter(admin.SimpleListFilter):
    """Why the bank sent money back."""

    title = gettext_lazy("되돌아온 이유")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [(code, return_reason(code)) for code in RETURNS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(code=self.value(), status=Item.Status.RETURNED) if self.value() else queryset


class BankFilter(admin.SimpleListFilter):
    """The bank the money goes to."""

    title = gettext_lazy("은행")
    parameter_name = "bank"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list:
        return [(bank.code, bank.name) for bank in banks.BANKS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(account__bank_code=self.value()) if self.value() else queryset


@admin.register(Item)
class ItemAdmin(AddedUp, RoleAdmin):
    """Payments: read, filtered, added up, taken out."""

    view_roles = MONEY
    list_display = ("reference", "batch", "amount", "holder", "account_text", "status", "reason", "status_at")
    list_filter = ("status", "batch", "kind", ReturnedFilter, BankFilter, LookFilter)
    list_select_related = ("batch", "account")
    search_fields = ("=reference", "=contract_no")
    search_help_text = gettext_lazy("관리번호나 계약번호 전체")
    ordering = ("-id",)
    change_list_template = "admin/refunds/item_list.html"
    added_up = "amount_krw"

    @admin.display(description=gettext_lazy("금액"), ordering="amount_krw")
    def amount(self, item: Item) -> str:
        """The sum with its unit."""
        return krw(item.amount_krw)

    @admin.display(description=gettext_lazy("받는 사람"))
    def holder(self, item: Item) -> str:
        """The holder, masked."""
        return masking.name(item.account.holder_name or "")

    @admin.display(description=gettext_lazy("계좌"))
    def account_text(self, item: Item) -> str:
        """Bank and last four digits."""
        return str(item.account)

    @admin.display(description=gettext_lazy("이유"))
    def reason(self, item: Item) -> str:
        """Why it came back or was taken out."""
        if item.status == Item.Status.RETURNED:
            return return_reason(item.code)
        return item.taken_out_because

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [path("<int:item_id>/take-out/", wrap(self.take_out), name="refunds_item_take_out"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Everything about one payment, in the order it happened."""
        need(request, *MONEY)
        item = self.get_object(request, object_id)
        if item is None:
            raise Http404
        self._looked(request, "admin.viewed", str(item.pk), item.application.line.customer_id, {})
        events = item.events.order_by("pgh_id").values("pgh_label", "status", "status_at", "code")
        rows = [
            (_("지급 회차"), overview.round_name(item.batch.number, item.batch.pay_on)),
            (_("종류"), item.get_kind_display()),
            (_("계약번호"), item.contract_no),
            (_("접수번호"), item.application.filing.reference),
            (_("받는 사람"), masking.name(item.account.holder_name or "")),
            (_("계좌"), str(item.account)),
            (_("번째 시도"), str(item.attempt)),
            (_("은행 파일"), str(item.file or "")),
            (_("은행 결과"), str(item.result or "")),
        ]
        labels = dict(Item.Status.choices)
        context = {
            "item": item,
            "rows": rows,
            "events": [{**event, "label": labels[event["status"]]} for event in events],
            "can_take_out": may(request, "maker") and item.status == Item.Status.QUEUED,
            "case_url": reverse("admin:refunds_hold_case", args=[item.application_id]),
        }
        return page(request, "item", item.reference, context)

    def take_out(self, request: HttpRequest, item_id: int) -> HttpResponse:
        """Take one item out of a batch that is not filed."""
        item = get_object_or_404(Item.objects.select_related("batch", "account"), pk=item_id)
        rows = [(_("금액"), krw(item.amount_krw)), (_("계좌"), str(item.account))]
        back = reverse("admin:refunds_batch_change", args=[item.batch_id])
        return confirm(request, TAKE_OUT, back=back, title=item.reference, rows=rows, item_id=item.pk)


@admin.register(BankFile)
class BankFileAdmin(RoleAdmin):
    """Files made for the bank: download, compare, hand over."""

    view_roles = MONEY
    list_display = ("name", "batch", "status", "count", "won_text", "made_at", "handed_over_at")
    list_filter = ("status", "layout")
    list_select_related = ("batch",)
    fields = readonly_fields = (
        "batch", "part", "name", "layout", "status", "count", "won_text", "size", "sha256", "execution_on", "made_by",
        "made_at", "handed_over_by", "handed_over_at", "refused_because", "replaces",
    )  # fmt: skip

    @admin.display(description=gettext_lazy("합계"), ordering="won")
    def won_text(self, file: BankFile) -> str:
        """The sum with its unit."""
        return krw(file.won)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [
            path("<int:file_id>/download/", wrap(self.download), name="refunds_bankfile_download"),
            path("<int:file_id>/compare/", wrap(self.compare), name="refunds_bankfile_compare"),
            path("<int:file_id>/<slug:name>/do/", wrap(self.act), name="refunds_bankfile_act"),
            *super().get_urls(),
        ]

    def download(self, request: HttpRequest, file_id: int) -> HttpResponse | StreamingHttpResponse:
        """The stored bytes, for a reason."""
        kept = get_object_or_404(BankFile, pk=file_id)

        def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
            content = files.download(file_id=kept.pk, user=user, reason=reason)
            response = attached(content, kept.name, bankfiles.layout(kept.layout).media_type)
            response["Content-Length"] = str(kept.size)
            return response

        response = take(
            request,
            roles=("maker", "auditor"),
            title=_("은행 파일 내려받기"),
            about=kept.name,
            text=_("이름과 계좌번호가 그대로 든 파일입니다. 내려받은 사람과 이유가 기록됩니다."),
            rows=[(_("건수"), f"{kept.count:,}"), (_("합계"), krw(kept.won)), ("SHA-256", kept.sha256[:16])],
            back=reverse("admin:refunds_batch_change", args=[kept.batch_id]),
            make=make,
        )
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["downloads"] = kept.downloads.select_related("user").order_by("-id")[:20]
        return response

    def compare(self, request: HttpRequest, file_id: int) -> HttpResponse:
        """Compare the file the bank shows with the stored one."""
        user = need(request, *MONEY)
        kept = get_object_or_404(BankFile, pk=file_id)
        form = UploadForm(request.POST or None, request.FILES or None)
        found = None
        if request.method == "POST" and form.is_valid():
            try:
                content = form.cleaned_data["file"].read()
                found = files.compare(file_id=kept.pk, content=content, user=user)
            except FileFault as fault:
                line = _("%(line)s번째 줄: ") % {"line": fault.line} if fault.line else ""
                form.add_error("file", f"{line}{fault.text}")
        context = {
            "form": form,
            "heading": _("은행에 보이는 파일과 견주기"),
            "about": kept.name,
            "found": found,
            "back": reverse("admin:refunds_batch_change", args=[kept.batch_id]),
        }
        return page(request, "compare", context["heading"], context, status=400 if form.errors else 200)

    def act(self, request: HttpRequest, file_id: int, name: str) -> HttpResponse:
        """One of the other acts on a file."""
        if name not in FILE_ACTS:
            raise Http404
        kept = get_object_or_404(BankFile, pk=file_id)
        rows = [(_("건수"), f"{kept.count:,}"), (_("합계"), krw(kept.won)), ("SHA-256", kept.sha256[:16])]
        back = reverse("admin:refunds_batch_change", args=[kept.batch_id])
        return confirm(request, FILE_ACTS[name], back=back, title=kept.name, rows=rows, file_id=kept.pk)


@admin.register(ResultFile)
class ResultFileAdmin(RoleAdmin):
    """What the bank answered, and the page that takes it in."""

    view_roles = MONEY
    list_display = ("name", "loaded_at", "rows", "paid", "returned", "unknown", "absent")
    fields = readonly_fields = (
        "name", "layout", "size", "sha256", "rows", "paid", "paid_text", "returned", "returned_text", "unknown",
        "absent", "notes", "loaded_by", "loaded_at", "files",
    )  # fmt: skip
    change_list_template = "admin/refunds/result_list.html"

    @admin.display(description=gettext_lazy("입금(원)"))
    def paid_text(self, result: ResultFile) -> str:
        """Won that arrived, with its unit."""
        return krw(result.paid_won)

    @admin.display(description=gettext_lazy("되돌아옴(원)"))
    def returned_text(self, result: ResultFile) -> str:
        """Won that came back, with its unit."""
        return krw(result.returned_won)

    def get_urls(self) -> list:
        wrap = self.admin_site.admin_view
        return [path("load/", wrap(self.load), name="refunds_resultfile_load"), *super().get_urls()]

    def load(self, request: HttpRequest) -> HttpResponse:
        """Take in a result file, wholly or not at all."""
        user = need(request, "maker")
        form = UploadForm(request.POST or None, request.FILES or None)
        faults: list = []
        total = 0
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data["file"]
            try:
                kept = answers.load_result(content=given.read(), name=given.name, user=user)
            except guards.Refused as refused:
                form.add_error("file", refused.message)
            except answers.ResultRefused as refused:
                faults, total = refused.faults, refused.total
                form.add_error("file", _("고칠 곳이 %(count)s곳 있어 아무것도 올리지 않았습니다.") % {"count": total})
            else:
                text = _("올렸습니다: 입금 %(paid)s건, 되돌아옴 %(returned)s건, 모름 %(unknown)s건")
                values = {"paid": kept.paid, "returned": kept.returned, "unknown": kept.unknown + kept.absent}
                messages.success(request, text % {key: f"{value:,}" for key, value in values.items()})
                first = kept.files.first()
                return redirect("admin:refunds_batch_change", first.batch_id) if first else redirect("..")
        context = {
            "form": form,
            "heading": _("은행 결과 올리기"),
            "faults": faults,
            "total": total,
            "back": reverse("admin:refunds_batch_changelist"),
        }
        return page(request, "result", context["heading"], context, status=400 if form.errors else 200)


@admin.register(Download)
class DownloadAdmin(RoleAdmin):
    """Who took which file and why."""

    view_roles = MONEY
    list_display = ("file", "user", "at", "reason")
    list_select_related = ("file", "user")
    fields = readonly_fields = list_display
