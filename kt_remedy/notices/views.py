"""The texts we send, published, and the check of a message somebody received."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from kt_remedy.access import public
from kt_remedy.notices import texts
from kt_remedy.notices.forms import CheckForm


@public
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("text")
def messages_we_send(request: HttpRequest) -> HttpResponse:
    """All our texts; a POST compares a pasted message with them and keeps nothing of it."""
    form = CheckForm(request.POST if request.method == "POST" else None)
    checked = form.is_bound and form.is_valid()
    language = "en" if get_language() == "en" else "ko"
    other = "ko" if language == "en" else "en"
    return render(
        request,
        "notices/texts.html",
        {
            "form": form,
            "checked": checked,
            "ours": [kind.label for kind, _ in texts.matching(form.cleaned_data["text"])] if checked else [],
            "kinds": [
                (kind.label, texts.sample(kind, language), texts.sample(kind, other), texts.former(kind, language))
                for kind in texts.kinds()
            ],
            "other": other,
        },
    )
