"""Withdraw a consent: applications that are not frozen end with it, and numbers go as early as possible (D-91)."""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from eligibility import opening
from kt_remedy.audit import service as audit
from kt_remedy.core import clock
from kt_remedy.notices import service as notices
from refunds.accounts import consents, wipe
from refunds.applications import change, drafts
from refunds.applications.submit import CONSENTS
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Channel, Draft, Filing
from refunds.models.consents import Consent, ConsentWithdrawal
from refunds.models.states import LIVE


@dataclass(frozen=True, slots=True)
class Given:
    """The state of one consent of a person; `withdrawn_at` is None while it is in force."""

    consent: Consent
    at: dt.datetime
    version: str
    place: str
    withdrawn_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The number of applications that a withdrawal ended, and of those that are paid all the same."""

    ended: int
    kept: int


def of_person(person_index: bytes) -> list[Given]:
    """The consents that a person gave, by a filing, in answers that are not filed yet, or again after a withdrawal."""
    filing = Filing.objects.filter(person_index=person_index).order_by("-received_at").first()
    draft = Draft.objects.filter(person_index=person_index, opened_by=None).first()
    answers = drafts.load(person_index=person_index)[1].consents if draft else {}
    past = consents.history(person_index)
    found = []
    for consent in Consent:
        each: list[tuple[dt.datetime, str, str]] = []
        if filing is not None and consent in filing.consents:
            each.append((filing.received_at, filing.consents[consent], str(filing.get_channel_display())))
        web = str(Channel.WEB.label)
        if draft is not None and consent in answers:
            each.append((draft.saved_at, answers[consent], web))
        mine = [row for row in past if row.consent == consent]
        each += [(row.given_at, row.version, web) for row in mine if row.given_at]
        ended = next((row.withdrawn_at for row in mine if row.given_at is None), None)
        if each or ended:
            at, version, place = max(each) if each else (ended or clock.now(), "", "")
            found.append(Given(consent, at, version, place, ended))
    return found


def withdraw(*, consent: Consent, person_index: bytes, phone: str) -> Outcome:
    """Withdraw a consent of a customer, in one transaction that the history and the audit record.

    Either consent: each live application that is in no batch is withdrawn; one that is frozen or paid goes on. The
    answers that are not filed are deleted, no bank is asked any more, and accounts that no payment needs are emptied at
    once, the others by the daily wipe as soon as their payment is over. PRIVACY also ends reminders, to the person and
    to `phone`, and the wish to be told of the opening. Objections and perks do not rest on these consents and stay.
    Raises Refused: NOT_GIVEN, WITHDRAWN (already).
    """
    if not any(given.consent == consent for given in of_person(person_index)):
        raise Refused("NOT_GIVEN", _("동의하신 적이 없습니다."))
    with transaction.atomic():
        _row, new = ConsentWithdrawal.objects.get_or_create(
            person_index=person_index, consent=consent, given_at=None, defaults={"withdrawn_at": clock.now()}
        )
        if not new:
            raise Refused("WITHDRAWN", _("이미 거두신 동의입니다."))
        return _follow(consent, person_index, phone)


def give_again(*, consent: Consent, person_index: bytes) -> bool:
    """Give a withdrawn consent again on the website; False if it was not withdrawn.

    What the withdrawal ended stays ended: the person applies anew.
    """
    versions = {str(consent): CONSENTS[consent]}
    subject = _customer_no(person_index)
    return bool(consents.give_again(person_index, versions=versions, actor="customer", subject=subject))


def _follow(consent: Consent, person_index: bytes, phone: str) -> Outcome:
    ended, kept = _end_applications(person_index)
    # Filings that were under way are over after this, and those that come find the withdrawal.
    consents.keep_out_filings(person_index)
    Draft.objects.filter(person_index=person_index).delete()
    late, kept = _end_applications(person_index)
    ended += late
    accounts = wipe.empty_withdrawn([person_index])
    if consent == Consent.PRIVACY:
        notices.opt_out(actor="customer", number=phone, person=person_index)
        opening.cancel_wish(person_index=person_index)
    audit.record(
        actor="customer",
        action="consent.withdrawn",
        object=f"consent:{consent}",
        subject=_customer_no(person_index),
        detail={"ended": ended, "kept": kept, "accounts": accounts},
    )
    return Outcome(ended, kept)


def _end_applications(person_index: bytes) -> tuple[int, int]:
    """Withdraw the live applications of a person; returns how many ended and how many were frozen before."""
    live = Application.objects.filter(filing__person_index=person_index, status__in=LIVE)
    ended = kept = 0
    for pk in live.order_by("pk").values_list("pk", flat=True):
        try:
            change.withdraw(application_id=pk, person_index=person_index, code="CONSENT_WITHDRAWN")
        except Refused as refused:
            kept += refused.code == "FROZEN"
        else:
            ended += 1
    return ended, kept


def _customer_no(person_index: bytes) -> str:
    filing = Filing.objects.filter(person_index=person_index).order_by("-received_at").first()
    return filing.customer_id if filing else ""
