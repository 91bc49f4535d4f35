"""Answers of the bank: upload, progress, preview, confirmation by another person, discarding, receipt."""

import functools
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import krw, won
from kt_remedy.staff.service import has_fresh_second_factor
from refunds.bankfiles.returns import RETURNS, WAITS_FOR_PERSON, return_reason
from refunds.models.bank_answers import BankAnswer
from refunds.payouts import answers
from refunds.payouts.admin.answer_view import present
from refunds.payouts.admin.forms import AnswerForm, AskedAnswerForm, ReasonForm, UploadForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    page,
    people_of,
    reauthenticate,
    record_look,
    refuse_changes,
    reload_soon,
    staff_user,
)
from refunds.payouts.guards import Refused, is_maker

DISCARD = ConfirmedAction(
    "payouts.discard_answer",
    gettext_lazy("은행 답 버리기"),
    gettext_lazy("이유가 남고 아무것도 바뀌지 않습니다. 필요하면 은행에서 다시 받아 올릴 수 있습니다."),
    gettext_lazy("버리기"),
    answers.discard,
    gettext_lazy("버렸습니다. 아무것도 바뀌지 않았습니다."),
    form=ReasonForm,
)
SEND_AGAIN = ConfirmedAction(
    "payouts.hold_application",
    gettext_lazy("다시 보내기로 정하기"),
    gettext_lazy("보류를 풀어 다음 회차에 같은 계좌로 다시 보냅니다. 되돌아온 원인을 고친 뒤에 하세요."),
    gettext_lazy("다시 보내기"),
    answers.send_again,
    gettext_lazy("보류를 풀었습니다. 다음 회차에 나갑니다."),
    form=ReasonForm,
)


@permission_required("payouts.stage_answer")
def load(request: HttpRequest) -> HttpResponse:
    """Stage an answer of the bank; nothing moves."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            staged = answers.stage(content=upload, name=upload.name, user=staff_user(request))
        except Refused as refused:
            form.add_error("file", refused.message)
        else:
            return redirect("admin:payouts:answer", staged.pk)
    context = {
        "form": form,
        "heading": _("은행 답 올리기"),
        "back_url": reverse("admin:refunds_bankanswer_changelist"),
    }
    return page(request, "answer_load", context["heading"], context, status=400 if form.errors else 200)


@permission_required("payouts.view_batch")
def answer(request: HttpRequest, answer_id: int) -> HttpResponse:
    """One answer: how far it was read, its faults, what a confirmation would change, or what became of it."""
    refuse_changes(request)
    row = _get(answer_id)
    record_look(request, "admin.viewed", f"answer:{row.pk}")
    return _page(request, row, None)


@permission_required("payouts.confirm_answer")
def confirm_answer(request: HttpRequest, answer_id: int) -> HttpResponse:
    """Confirm the figures that the page shows; asks for a recent second factor."""
    here = reverse("admin:payouts:answer_confirm", args=[answer_id])
    if response := reauthenticate(request, here):
        return response
    row = _get(answer_id)
    if row.status != BankAnswer.Status.STAGED or row.read_at is None or row.confirmed_by_id:
        return redirect("admin:payouts:answer", row.pk)
    form = _form(row)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            answers.confirm(answer_id=row.pk, user=staff_user(request), **form.cleaned_data)
        except Refused as refused:
            form.add_error("typed" if refused.code == "COUNT" else None, refused.message)
        else:
            messages.success(request, _("확인했습니다. 정해지는 대로 이 화면에 나타납니다."))
            return redirect("admin:payouts:answer", row.pk)
    return _page(request, row, form)


@permission_required(DISCARD.permission)
def discard(request: HttpRequest, answer_id: int) -> HttpResponse:
    """Discard a staged answer, for a reason."""
    row = _get(answer_id)
    back_url = reverse("admin:payouts:answer", args=[row.pk])
    return confirm(request, DISCARD, back_url=back_url, title=row.name, rows=[], answer_id=row.pk)


@permission_required(SEND_AGAIN.permission)
def send_again(request: HttpRequest, answer_id: int, code: str) -> HttpResponse:
    """Release what an answer holds for one reason, for a reason of the person."""
    if code not in WAITS_FOR_PERSON:
        raise Http404
    row = _get(answer_id)
    rows = [
        (_("은행이 보내지 못한 이유"), return_reason(code)),
        (_("보류된 건"), _("%(count)s건") % {"count": f"{answers.held(row, code):,}"}),
    ]
    back_url = (
        reverse("admin:payouts:answer", args=[row.pk])
        if request.user.has_perm("payouts.view_batch")
        else reverse("admin:index")
    )
    return confirm(
        request, SEND_AGAIN, back_url=back_url, title=row.name, rows=rows, answer_id=row.pk, reason_code=code
    )


def _get(answer_id: int) -> BankAnswer:
    rows = BankAnswer.objects.select_related("file__batch", "staged_by", "confirmed_by", "discarded_by")
    return get_object_or_404(rows, pk=answer_id)


def _form(row: BankAnswer) -> Any:
    form = AskedAnswerForm if answers.odd_returns(row) else AnswerForm
    label = (
        _("되돌아온 것으로 정해지는 건수를 직접 적으세요")
        if form is AskedAnswerForm
        else _("입금으로 정해지는 건수를 직접 적으세요")
        if row.kind in (BankAnswer.Kind.PAYMENTS, BankAnswer.Kind.EXECUTED)
        else _("이 파일의 건수를 직접 적으세요")
    )
    return functools.partial(form, label=label)


def _facts(row: BankAnswer) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [(_("파일"), f"{row.name} · {filesizeformat(row.size)}")]
    if row.layout:
        facts.append((_("양식"), f"{row.layout} · " + _("%(rows)s줄") % {"rows": won(row.rows)}))
    if row.file:
        batch_url = reverse("admin:payouts:batch", args=[row.file.batch_id])
        facts.append((_("답하는 우리 파일"), format_html('<a href="{}">{}</a>', batch_url, row.file.name)))
    facts += people_of(row)
    if row.asked_whom:
        facts.append((_("은행에 물은 것"), f"{row.asked_whom}: {row.bank_said}"))
    return facts


def _page(request: HttpRequest, row: BankAnswer, form: Any) -> HttpResponse:
    user = staff_user(request)
    reading = row.status == BankAnswer.Status.STAGED and row.read_at is None
    applying = row.status == BankAnswer.Status.STAGED and row.confirmed_by_id is not None
    waiting = row.status == BankAnswer.Status.STAGED and not reading and not applying
    same = is_maker(user, row.staged_by_id, row.staged_person)
    may_confirm = waiting and user.has_perm("payouts.confirm_answer") and not same
    if form is None and may_confirm and has_fresh_second_factor(request):
        form = _form(row)()
    shown = present(row, same_person=same)
    context = {
        "answer": row,
        "heading": shown.heading,
        "shown": shown,
        "reading": reading,
        "applying": applying,
        "waiting": waiting,
        "same_person": same,
        "may_confirm": may_confirm,
        "form": form if may_confirm else None,
        "facts": _facts(row),
        "faults": answers.faults_of(row),
        "fault_count": next((note["count"] for note in row.notes if note["code"] == answers.FAULTY), 0),
        "voided": next((note["code"] for note in row.notes if note["code"] in ("CHANGED", "ROLE")), ""),
        "held": [
            (code, return_reason(code), count)
            for code in RETURNS
            if code in WAITS_FOR_PERSON and (count := answers.held(row, code))
        ],
        "won_of": krw,
    }
    response = page(request, "answer", shown.heading, context, status=400 if form and form.errors else 200)
    if reading or applying:
        reload_soon(response)
    return response
