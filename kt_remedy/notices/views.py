"""Public pages: the published texts, the check of a received message, and the opt-out from reminders."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from kt_remedy.core import masking
from kt_remedy.core.access import customer, public, without_token
from kt_remedy.core.kept_pages import kept
from kt_remedy.notices import examining, service, texts
from kt_remedy.notices.forms import PastedMessageForm


@public
@kept
@without_token
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("text")
def messages_we_send(request: HttpRequest) -> HttpResponse:
    """Show all texts; a POST compares a pasted message with them and stores nothing."""
    form = PastedMessageForm(request.POST if request.method == "POST" else None)
    examined = examining.examine(form.cleaned_data["text"]) if form.is_bound and form.is_valid() else None
    language = "en" if get_language() == "en" else "ko"
    other = "ko" if language == "en" else "en"
    return render(
        request,
        "notices/texts.html",
        {
            "form": form,
            "examined": examined,
            "kinds_found": [str(kind.label) for kind in examined.kinds] if examined else [],
            "kinds": [
                (
                    kind.label,
                    texts.sample(kind, language),
                    texts.sample(kind, other),
                    texts.earlier_texts(kind, language),
                )
                for kind in texts.kinds()
            ],
            "other": other,
        },
    )


@customer
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest) -> HttpResponse:
    """Stop or resume reminders to the verified person and their number.

    Verification is required, because a person without reminders may miss their refund.
    """
    person = request.person  # type: ignore[attr-defined]
    if request.method == "POST":
        target = {"actor": "customer", "number": person.phone, "person": person.ci_index}
        if request.POST.get("act") == "start":
            service.opt_in(**target)
            messages.success(request, _("신청 안내 문자를 다시 보내 드립니다."))
        elif request.POST.get("act") == "stop":
            service.opt_out(**target)
            messages.success(request, _("이제 신청 안내 문자를 보내지 않습니다."))
        return redirect("notices:opt-out")
    return render(
        request,
        "notices/opt_out.html",
        {
            "number": masking.phone(person.phone),
            "stopped": service.has_opted_out(number=person.phone, person=person.ci_index),
            "optional": [kind.label for kind in texts.kinds() if kind.optional],
        },
    )
