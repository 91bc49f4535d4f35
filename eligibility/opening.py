"""Opening wishes (열림 알림 신청): one message to each verified person who asked for it, on the day applications open.

Between the opening of the look-up and the opening of applications, customers see their refund but cannot apply yet.
A wish is no consent to any other message. It is deleted when the person withdraws it, and after the window closes.
"""

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
    """Applications are open already, so a wish has no use."""


def wish_of(person_index: bytes) -> OpeningWish | None:
    """The wish of a person, or None."""
    return OpeningWish.objects.filter(person_index=person_index).first()


def record_wish(*, person: Person, language: str) -> OpeningWish:
    """Record the wish with the number that was just verified. A later wish of the same person replaces the number.

    Raises ApplicationsOpen from the day applications open.
    """
    if clock.today() >= programme.current().applications.opens:
        raise ApplicationsOpen
    existing = wish_of(person.ci_index)
    if existing and (existing.phone, existing.language) == (person.phone, language):
        return existing
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
    """Delete the wish; returns False if there was none. A message that is still queued will not be sent."""
    with transaction.atomic():
        wish = OpeningWish.objects.select_for_update().filter(person_index=person_index).first()
        if wish is None:
            return False
        audit.record(actor="customer", action="opening.stopped", object=f"opening_wish:{wish.pk}")
        wish.delete()
    return True


def queue_messages(task: DatedTask) -> schedule.ResultMessage:
    """Queue the message for every wish. At-least-once: a second run queues nothing twice."""
    count = notices.queue_all(
        kind=KIND,
        subject=SUBJECT,
        select="SELECT person_index, 'wish' AS recipient, language FROM eligibility_opening_wish",
    )
    return schedule.result_message(gettext_noop("새로 올린 안내 %(n)s명"), n=count)


def delete_wishes(task: DatedTask) -> schedule.ResultMessage:
    """Delete all wishes with their numbers after the window has closed. At-least-once."""
    return schedule.result_message(gettext_noop("지움 %(n)s"), n=OpeningWish.objects.all().delete()[0])


def still_wanted(message: Message) -> bool:
    """True if the wish still exists and the window is still open. Checked just before the message is sent."""
    closes = programme.current().applications.closes
    return clock.today() <= closes and wish_of(message.person_index) is not None


def number_for(message: Message) -> str | None:
    """The number verified with the wish, or None without a wish; "" if the number was released since then."""
    wish = wish_of(message.person_index)
    return service.confirmed_number_or_blank(wish.phone, confirmed_at=wish.asked_at) if wish else None


def register() -> None:
    """Register the message text with the notices."""
    closes = programme.current().applications.closes
    notices.register(
        KIND,
        label=_("신청 시작 알림 (알려 달라고 하신 분)"),
        text={
            "ko": f"{{prefix}} 위약금 환급 신청이 시작되었습니다. {texts.day(closes, 'ko')}까지 신청하세요."
            " 문의 {hotline}(무료)",
            "en": f"{{prefix}} You can apply for your refund now, until {texts.day(closes, 'en')}."
            " Call: {hotline} (free)",
        },
        recheck=still_wanted,
        address=number_for,
        confirmed=True,
        sms=True,
        subject_name=lambda subject: _("신청을 연 날"),
    )
