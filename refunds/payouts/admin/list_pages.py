"""The pages behind the console's lists: an export before it is taken, and the filters that people keep."""

import tempfile

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from kt_remedy.core import clock
from kt_remedy.core.access import permission_required
from kt_remedy.core.templatetags.remedy import krw
from kt_remedy.staff.models import User
from refunds.payouts import list_exports, saved_filters, sheets
from refunds.payouts.admin import kept
from refunds.payouts.admin.console_list import ConsoleAdmin
from refunds.payouts.admin.pages import download_with_reason, staff_user
from refunds.payouts.guards import Refused


def _list_called(name: str) -> ConsoleAdmin:
    """The list of the console with this name. Raises Http404 for none."""
    for model, model_admin in admin.site._registry.items():
        if model._meta.model_name == name and isinstance(model_admin, ConsoleAdmin):
            return model_admin
    raise Http404


def _list_url(name: str, query: str = "") -> str:
    url = reverse(f"admin:refunds_{name}_changelist")
    return f"{url}?{query}" if query else url


@permission_required(list_exports.PERMISSION)
def export(request: HttpRequest, word: str) -> HttpResponse | StreamingHttpResponse:
    """What an export holds, before it is taken: the number of rows and their won."""
    plan = kept.read(request, "export", word)
    if plan is None:
        raise Http404
    shown = _list_called(plan["list"])
    if not shown.has_view_permission(request):
        raise PermissionDenied("this list belongs to another role")
    rows = shown.chosen(request, query=plan["query"], ids=plan["ids"])
    facts = [(_("건수"), f"{rows.count():,}")]
    if shown.total_column:
        facts.append((_("합계"), krw(rows.order_by().aggregate(won=Sum(shown.total_column))["won"] or 0)))

    def make(user: User, reason: str) -> FileResponse:
        content = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
        try:
            list_exports.write(
                to=content,
                user=user,
                reason=reason,
                kind=plan["kind"],
                name=plan["list"],
                head=shown.export_head,
                rows=rows,
                cells=shown.export_row,
                filters=sorted(QueryDict(plan["query"])),
            )
        except Refused:
            content.close()
            raise
        content.seek(0)
        name = f"{plan['list']}-{clock.today():%Y%m%d}.{plan['kind']}"
        return FileResponse(content, as_attachment=True, filename=name, content_type=sheets.MEDIA_TYPES[plan["kind"]])

    return download_with_reason(
        request,
        title=_("목록 내보내기"),
        about=str(shown.opts.verbose_name_plural),
        text=_("고른 것을 파일로 내보냅니다. 이름과 계좌번호는 가려져 있고, 이유가 기록에 남습니다."),
        rows=facts,
        back_url=_list_url(plan["list"], plan["query"]),
        make=make,
    )


@permission_required("payouts.save_filter")
@require_POST
def save_filter(request: HttpRequest, list_name: str) -> HttpResponse:
    """Keep the filter of a list under a name, for oneself or for all."""
    if not _list_called(list_name).has_view_permission(request):
        raise PermissionDenied("this list belongs to another role")
    query = saved_filters.clean_query(request.POST.get("query", ""))
    try:
        saved_filters.save(
            user=staff_user(request),
            list_name=list_name,
            name=request.POST.get("name", ""),
            query=query,
            shared=request.POST.get("shared") == "yes",
        )
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("거르기를 저장했습니다."))
    return redirect(_list_url(list_name, query))


@permission_required("payouts.save_filter")
@require_POST
def delete_filter(request: HttpRequest, filter_id: int) -> HttpResponse:
    """Forget one's own filter."""
    try:
        list_name = saved_filters.delete(user=staff_user(request), filter_id=filter_id)
    except Refused:
        raise Http404 from None
    messages.success(request, _("저장한 거르기를 지웠습니다."))
    return redirect(_list_url(list_name))
