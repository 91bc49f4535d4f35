"""The whole account number of an application: for a reason, half a minute, counted (`audit.reveals`)."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from kt_remedy.audit import reveals
from kt_remedy.core.access import permission_required
from kt_remedy.core.errors import Refused
from refunds.payouts.admin.application_detail import application_url, get_case_or_403, summary_rows
from refunds.payouts.admin.forms import ReasonForm
from refunds.payouts.admin.pages import page, record_look, staff_user

PERMISSION = "payouts.reveal_account"
TITLE = gettext_lazy("계좌번호 전체 보기")


@permission_required(PERMISSION)
@never_cache
def account(request: HttpRequest, application_id: int) -> HttpResponse:
    """Ask for the reason; a POST shows the number, and the page leaves by itself."""
    row = get_case_or_403(request, application_id)
    record_look(request, "", f"application:{row.pk}", row.line.customer_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    number = ""
    if request.method == "POST" and form.is_valid():
        try:
            reveals.record(
                user=staff_user(request),
                kind="account",
                object=f"application:{row.pk}",
                subject=row.line.customer_id,
                reason=form.cleaned_data["reason"],
            )
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            number = row.account.number or _("지워진 계좌번호입니다.")
    context = {
        "form": form,
        "heading": TITLE,
        "about": row.filing.reference,
        "back_url": application_url(row),
        "rows": summary_rows(row),
        "number": number,
        "bank": row.account.bank_name,
        "seconds": reveals.SECONDS,
        "most": reveals.MOST_A_DAY,
    }
    return page(request, "reveal", TITLE, context, status=422 if form.errors else 200)
