"""One sentence and one button for each line, and going on by telephone, for readers of large type."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from kt_remedy.core import clock, programme
from kt_remedy.core.access import address_of, customer, public
from kt_remedy.core.errors import Refused
from kt_remedy.core.templatetags.remedy import krw, unbroken
from kt_remedy.identity.service import VerifiedRequest
from kt_remedy.portal import lines
from kt_remedy.portal.simple_forms import CallForm
from refunds.applications import call_checks, continuing, drafts
from refunds.models.accounts import OwnerKind
from refunds.promise.facts import Situation

# From this age (full years, KST) the simple page is offered first.
OFFERED_FROM_AGE = 65


@dataclass(frozen=True, slots=True)
class SimpleLine:
    """A line as one sentence with one button. `line` is sent along by a POST, so that no address holds it."""

    id: str
    sentence: str
    label: str
    url: str
    line: str = ""
    won: int = 0  # refunded if it is applied for now

    @property
    def primary(self) -> bool:
        """True if there is something to do."""
        return bool(self.line)


def simple_line(card: lines.LineCard) -> SimpleLine:
    """The sentence and the button of a card. The day is that of the promise, in its own words (D-69)."""
    number = unbroken(card.bits[0])
    name = number if card.view.own else f"{number}({card.bits[-1]})"
    if card.reference and card.promise:
        sentence = _("%(line)s 신청을 하셨습니다.") % {"line": name} + f" {card.promise.sentence}"
        return SimpleLine(card.id, sentence, _("접수증 보기"), reverse("refunds:receipt", args=[card.reference]))
    if card.objected and card.objected.promise:
        sentence = _("%(line)s 이의를 내셨습니다.") % {"line": name} + f" {card.objected.promise.sentence}"
        return SimpleLine(card.id, sentence, _("내 신청 보기"), reverse("refunds:status"))
    if card.next_step and card.next_step.line:
        days = f" {card.promise.sentence}" if card.promise else ""
        if won := _sure_won(card):
            words = {"line": name, "won": krw(won)}
            sentence = _("%(line)s 위약금 %(won)s을 돌려받으실 수 있습니다.") % words
            label = _("%(won)s 신청하기") % words
        else:
            sentence, label = f"{name}: {card.title}.", card.next_step.label
        return SimpleLine(card.id, sentence + days, label, card.next_step.url, card.next_step.line, won)
    if card.kind in {"keep", "leave"}:
        sentence = _("지금 쓰시는 %(line)s: %(title)s.") % {"line": name, "title": card.title}
        return SimpleLine(card.id, sentence, _("받으실 혜택 보기"), reverse("rewards:mine"))
    sentence = f"{name}: {card.reasons[0].fact if card.reasons else card.title + '.'}"
    if card.objection:
        return SimpleLine(card.id, sentence, _("사실과 다르면 알려 주세요"), card.objection.url)
    return SimpleLine(card.id, sentence, _("자세한 화면으로 보기"), reverse("portal:my-lines") + f"#{card.id}")


def _sure_won(card: lines.LineCard) -> int:
    """Won that is refunded if it is applied for now; 0 while a bill, its payment or a decision of staff is awaited."""
    late = card.promise is not None and card.promise.situation == Situation.LATE
    return 0 if late or card.kind != "yes" or card.amount != card.view.refundable else card.view.refundable


@customer
@never_cache
@require_safe
def simple(request: VerifiedRequest) -> HttpResponse:
    """The lines of the customer, each as one sentence and one button; the audit records the view."""
    rows = [simple_line(card) for card in lines.seen_cards(request)]
    context = {"rows": rows, "person": request.person, "won": sum(row.won for row in rows)}
    return render(request, "portal/simple.html", context)


@customer
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def by_telephone(request: VerifiedRequest) -> HttpResponse:
    """Give six digits that let an agent go on with this person's draft (D-88); no account is shown, no money moved."""
    digits, refused = "", ""
    person = request.person
    if request.method == "POST":
        _choose_lines(request)
        try:
            digits = continuing.give(person_index=person.ci_index, name=person.name, contact=person.phone)
        except Refused as error:
            refused = error.message
    context = {"digits": digits, "refused": refused, "minutes": continuing.MINUTES}
    return render(request, "portal/by_telephone.html", context, status=409 if refused else 200)


def _choose_lines(request: VerifiedRequest) -> None:
    """Choose every line of one's own that can be applied for, where none was chosen yet."""
    me, now = request.person.ci_index, clock.now()
    _key, answers = drafts.load(person_index=me)
    if answers.lines:
        return
    cards = lines.cards_of(me, now, clock.kst_date(now), programme.current())
    answers.lines = list(_open_lines(cards))
    answers.representation = OwnerKind.SELF
    if answers.lines:
        drafts.save(answers, person_index=me)


def _open_lines(cards: Iterable[lines.LineCard]) -> Iterable[str]:
    return (card.next_step.line for card in cards if card.view.own and card.next_step and card.next_step.line)


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def call_check(request: HttpRequest) -> HttpResponse:
    """Answer whether an agent of ours calls this number now, by two words that the agent must say first (D-87)."""
    form = CallForm(request.POST if request.method == "POST" else None)
    answer, refused = None, ""
    if form.is_bound and form.is_valid():
        try:
            answer = call_checks.words_for(**form.cleaned_data, address=address_of(request))
        except Refused as error:
            refused = error.message
    context = {
        "form": form,
        "answer": answer,
        "refused": refused,
        "minutes": call_checks.MINUTES,
    }
    status = 429 if refused else 422 if form.errors else 200
    return render(request, "portal/call_check.html", context, status=status)
