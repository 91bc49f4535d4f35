"""Tell me when applications open: one message, asked for by a verified person, sent on the morning it is true.

Between the day the look-up opens and the day applications do, one can see a refund and not ask for it yet. Who leaves
their number here gets a single message then. It is no consent to anything else: the row is deleted when the person
changes their mind, and for everybody when the window closes.
"""

import datetime as dt

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from eligibility import service
from eligibility.models import OpeningWish
from kt_remedy.audit import service as audit
from kt_remedy.core import clock, programme
from kt_remedy.core.models import DatedTask
from kt_remedy.core.tasks import schedule
from kt_remedy.identity.service import Person
from kt_remedy.notices import service as notices
from kt_remedy.notices import texts
from kt_remedy.notices.models import Message

KIND, SUBJECT = "opening", "applications"


class ApplicationsOpen(Exception):
    """Applications are open already, so there is nothing left to tell."""


def wish_of(person_index: bytes) -> OpeningWish | None:
    """The standing wish of a person, or None."""
    return OpeningWish.objects.filter(person_index=person_index).first()


def record_wish(*, person: Person, language: str) -> OpeningWish:
    """Note that this person wants the message, on the number just verified. Asked again, the later number counts.

    Raises TooLate from the day applications open.
    """
    if clock.today() >= programme.current().applications.opens:
        raise ApplicationsOpen
    known = wish_of(person.ci_index)
    if known and (known.phone, known.language) == (person.phone, language):
        return known
    wish = OpeningWish(person_index=person.ci_index, language=language, asked_at=clock.now())
    wish.phone = person.phone
    with transaction.atomic():
        wish, _new = OpeningWish.objects.update_or_create(
            person_index=person.ci_index,
            defaults={"phone_enc": wish.phone_enc, "language": language, "asked_at": wish.asked_at},
        )
        audit.record(actor="customer", action="opening.asked", object=f"opening_wish:{wish.pk}")
    return wish


def cancel_wish(*, person_index: bytes) -> bool:
    """Forget the wish; returns whether there was one. A message that has not left yet is not sent."""
    with transaction.atomic():
        wish = OpeningWish.objects.select_for_update().filter(person_index=person_index).first()
        if wish is None:
            return False
        audit.record(actor="customer", action="opening.stopped", object=f"opening_wish:{wish.pk}")
        wish.delete()
    return True


def queue_messages(act: DatedTask) -> schedule.ResultMessage:
    """Queue the message for everybody who asked. At-least-once: run again it reaches nobody twice."""
    count = notices.queue_all(
        kind=KIND,
        subject=SUBJECT,
        select="SELECT person_index, 'wish' AS recipient, language FROM eligibility_opening_wish",
    )
    return schedule.result_message(gettext_noop("새로 올린 안내 %(n)s명"), n=count)


def delete_wishes(act: DatedTask) -> schedule.ResultMessage:
    """Delete the wishes and the numbers in them, once the window they were about has closed. At-least-once."""
    return schedule.result_message(gettext_noop("지움 %(n)s"), n=OpeningWish.objects.all().delete()[0])


def still_wanted(message: Message) -> bool:
    """Whether the person did not change their mind and can still apply. Asked just before the message leaves."""
    closes = programme.current().applications.closes
    return clock.today() <= closes and wish_of(bytes(message.person_index)) is not None


def number_for(message: Message) -> str | None:
    """The number that was verified when the person asked."""
    wish = wish_of(bytes(message.person_index))
    return service.confirmed_number_or_blank(wish.phone, confirmed_at=wish.asked_at) if wish else None


def register() -> None:
    """Put the text into the messages room, and the telling and the forgetting on the calendar."""
    closes = programme.current().applications.closes
    notices.register(
        KIND,
        label=_("신청 시작 알림 (알려 달라고 하신 분)"),
        text={
            "ko": f"[KT] 위약금 환급 신청이 시작되었습니다. {texts.day(closes, 'ko')}까지 신청하세요."
            " 문의 {hotline}(무료)",
            "en": f"[KT] You can apply for your refund now, until {texts.day(closes, 'en')}. Call: {{hotline}} (free)",
        },
        recheck=still_wanted,
        address=number_for,
        confirmed=True,
    )
    schedule.register(
        "eligibility.opening",
        title=_("신청이 시작되었다고 알리기"),
        task=queue_messages,
        due=lambda p: [clock.kst(p.applications.opens, p.notices.send_from)],
        queue="messages",
        latest=dt.timedelta(days=7),  # after that the reminders say more
    )
    schedule.register(
        "eligibility.forget_openings",
        title=_("신청 시작 알림 번호 지우기"),
        task=delete_wishes,
        due=lambda p: [clock.kst(p.applications.closes + dt.timedelta(days=1))],
    )
