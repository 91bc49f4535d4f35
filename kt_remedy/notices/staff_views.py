"""Staff pages of messages: figures per kind and mailing, steps of a mailing, undelivered messages, opt-outs."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from kt_remedy.audit import looks, reveals
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, masking
from kt_remedy.core.access import permission_required
from kt_remedy.core.crypto import DecryptError
from kt_remedy.core.errors import Refused
from kt_remedy.core.fields import TextField
from kt_remedy.notices import gateway, mailings, recipients, resending, service, texts, unreached
from kt_remedy.notices.forms import NumberForm
from kt_remedy.notices.models import Mailing, Message, Resending

SHOWN = 50  # number of listed undelivered messages, the latest first
_REASONS = {
    "SUPERSEDED": _("다음 회차가 대신함"),
    "NO_NUMBER": _("보낼 번호가 없음"),
    "NOT_FOUND": _("발송사에 기록이 없음"),
    "NO_RECEIPT": _("도착 확인이 오지 않음"),
    "REFUSED": _("발송사가 받지 않음"),
    "ValidationError": _("번호가 올바르지 않음"),
    "NOT_PREPARED": _("보낼 준비를 하지 못함"),
    "GATEWAY_BUSY": _("발송사가 응답하지 않음"),
    **dict.fromkeys(gateway.PASSING, _("전화기가 꺼져 있거나 닿지 않음")),
}


@dataclass(frozen=True)
class MailingSummary:
    """Numbers of messages of one kind or one mailing by state; for a mailing also its next step and its texts."""

    label: Any
    subject: str
    total: int
    waiting: int
    on_the_way: int
    delivered: int
    not_sent: int
    unreached: int
    mailing: Mailing | None = None
    action: str = ""
    bars: tuple[dict[str, Any], ...] = ()
    step: str = ""
    samples: tuple[str, ...] = ()
    text: str = ""
    english: str = ""
    seal: str = ""
    take_back_action: str = ""
    lost: int = 0
    resending: Resending | None = None
    may_resend: bool = False

    @property
    def ended(self) -> bool:
        """True for a mailing that has ended and of which nothing can be sent again; the page folds it."""
        is_open = self.mailing is None or self.mailing.state != Mailing.State.ENDED
        return not is_open and not (self.lost and self.may_resend)


class DownloadForm(forms.Form):
    """The reason for a download of the list of undelivered messages."""

    reason = TextField(
        label=_("내려받는 이유"),
        max_length=200,
        help_text=_("누가 언제 왜 받았는지 기록에 남습니다."),
        error_messages={"required": _("내려받는 이유를 적어 주세요.")},
    )


class RevealForm(forms.Form):
    """The reason for which a number is shown in full."""

    reason = TextField(
        label=_("번호를 보는 이유"), max_length=200, error_messages={"required": _("이유를 적어 주세요.")}
    )


class LettersForm(forms.Form):
    """Confirmation that letters were sent for all messages of a list, up to the last one shown."""

    sure = forms.BooleanField(label=_("이 목록의 모든 분께 편지를 보냈습니다"))
    why = TextField(max_length=40, widget=forms.HiddenInput)
    until = forms.IntegerField(min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)


class ReachedForm(forms.Form):
    """The channel by which staff informed the person."""

    channel = forms.ChoiceField(
        label=_("어떻게 알렸나요?"),
        choices=Message.Channel.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("알린 방법을 골라 주세요."), "invalid_choice": _("알린 방법을 골라 주세요.")},
    )


@permission_required("notices.view_messages")
@require_http_methods(["GET", "HEAD", "POST"])
def sent(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Show figures per kind and mailing and the latest undelivered messages; a POST with a reason downloads all."""
    form = DownloadForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        audit.record(
            actor=audit.actor(request.user),
            action="notices.unreached_downloaded",
            object="messages:unreached",
            reason=form.cleaned_data["reason"],
            detail={"count": unreached.rows().count(), "filters": []},
        )
        response = StreamingHttpResponse(_csv_lines(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="unreached-{clock.today():%Y%m%d}.csv"'
        response["Cache-Control"] = "no-store"
        return response
    counts = unreached.counts()
    selected = (request.GET.get("channel"), request.GET.get("reason"))
    chosen = next(
        ({"channel": channel, "reason": reason} for channel, reason, _n in counts if selected == (channel, reason)), {}
    )
    listed = unreached.rows().filter(**chosen)
    letters_form = None
    if chosen.get("channel") == Message.Channel.POST and request.user.has_perm("notices.record_letters"):
        last = listed.aggregate(last=Max("pk"))["last"]
        letters_form = LettersForm(initial={"why": chosen["reason"], "until": last})
    return render(
        request,
        "notices/sent.html",
        {
            "form": form,
            "mailings": (summaries := mailing_summaries()),
            "open_mailings": [item for item in summaries if item.mailing and not item.ended],
            "ended_mailings": [item for item in summaries if item.ended],
            "single_requests": [row for (_mailing, message), row in resending.open_requests().items() if message],
            "bars_head": (_("단계"), _("사람")),
            "unreached": [
                (
                    _kind_label(message.kind),
                    message,
                    reason_label(message.reason),
                    _masked_number(message),
                    _channel_label(message.channel),
                    _subject_label(message.kind, message.subject) if message.bulk else "",
                )
                for message in listed.order_by("-settled_at", "-id")[:SHOWN]
            ],
            "shown": SHOWN,
            "ways": [
                {
                    "way": _channel_label(channel),
                    "reason": reason_label(reason),
                    "count": number,
                    "query": urlencode({"channel": channel, "reason": reason}),
                    "here": chosen == {"channel": channel, "reason": reason},
                }
                for channel, reason, number in counts
            ],
            "count": sum(number for _channel, _reason, number in counts),
            "chosen": chosen,
            "letters_form": letters_form,
        },
    )


@permission_required("notices.record_contact")
@require_http_methods(["GET", "HEAD", "POST"])
def reach(request: HttpRequest, message_id: int) -> HttpResponse:
    """Show an undelivered message, for a reason its number, and record that staff informed the person.

    The number stays for half a minute; the audit records who saw it and why (`audit.reveals`).
    """
    message = unreached.rows().filter(pk=message_id).first()
    if message is None:
        messages.warning(request, gettext("이미 알린 분이거나, 그사이 문자가 도착했습니다."))
        return redirect("notices:sent")
    asks = "reveal" in request.POST
    reveal_form = RevealForm(request.POST if asks else None)
    number = _revealed(request, message, reveal_form) if asks and reveal_form.is_valid() else ""
    posted = request.POST if request.method == "POST" and not asks else None
    form = ReachedForm(posted, initial={"channel": message.channel})
    if form.is_bound and form.is_valid():
        try:
            unreached.mark_reached(message_id=message_id, channel=form.cleaned_data["channel"], by=request.user)
        except unreached.ReachedError as refused:
            messages.warning(request, refused.message)
        else:
            messages.success(request, gettext("알린 것으로 적었습니다."))
        return redirect("notices:sent")
    return render(
        request,
        "notices/reach.html",
        {
            "form": form,
            "message": message,
            "label": _kind_label(message.kind),
            "reason": reason_label(message.reason),
            "way": _channel_label(message.channel),
            "number": number,
            "has_number": bool(_unmasked_number(message)),
            "reveal_form": reveal_form,
            "seconds": reveals.SECONDS,
            "most": reveals.MOST_A_DAY,
            "text": _text_of(message),
            "is_lost": resending.lost().filter(pk=message.pk).exists(),
        },
        status=422 if reveal_form.errors else 200,
    )


def _revealed(request: HttpRequest, message: Message, form: forms.Form) -> str:
    """The number of a message in full, recorded and counted; "" with the refusal in the form."""
    assert isinstance(request.user, AbstractUser)
    try:
        reveals.record(
            user=request.user,
            kind="phone",
            object=f"message:{message.pk}",
            customers=looks.customers_of([bytes(message.person_index)]),
            reason=form.cleaned_data["reason"],
        )
    except Refused as refused:
        form.add_error(None, refused.message)
        return ""
    return _unmasked_number(message)


@permission_required("notices.record_letters")
@require_POST
def letters(request: HttpRequest) -> HttpResponse:
    """Record that letters were sent for all messages of one list."""
    form = LettersForm(request.POST)
    if not form.is_valid():
        messages.warning(request, gettext("편지를 모두 보냈는지 확인하고 표시해 주세요."))
        return redirect("notices:sent")
    try:
        settled = unreached.mark_letters_sent(
            reason=form.cleaned_data["why"], until=form.cleaned_data["until"], by=request.user
        )
    except unreached.ReachedError as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, gettext("%(n)s건을 편지로 알린 것으로 적었습니다.") % {"n": f"{settled:,}"})
    return redirect("notices:sent")


@permission_required("notices.steer_mailing")
@require_POST
def steer(request: HttpRequest, mailing_id: int, step: str) -> HttpResponse:
    """Take a step of a mailing: check, approve, pause, resume or take back."""
    arguments = {"seen": request.POST.get("seen", "")} if step == "check" else {}
    try:
        mailings.STEPS[step](mailing_id=mailing_id, user=request.user, **arguments)
    except mailings.MailingError as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, _("처리했습니다."))
    return redirect("notices:sent")


@permission_required("notices.steer_mailing")
@require_POST
def resend(request: HttpRequest) -> HttpResponse:
    """Ask to send the lost messages of a mailing, or one message, again."""
    given = {name: request.POST.get(name, "") for name in ("mailing", "message")}
    keys = {f"{name}_id": int(value) for name, value in given.items() if value.isascii() and value.isdigit()}
    try:
        if len(keys) != 1:
            raise mailings.MailingError("STATE", gettext("다시 보낼 문자가 없습니다."))
        resending.ask(by=request.user, **keys)
    except mailings.MailingError as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, gettext("청했습니다. 다른 사람이 허락하면 다시 보냅니다."))
    return redirect("notices:sent")


@permission_required("notices.steer_mailing")
@require_POST
def allow_resending(request: HttpRequest, resending_id: int) -> HttpResponse:
    """Allow what another person asked to send again."""
    try:
        item = resending.allow(by=request.user, resending_id=resending_id)
    except mailings.MailingError as refused:
        messages.warning(request, refused.message)
    else:
        messages.success(request, gettext("문자 %(n)s건을 다시 보냅니다.") % {"n": f"{item.messages:,}"})
    return redirect("notices:sent")


@permission_required("notices.record_opt_out")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("number")
def opt_outs(request: HttpRequest) -> HttpResponse:
    """Record an opt-out or opt-in of a caller; the page shows the result, never the state of a number."""
    form = NumberForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        target = {"actor": audit.actor(request.user), "number": form.cleaned_data["number"]}
        number = masking.phone(form.cleaned_data["number"])
        if request.POST.get("act") == "start":
            service.opt_in(**target)
            result = _("%(number)s: 신청 안내 문자를 다시 보냅니다.")
        else:
            service.opt_out(**target)
            result = _("%(number)s: 신청 안내 문자를 보내지 않습니다.")
        messages.success(request, result % {"number": number})
        return redirect("notices:opt-outs")
    return render(request, "notices/opt_outs.html", {"form": form})


def mailing_summaries() -> list[MailingSummary]:
    """Summarise each kind of single messages and each mailing, in the order in which the kinds are registered."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    single = Message.objects.filter(bulk=False).values_list("kind", "state").annotate(n=Count("pk"))
    bulk = Message.objects.filter(bulk=True).values_list("kind", "subject", "state").annotate(n=Count("pk"))
    for kind, state, number in single:
        counted.setdefault((kind, ""), {})[state] = number
    for kind, subject, state, number in bulk:
        counted.setdefault((kind, subject), {})[state] = number
    by_subject = {(row.kind, row.subject): row for row in Mailing.objects.select_related("checked_by", "approved_by")}
    for key in by_subject:
        counted.setdefault(key, {})
    lost = {
        (row["kind"], row["subject"]): row["n"]
        for row in resending.lost().filter(bulk=True).values("kind", "subject").annotate(n=Count("pk"))
    }
    asked = resending.open_requests()
    order = {item.code: position for position, item in enumerate(texts.kinds())}
    state = Message.State
    return [
        MailingSummary(
            label=_kind_label(kind),
            subject=_subject_label(kind, subject),
            total=sum(by_state.values()),
            waiting=by_state.get(state.QUEUED, 0) + by_state.get(state.FAILED_TEMPORARY, 0),
            on_the_way=by_state.get(state.SENDING, 0) + by_state.get(state.ACCEPTED, 0),
            delivered=by_state.get(state.DELIVERED, 0),
            not_sent=by_state.get(state.CANCELLED, 0),
            unreached=by_state.get(state.FAILED, 0) + by_state.get(state.UNKNOWN, 0),
            lost=lost.get((kind, subject), 0),
            resending=asked.get((mailing.pk, None)) if mailing else None,
            may_resend=mailing is not None and mailing.ended_why != Mailing.Why.SUPERSEDED,
            **_approval_fields(mailing, by_state),
        )
        for (kind, subject), by_state in sorted(counted.items(), key=lambda item: (order.get(item[0][0], 999), item[0]))
        for mailing in [by_subject.get((kind, subject))]
    ]


def _funnel_bars(mailing: Mailing, by_state: dict[str, int]) -> tuple[dict[str, Any], ...]:
    """Bars of a mailing: persons selected, sent to and reached, then the figures of the funnel of its kind."""
    total, state = sum(by_state.values()), Message.State
    sent = by_state.get(state.ACCEPTED, 0) + by_state.get(state.DELIVERED, 0)
    figures: list[tuple[Any, int]] = [(_("받을 분"), total), (_("보냄"), sent)]
    figures.append((_("도착"), by_state.get(state.DELIVERED, 0)))
    funnel = texts.kind(mailing.kind).funnel if texts.is_registered(mailing.kind) else None
    figures += funnel(mailing.subject) if funnel else []
    return tuple(
        {"label": label, "text": f"{number:,}", "share": 1000 * min(number, total) // max(total, 1)}
        for label, number in figures
    )


def _approval_fields(mailing: Mailing | None, by_state: dict[str, int]) -> dict[str, Any]:
    """Bars and next step of a mailing; before its approval also its texts and some masked numbers."""
    if mailing is None:
        return {}
    fields: dict[str, Any] = {"mailing": mailing, "bars": _funnel_bars(mailing, by_state) if by_state else ()}
    if (step := mailings.NEXT_STEP.get(Mailing.State(mailing.state))) is not None:
        fields |= {"step": step, "action": reverse(f"notices:mailing-{step}", args=[mailing.pk])}
    if mailings.may_be_taken_back(mailing):
        fields["take_back_action"] = reverse("notices:mailing-take-back", args=[mailing.pk])
    if mailing.state in (Mailing.State.HELD, Mailing.State.CHECKED) and texts.is_registered(mailing.kind):
        kind, bodies = texts.kind(mailing.kind), mailings.bodies(mailing)
        queued = Message.objects.filter(kind=mailing.kind, subject=mailing.subject, state=Message.State.QUEUED)
        fields |= {"text": bodies["ko"], "english": bodies["en"], "seal": mailings.seal(mailing)}
        examples = list(queued.order_by("id")[:5]) if kind.address or kind.address_all else []
        found = recipients.numbers(examples)
        fields["samples"] = tuple(
            masking.phone(number) if (number := found.get(message.pk)) else str(_REASONS["NO_NUMBER"])
            for message in examples
        )
    return fields


def reason_label(reason: str) -> Any:
    """Return the label of a reason; a code of a carrier is returned unchanged."""
    return _REASONS.get(reason) or reason or "–"


def _channel_label(channel: str) -> Any:
    return Message.Channel(channel).label


def _text_of(message: Message) -> str:
    """Return the text of a message or of its mailing; an empty string if neither is stored."""
    if message.body:
        return message.body
    mailing = Mailing.objects.filter(kind=message.kind, subject=message.subject).first()
    return (mailing.en if message.language == "en" else mailing.ko) if mailing else ""


def _kind_label(kind: str) -> Any:
    return texts.kind(kind).label if texts.is_registered(kind) else kind


def _subject_label(kind: str, subject: str) -> str:
    """The name of the subject of a mailing, as its kind gives it."""
    name = texts.kind(kind).subject_name if subject and texts.is_registered(kind) else None
    return str(name(subject)) if name else subject


def _masked_number(message: Message) -> str:
    """Return the masked number; a message of a mailing has a number once it is sent."""
    number = _unmasked_number(message)
    return masking.phone(number) if number else ""


def _unmasked_number(message: Message) -> str:
    try:
        return message.to or ""
    except DecryptError:
        return ""


class _LineWriter:
    """A file object for csv.writer whose `write` returns the line."""

    def write(self, text: str) -> str:
        return text


def _csv_lines() -> Iterator[str]:
    # `recipient` names the line or application, where staff look up the address: the file holds no personal data.
    writer = csv.writer(_LineWriter())
    head = ["kind", "subject", "recipient", "channel", "state", "reason", "created_at", "settled_at"]
    yield "\ufeff" + writer.writerow(head)
    for message in unreached.rows().order_by("channel", "kind", "subject", "id").iterator(chunk_size=2000):
        times = [
            at.astimezone(clock.KST).isoformat(timespec="seconds") if at else ""
            for at in (message.created_at, message.settled_at)
        ]
        columns = [message.kind, message.subject, message.recipient, message.channel]
        yield writer.writerow([*columns, message.state, message.reason, *times])
