"""Loading an answer of the bank."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from kt_remedy.core.access import permission_required
from refunds.payouts import answers
from refunds.payouts.admin.forms import UploadForm
from refunds.payouts.admin.pages import page, staff_user
from refunds.payouts.guards import Refused


@permission_required("payouts.load_result")
def load(request: HttpRequest) -> HttpResponse:
    """Load a result file, wholly or not at all."""
    form = UploadForm(request.POST or None, request.FILES or None)
    faults: list = []
    total = 0
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            loaded = answers.load_result(content=upload.read(), name=upload.name, user=staff_user(request))
        except Refused as refused:
            form.add_error("file", refused.message)
        except answers.ResultRefused as refused:
            faults, total = refused.faults, refused.total
            form.add_error("file", _("고칠 곳이 %(count)s곳 있어 아무것도 올리지 않았습니다.") % {"count": total})
        else:
            text = _("올렸습니다: 입금 %(paid)s건, 되돌아옴 %(returned)s건, 모름 %(unknown)s건")
            counts = {"paid": loaded.paid, "returned": loaded.returned, "unknown": loaded.unknown + loaded.absent}
            messages.success(request, text % {key: f"{value:,}" for key, value in counts.items()})
            return redirect("admin:payouts:batch", loaded.files.get().batch_id)
    context = {
        "form": form,
        "heading": _("은행 결과 올리기"),
        "faults": faults,
        "total": total,
        "back_url": reverse("admin:refunds_batch_changelist"),
    }
    return page(request, "result", context["heading"], context, status=400 if form.errors else 200)
