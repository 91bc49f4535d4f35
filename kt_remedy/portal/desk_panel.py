"""The panel of one customer: what an agent needs to answer the likeliest questions, built from this case alone."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from kt_remedy.content import service as content
from kt_remedy.content.models import Place
from kt_remedy.core import clock, masking, programme
from kt_remedy.core.templatetags.remedy import kdate_long, kdatetime, krw
from kt_remedy.notices import service as notices
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message
from kt_remedy.portal import desk_code, my_record
from kt_remedy.portal.lines import LineCard, cards_of
from kt_remedy.staff import stores
from refunds.accounts import consents
from refunds.applications import presenters
from refunds.applications.representation import DOCUMENTS, OFFLINE
from refunds.models.accounts import OwnerKind
from refunds.models.applications import Application, Objection
from refunds.models.desk import DeskSession
from refunds.models.promises import PromiseRecord
from rewards import service as rewards

_LAST = 10
_ANSWER = re.compile(r"<details[^>]*>(\s*<summary>.*?</details>)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Way:
    """A reason to call: its words, the sentence to say now, and the one act that follows."""

    number: int
    label: str
    say: str
    more: str = ""
    url: str = ""
    act: str = ""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as the panel shows it; the digits of a code are not shown to staff."""

    label: str
    body: str
    to: str
    at: Any
    state: str
    arrived: bool


@dataclass(frozen=True, slots=True)
class Look:
    """A look as the customer reads it (D-92), or several alike in one minute: role and place, never a name."""

    who: str
    place: str
    why: str
    at: dt.datetime
    unusual: bool
    times: int = 1


def context(request: HttpRequest, row: DeskSession) -> dict[str, Any]:
    """Everything of the panel for a proven customer."""
    current, now = programme.current(), clock.now()
    lines = cards_of(row.person_index, now, clock.today(), current)
    applications = list(
        Application.objects.filter(line__customer__person_index=row.person_index)
        .select_related("filing", "line__customer", "account__holder_check")
        .order_by("-id")
    )
    sent = _messages(row.person_index)
    overview = rewards.overview(row.person_index)
    ways = _ways(row, lines, sent)
    chosen = next((way for way in ways if str(way.number) == request.GET.get("ask")), ways[0])
    today = clock.today()
    looked = my_record.looks_at(row.person_index, since=today - dt.timedelta(days=my_record.DAYS - 1), until=today)
    near, words = request.GET.get("near", "").strip(), request.GET.get("q", "").strip()
    return {
        "line_cards": lines,
        "ways": ways,
        "way": chosen,
        "history": _history(applications),
        "withdrawn_consents": consents.withdrawn(row.person_index),
        "objections": list(
            Objection.objects.filter(line__customer__person_index=row.person_index).order_by("-received_at")[:5]
        ),
        "sent": sent,
        "looks": _looks(looked),
        "listed": sum(day.lists for day in looked),
        "perks": overview.cards if overview.base_complete else [],
        "perk_texts": content.current(Place.INSURER) + content.current(Place.PARTNER),
        "bring": _bring(),
        "near": near,
        "stores": stores.search(near)[:_LAST],
        "q": words,
        "answers": _answers(request, words) if words else [],
    }


def _ways(row: DeskSession, lines: list[LineCard], sent: list[SentMessage]) -> list[Way]:
    """Six reasons to call, each with a sentence from the figures of this case."""
    customer_url = reverse("portal:desk-customer", args=[row.key])
    first = next((card for card in lines if card.kind in {"yes", "review"}), lines[0] if lines else None)
    application = (
        Application.objects.filter(line__customer__person_index=row.person_index)
        .select_related("account__holder_check")
        .order_by("-id")
        .first()
        if first is not None
        else None
    )
    file_url = reverse("portal:desk-file", args=[row.key])
    when = _when(first)
    filed = application is not None and application.is_live
    change = reverse("portal:desk-application", args=[row.key, application.pk]) if application and filed else file_url
    object_url = reverse("portal:desk-object", args=[row.key, first.view.contract_no]) if first is not None else ""
    no = next((card for card in lines if card.kind in {"no", "none"}), None)
    return [
        Way(1, _("언제 받나요"), when, url="" if filed else file_url, act="" if filed else _("신청서 쓰기")),
        Way(
            2,
            _("금액이 달라요"),
            _amount_words(first),
            _("그래도 다르다고 하시면 청구서에 적힌 금액을 여쭙고 이의를 받으세요."),
            object_url if first is not None and first.kind == "yes" else "",
            _("이의 받기"),
        ),
        Way(
            3,
            _("왜 안 되나요"),
            _why_words(no),
            _("조건을 하나씩 읽어 드리고, 사실과 다르다고 하시면 이의를 받으세요."),
            reverse("portal:desk-object", args=[row.key, no.view.contract_no]) if no is not None else "",
            _("이의 받기"),
        ),
        Way(
            4,
            _("계좌 바꾸기"),
            _account_words(application),
            _("신청서에 적힌 번호로 숫자를 보내 확인한 뒤에 고칩니다."),
            change,
            _("신청서 열기") if filed else _("신청서 쓰기"),
        ),
        Way(
            5,
            _("문자가 왔어요"),
            _sent_words(sent),
            _("인터넷 주소나 인증번호를 묻는 문자는 저희 것이 아닙니다."),
            f"{customer_url}#sent",
            _("보낸 문자 보기"),
        ),
        Way(
            6,
            _("서류, 매장"),
            _("본인이 오시면 신분증과 본인 이름의 통장을 가져오세요. 다른 분이 오시면 서류가 더 필요합니다."),
            "",
            f"{customer_url}#bring",
            _("서류와 매장 보기"),
        ),
    ]


def _when(card: LineCard | None) -> str:
    if card is None:
        return _("환급받을 회선이 없습니다.")
    if card.promise is not None:
        return card.promise.sentence
    days = [f"{label}: {value}" for label, value in card.rows]
    return " ".join([*days, *card.notes]) or card.title


def _amount_words(card: LineCard | None) -> str:
    if card is None or not card.ledger:
        return _("이 고객의 회선에는 위약금 청구서가 없습니다.")
    parts = [f"{row.label} {krw(row.won)}" for row in card.ledger if row.won is not None]
    return _("%(caption)s: %(parts)s.") % {"caption": card.caption, "parts": ", ".join(parts)}


def _why_words(card: LineCard | None) -> str:
    if card is None:
        return _("이 고객에게는 대상이 아닌 회선이 없습니다.")
    reasons = " ".join(f"{reason.fact} {reason.rule}" for reason in card.reasons)
    return reasons or " ".join(card.notes) or card.title


def _account_words(application: Application | None) -> str:
    if application is None or not application.is_live:
        return _("아직 신청하지 않으셔서 계좌가 없습니다.")
    account = application.account
    words = _("지금은 %(account)s 계좌로 받으십니다.") % {"account": account}
    if account.is_offline:
        return words
    # The masked name and the last digits tell accounts apart; the whole of neither is staff's to see (D-83).
    given = _("예금주는 %(owner)s %(name)s 님이고, %(day)s에 적으셨습니다.") % {
        "owner": account.get_owner_kind_display(),
        "name": masking.name(account.holder_name or ""),
        "day": kdate_long(clock.kst_date(account.created_at)),
    }
    return f"{words} {given} {presenters.account_note(account)}."


def _sent_words(sent: list[SentMessage]) -> str:
    if not sent:
        return _("저희가 보낸 문자가 없습니다.")
    last = sent[0]
    return _("마지막으로 %(when)s에 ‘%(label)s’ 문자를 %(to)s로 보냈습니다(%(state)s).") % {
        "when": kdatetime(last.at),
        "label": last.label,
        "to": last.to,
        "state": last.state,
    }


def _history(applications: list[Application]) -> list[dict[str, Any]]:
    """Promises of each application as they were given, the newest first, each with its application."""
    records = PromiseRecord.objects.filter(application__in=applications).order_by("-application_id", "-number")
    by_application: dict[int, list[PromiseRecord]] = {}
    for record in records:
        by_application.setdefault(record.application_id, []).append(record)
    return [
        {
            "application": row,
            "records": by_application.get(row.pk, []),
            "moved": len({record.day for record in by_application.get(row.pk, []) if record.day}) > 1,
        }
        for row in applications
    ]


def _messages(person: bytes) -> list[SentMessage]:
    return [
        SentMessage(
            label=str(texts.kind(message.kind).label if texts.is_registered(message.kind) else message.kind),
            body=_("숫자는 고객에게만 보입니다.") if message.kind in desk_code.KINDS else message.body,
            to=masking.phone(message.to or "") if message.to_enc else _("번호 없음"),
            at=message.sent_at or message.created_at,
            state=message.get_state_display(),
            arrived=message.state == Message.State.DELIVERED,
        )
        for message in notices.messages_of_person(person, limit=_LAST)
    ]


def _looks(days: list[my_record.Day]) -> list[Look]:
    """The latest looks; those alike in one minute are one line."""
    alike: Counter[tuple[str, str, str, dt.datetime, bool]] = Counter()
    for look in (look for day in days for look in day.looks):
        alike[
            str(look.who), str(look.place), str(look.why), look.at.replace(second=0, microsecond=0), look.unusual
        ] += 1
    return [Look(*same, times) for same, times in list(alike.items())[:_LAST]]


def _bring() -> list[tuple[str, list[str]]]:
    """Documents by who comes."""
    rows = [(str(OwnerKind.SELF.label), [_("신분증"), _("본인 이름의 통장")])]
    rows += [
        (str(OwnerKind(kind).label), [str(label) for _code, label in papers]) for kind, papers in DOCUMENTS.items()
    ]
    return [*rows, (_("한국 계좌가 없는 분"), [str(label) for _code, label in OFFLINE])]


def _answers(request: HttpRequest, words: str) -> list[SafeString]:
    """Questions and answers of the public page in which all words stand, as they are shown there."""
    page = render_to_string("portal/faq.html", {}, request=request)
    wanted = words.lower().split()
    return [
        SafeString(f"<details>{found}")  # nosec B703  (parts of a page that a template drew)
        for found in _ANSWER.findall(page)
        if all(word in strip_tags(found).lower() for word in wanted)
    ][:_LAST]
