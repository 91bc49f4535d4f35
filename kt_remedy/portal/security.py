"""Page for staff: how this installation treats the files that people send, and how backups were restored."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kt_remedy.core import uploads, virus_scan
from kt_remedy.core.access import permission_required
from kt_remedy.core.models import RestoreDrill
from refunds.applications import file_types, reading

_DRILLS = 10  # of the newest restore drills


@permission_required("portal.view_security")
@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Show the limits of documents and the last drills, and ask ClamAV whether it answers now; waits
    `virus_scan.SECONDS` for it at most."""
    limits = [
        (_("파일 하나의 크기"), f"{settings.DOCUMENT_MAX_MB:,}MB", "DOCUMENT_MAX_MB"),
        (_("한 번에 올리는 크기"), f"{settings.DOCUMENT_MAX_TOTAL_MB:,}MB", "DOCUMENT_MAX_TOTAL_MB"),
        (_("읽지 않고 거절하는 요청의 크기"), f"{uploads.limit() >> 20:,}MB", ""),
        (_("파일 수"), _("%(count)s개") % {"count": file_types.MOST_FILES}, ""),
        (_("사진 한 장의 화소"), _("%(count)s백만 화소") % {"count": f"{settings.DOCUMENT_MAX_MEGAPIXELS:,}"},
         "DOCUMENT_MAX_MEGAPIXELS"),
        (_("PDF 쪽수"), _("%(count)s쪽") % {"count": f"{settings.DOCUMENT_MAX_PAGES:,}"}, "DOCUMENT_MAX_PAGES"),
        (_("파일 하나를 읽는 시간"), _("%(count)s초") % {"count": reading.CHILD_SECONDS}, ""),
        (_("파일 하나를 읽는 메모리"), f"{reading.CHILD_MEGABYTES:,}MB", ""),
        (_("서버 한 대가 동시에 읽는 파일"), _("%(count)s개") % {"count": reading.PLACES}, ""),
    ]  # fmt: skip
    context = {
        "scanner": virus_scan.state().value,
        "address": settings.CLAMD_ADDRESS,
        "limits": limits,
        "drills": RestoreDrill.objects.all()[:_DRILLS],
    }
    return render(request, "portal/security.html", context)
