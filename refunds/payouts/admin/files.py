"""Files for the bank in the admin: download, compare, hand over, make again."""

import textwrap
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import kdate, kdatetime
from kt_remedy.staff.models import User
from refunds import bankfiles
from refunds.bankfiles.records import FileFault
from refunds.models.bank_files import BankFile
from refunds.payouts import file_orders, files, overview
from refunds.payouts.admin.forms import HandOverForm, PartForm, UploadForm
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    count_and_sum,
    download_with_reason,
    file_response,
    page,
    reauthenticate,
    staff_user,
)
from refunds.payouts.guards import Refused, is_maker

ACTIONS = {
    "hand-over": ConfirmedAction(
        "payouts.hand_over_file",
        gettext_lazy("은행에 전달"),
        gettext_lazy("이 파일을 은행에 건넸음을 본인 이름으로 남깁니다. 나간 돈은 되돌릴 수 없습니다."),
        gettext_lazy("은행에 전달함"),
        files.hand_over,
        gettext_lazy("은행에 전달한 것으로 남겼습니다."),
        form=HandOverForm,
        fresh=True,
    ),
    "again": ConfirmedAction(
        "payouts.create_file",
        gettext_lazy("거절된 파일 다시 만들기"),
        gettext_lazy("은행이 통째로 거절한 파일의 건을 그대로 새 순번의 파일로 만듭니다."),
        gettext_lazy("새 파일 만들기"),
        file_orders.order_replacement,
        gettext_lazy("파일을 만들도록 올렸습니다. 다 되면 이 화면에 나타납니다."),
        fresh=True,
    ),
}


def _rows(file: BankFile) -> list[tuple[str, str]]:
    return [
        *count_and_sum(file),
        (_("이체일"), kdate(file.execution_on)),
        ("SHA-256", " ".join(textwrap.wrap(file.sha256, 8))),
    ]


@permission_required("payouts.download_file")
def download(request: HttpRequest, file_id: int) -> HttpResponse | StreamingHttpResponse:
    """The stored bytes of a file, for a reason."""
    file = get_object_or_404(BankFile, pk=file_id)

    def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
        content = files.download(file_id=file.pk, user=user, reason=reason)
        response = file_response(content, file.name, bankfiles.layout(file.layout).media_type)
        response["Content-Length"] = str(file.size)
        return response

    return download_with_reason(
        request,
        title=_("은행 파일 내려받기"),
        about=file.name,
        text=_("이름과 계좌번호가 그대로 든 파일입니다. 내려받은 사람과 이유가 기록됩니다."),
        rows=_rows(file),
        back_url=reverse("admin:payouts:batch", args=[file.batch_id]),
        make=make,
        downloads=file.downloads.select_related("user").order_by("-id")[:20],
    )


@permission_required("payouts.compare_file")
def compare(request: HttpRequest, file_id: int) -> HttpResponse:
    """Compare the file that the bank shows with the stored one."""
    file = get_object_or_404(BankFile, pk=file_id)
    form = UploadForm(request.POST or None, request.FILES or None)
    comparison = None
    if request.method == "POST" and form.is_valid():
        try:
            content = form.cleaned_data["file"].read()
            comparison = files.compare(file_id=file.pk, content=content, user=staff_user(request))
        except FileFault as fault:
            line = _("%(line)s번째 줄: ") % {"line": fault.line} if fault.line else ""
            form.add_error("file", f"{line}{fault.text}")
    context = {
        "form": form,
        "heading": _("은행에 보이는 파일과 견주기"),
        "about": file.name,
        "found": comparison,
        "back_url": reverse("admin:payouts:batch", args=[file.batch_id]),
    }
    return page(request, "compare", context["heading"], context, status=400 if form.errors else 200)


def _two_parts(file: BankFile) -> list[tuple[Any, list[tuple[Any, str]]]]:
    """The part that the bank refused and the one that was made again, in the same rows."""
    before = file.replaces
    assert before is not None
    refusal = [
        (_("은행에 전달"), kdatetime(before.handed_over_at)),
        (_("은행이 거절한 이유"), before.refused_because or "–"),
    ]
    return [
        (_("은행이 거절한 파일"), [(_("파일"), before.name), *_rows(before), *refusal]),
        (_("다시 만든 파일"), [(_("파일"), file.name), *_rows(file)]),
    ]


@permission_required("payouts.approve_file")
def approve(request: HttpRequest, file_id: int) -> HttpResponse:
    """The checker's approval of a part that was made again, beside the part that the bank refused."""
    user = staff_user(request)
    file = get_object_or_404(BankFile.objects.select_related("batch", "replaces", "made_by"), pk=file_id)
    back_url = reverse("admin:payouts:batch", args=[file.batch_id])
    if file.status != BankFile.Status.MADE:
        return redirect(back_url)
    if response := reauthenticate(request, request.get_full_path()):
        return response
    form = PartForm(request.POST or None, initial={"sha256": file.sha256})
    if request.method == "POST" and form.is_valid():
        try:
            files.approve_part(
                file_id=file.pk,
                user=user,
                typed_total=form.cleaned_data["total"],
                sha256=form.cleaned_data["sha256"],
            )
        except Refused as refused:
            if refused.code != "TOTAL":
                messages.error(request, refused.message)
                return redirect(back_url)
            form.add_error("total", refused.message)
        else:
            messages.success(request, _("승인했습니다. 지급 담당이 은행에 전달합니다."))
            return redirect(back_url)
    context = {
        "form": form,
        "heading": _("다시 만든 파일 승인"),
        "about": file.name,
        "file": file,
        "parts": _two_parts(file),
        "made_by": overview.name_of(file.made_by),
        "same_person": is_maker(user, file.made_by_id, file.made_person),
        "back_url": back_url,
    }
    return page(request, "part_approve", context["heading"], context, status=400 if form.errors else 200)


@permission_required(*{action.permission for action in ACTIONS.values()})
def action(request: HttpRequest, file_id: int, name: str) -> HttpResponse:
    """Hand a file over, or order a refused one again."""
    if name not in ACTIONS:
        raise Http404
    file = get_object_or_404(BankFile, pk=file_id)
    back_url = reverse("admin:payouts:batch", args=[file.batch_id])
    return confirm(request, ACTIONS[name], back_url=back_url, title=file.name, rows=_rows(file), file_id=file.pk)
