"""Questions to the bank about unanswered payments: the open ones by file, making a list, downloading it."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kt_remedy.core.access import permission_required
from kt_remedy.staff.models import User
from refunds.bankfiles.inquiry import INQUIRY
from refunds.models.bank_files import BankFile, Inquiry
from refunds.payouts import inquiry, overview
from refunds.payouts.admin.pages import (
    ConfirmedAction,
    confirm,
    count_and_sum,
    download_with_reason,
    file_response,
    page,
    record_look,
)

MAKE = ConfirmedAction(
    "payouts.create_inquiry",
    gettext_lazy("조회 목록 만들기"),
    gettext_lazy("은행이 답하지 않은 건의 목록입니다. 지급 지시가 아니며, 답이 올 때까지 다시 보내지 않습니다."),
    gettext_lazy("목록 만들기"),
    inquiry.create_inquiry,
    gettext_lazy("조회 목록을 만들어 보관했습니다. 내려받아 은행에 건네 주세요."),
)


@permission_required("payouts.view_batch")
def inquiries(request: HttpRequest) -> HttpResponse:
    """Payments that the bank has not answered, file by file."""
    record_look(request, "admin.listed", "inquiry", report="unanswered")
    files = [
        {
            "file": file,
            "round": overview.round_name(file.batch.number, file.batch.pay_on),
            "lists": file.inquiries.select_related("made_by").order_by("pk"),
            "items": inquiry.unanswered().filter(file=file)[:20],
        }
        for file in inquiry.files()
    ]
    context = {
        "heading": _("은행에 물어볼 것"),
        "files": files,
    }
    return page(request, "inquiry", context["heading"], context)


@permission_required(MAKE.permission)
def make(request: HttpRequest, file_id: int) -> HttpResponse:
    """Make the list of the unanswered payments of one file."""
    file = get_object_or_404(BankFile, pk=file_id)
    count = inquiry.unanswered().filter(file=file).count()
    rows = [(_("은행 파일"), file.name), (_("답이 없는 건"), f"{count:,}")]
    back_url = reverse("admin:payouts:inquiries")
    return confirm(request, MAKE, back_url=back_url, title=file.name, rows=rows, file_id=file.pk)


@permission_required("payouts.download_inquiry")
def download(request: HttpRequest, inquiry_id: int) -> HttpResponse | StreamingHttpResponse:
    """The stored list, for a reason."""
    row = get_object_or_404(Inquiry, pk=inquiry_id)

    def make(user: User, reason: str) -> HttpResponse | StreamingHttpResponse:
        content = inquiry.download(inquiry_id=row.pk, user=user, reason=reason)
        return file_response(content, f"{row.name}.{INQUIRY.suffix}", INQUIRY.media_type)

    return download_with_reason(
        request,
        title=_("조회 목록 내려받기"),
        about=row.name,
        text=_("관리번호, 은행, 계좌 끝 네 자리, 금액이 든 목록입니다. 은행이 처리결과를 채워 주면 결과로 올립니다."),
        rows=[*count_and_sum(row), ("SHA-256", row.sha256[:16])],
        back_url=reverse("admin:payouts:inquiries"),
        make=make,
    )
