"""Documents: customers send them, reviewers and auditors take them out."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from kt_remedy.core.access import customer, permission_required
from kt_remedy.identity.service import VerifiedRequest
from refunds.applications import documents, file_types, letters, presenters
from refunds.applications.transitions import Refused
from refunds.models.states import Status
from refunds.views.forms import DocumentsForm, ReasonForm
from refunds.views.own import own_application


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def send_documents(request: VerifiedRequest, pk: int) -> HttpResponse:
    """Send documents that were asked for or that prove something, and list those that were sent."""
    row, me = own_application(request, pk), request.person.ci_index
    form = DocumentsForm()
    if request.method == "POST":
        try:
            if "done" in request.POST:
                documents.return_to_review(application_id=pk, person_index=me)
                messages.success(request, _("서류를 보냈습니다. 직원이 보고 결과를 문자로 알려 드립니다."))
                return redirect("refunds:application", pk)
            form = DocumentsForm(request.POST, request.FILES)
            if form.is_valid():
                sent = documents.read(form.cleaned_data["files"])
                documents.add(application_id=pk, person_index=me, files=sent)
                messages.success(request, _("서류를 받았습니다."))
                return redirect("refunds:documents", pk)
        except Refused as refused:
            if refused.code in documents.ABOUT_FILES and "done" not in request.POST:
                form.add_error("files", refused.message)
            else:
                messages.warning(request, refused.message)
                return redirect("refunds:documents", pk)
    request_decision = row.decisions.filter(to_status=Status.NEED_DOCS).last()
    context = {
        "view": presenters.present([row])[0],
        "form": form,
        "sent": (earlier := documents.of_filing(row.filing)),
        # Documents sent before the request do not answer it.
        "ready": row.status == Status.NEED_DOCS and any(document.added_at >= row.status_since for document in earlier),
        "asked": letters.told(request_decision) if request_decision and row.status == Status.NEED_DOCS else "",
        "open": row.status in documents.AWAITED_IN,
        "kept_days": settings.ACCOUNT_WIPE_DAYS,
    }
    return render(request, "refunds/documents.html", context, status=422 if form.errors else 200)


@permission_required("refunds.download_document")
@never_cache
@require_POST
def take_out(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Download a document, for a reason that the audit records."""
    form = ReasonForm(request.POST)
    return_url = request.POST.get("back", "")
    try:
        if not form.is_valid():
            raise Refused("REASON", str(next(iter(form.errors["reason"]))))
        row, data = documents.take_out(
            evidence_id=pk,
            staff=request.user,  # type: ignore[arg-type]
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        if refused.code == "UNKNOWN":
            raise Http404 from None
        messages.warning(request, refused.message)
        safe = url_has_allowed_host_and_scheme(return_url, allowed_hosts=None)
        return redirect(return_url if safe else "refunds:review")
    name = f"{row.added_at:%Y%m%d}-{row.pk.hex[:8]}.{row.kind}"
    return HttpResponse(
        data,
        content_type=file_types.MIME[row.kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"},
    )
