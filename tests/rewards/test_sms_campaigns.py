"""SMS campaigns about automatic insurance and the end of the choice: recipients, numbers and repeats."""

import datetime as dt
from dataclasses import replace

import pytest

from eligibility import register_clock
from eligibility.models import Customer, Feed, Line
from kt_remedy.core import clock, persons, programme
from kt_remedy.core.models import DatedTask, worded
from kt_remedy.core.tasks import schedule
from kt_remedy.notices import mailings, preparing, texts
from kt_remedy.notices.models import Mailing, Message
from rewards import service, sms_campaigns
from rewards.models import BaseLine
from tests import background
from tests.refunds import make
from tests.sessions import staff_user


def dated_task(code: str) -> DatedTask:
    """The dated task of the calendar."""
    return DatedTask(code=code, due_at=schedule.entry(code).moments()[0])


def recipients(kind: str) -> list[bytes]:
    return sorted(bytes(row) for row in Message.objects.filter(kind=kind).values_list("person_index", flat=True))


def sentences_of(sentences) -> str:
    return worded([list(sentence) for sentence in sentences])


def keys(*lines: Line) -> list[bytes]:
    return sorted(line.customer.person_index for line in lines)


def test_the_days_come_from_the_programme():
    kinds = (
        sms_campaigns.INSURED,
        sms_campaigns.INSURANCE_OPEN,
        sms_campaigns.CHOICE_OPEN,
        sms_campaigns.CHOOSE_SOON,
    )
    days = [[clock.kst_date(moment) for moment in schedule.entry(kind).moments()] for kind in kinds]
    insurance = [dt.date(2026, 1, 25)]
    assert days == [insurance, insurance, [dt.date(2026, 2, 1)], [dt.date(2026, 7, 24)]]


@pytest.mark.parametrize(("age", "texts"), [(70, ["{prefix} 만 70세 이상", "{prefix} At 70 or over"]), (None, [])])
def test_the_text_names_the_age_of_the_programme(monkeypatch, age, texts):
    ours = programme.current()
    perks = tuple(replace(perk, automatic_from_age=perk.automatic_from_age and age) for perk in ours.perks)
    monkeypatch.setattr(programme, "current", lambda: replace(ours, perks=perks))
    registered = {}
    monkeypatch.setattr(sms_campaigns.notices, "register", lambda kind, *, text, **_: registered.update({kind: text}))
    monkeypatch.setattr(sms_campaigns.schedule, "register", lambda *_args, **_kwargs: None)
    sms_campaigns.register()
    registered_texts = registered.get(sms_campaigns.INSURED, {}).values()
    assert [text[: len(start)] for text, start in zip(registered_texts, texts, strict=True)] == texts
    assert sms_campaigns.CHOOSE_SOON in registered


def test_the_insured_by_age_are_told_once(take_base, at, make_line):
    old = make_line(make.customer(birth="1961-01-13"))
    make_line(old.customer)
    make_line(make.customer(birth="1961-01-14"))
    declined, gone = make_line(make.customer(birth="1950-01-01")), make_line(make.customer(birth="1950-01-01"))
    take_base()
    at("2026-01-25T10:00+09:00")
    service.opt_out(perk_code="INSURANCE", person_index=declined.customer.person_index)
    Line.objects.filter(pk=gone.pk).update(status="TERMINATED", terminated_on=dt.date(2026, 1, 20))
    # Another customer number of the same person is no transfer of name, so the termination counts.
    renumbered = make_line(make.customer(birth="1950-01-01", ci="renumbered"))
    BaseLine.objects.create(
        contract_no=renumbered.pk,
        customer_no=old.customer_id,
        person_index=renumbered.customer.person_index,
        why="IN_SERVICE",
        perks=["INSURANCE"],
    )
    Line.objects.filter(pk=renumbered.pk).update(status="TERMINATED", terminated_on=dt.date(2026, 1, 20))
    assert sentences_of(sms_campaigns.queue_insured_notices(dated_task(sms_campaigns.INSURED))) == "새로 올린 안내 1명"
    assert sentences_of(sms_campaigns.queue_insured_notices(dated_task(sms_campaigns.INSURED))) == "새로 올린 안내 0명"
    assert recipients(sms_campaigns.INSURED) == keys(old)
    message = Message.objects.get(kind=sms_campaigns.INSURED)
    assert sms_campaigns.still_applies(message)
    assert sms_campaigns.number_for(message) in (old.msisdn, Line.objects.exclude(pk=old.pk).first().msisdn)
    service.opt_out(perk_code="INSURANCE", person_index=old.customer.person_index)
    assert not sms_campaigns.still_applies(message)


def test_who_has_not_chosen_is_reminded_and_a_child_through_the_guardian(take_base, at, make_line):
    waits, chose, has = (make_line(make.customer()) for _ in range(3))
    child, baby = make_line(make.customer(birth="2010-05-05")), make_line(make.customer(birth="2020-05-05"))
    iot = make_line(make.customer(), product="IOT")
    guardian = persons.ci_index("guardian")
    Customer.objects.filter(pk__in=[child.customer_id, baby.customer_id]).update(guardian_ci_index=guardian)
    take_base()
    at("2026-07-24T10:00+09:00")
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-1"])
    for line in (chose, has):
        service.choose(
            perk_code="OTT", contract_no=line.pk, choice_code="TVING", person_index=line.customer.person_index
        )
    service.issue_code(perk_code="OTT", contract_no=has.pk, person_index=has.customer.person_index)
    assert (
        sentences_of(sms_campaigns.queue_choice_reminders(dated_task(sms_campaigns.CHOOSE_SOON)))
        == "새로 올린 안내 2명"
    )
    assert recipients(sms_campaigns.CHOOSE_SOON) == sorted([*keys(waits), guardian])  # a choice stands (D-79)
    assert iot.customer.person_index not in recipients(sms_campaigns.CHOOSE_SOON)
    to_guardian = Message.objects.get(person_index=guardian)
    assert sms_campaigns.number_for(to_guardian) == child.msisdn  # no contact and no line of the guardian's own
    assert sms_campaigns.still_applies(to_guardian)
    service.choose(
        perk_code="OTT",
        contract_no=waits.pk,
        choice_code="TVING",
        person_index=waits.customer.person_index,
    )
    mine = Message.objects.get(person_index=waits.customer.person_index)
    assert not sms_campaigns.still_applies(mine)
    at("2026-08-01T00:00+09:00")
    assert not sms_campaigns.still_applies(to_guardian)
    assert (
        sentences_of([sms_campaigns.queue_choice_reminders(dated_task(sms_campaigns.CHOOSE_SOON))])
        == "고르는 기간이 끝나 보내지 않음"
    )


def test_who_may_choose_is_told_on_the_first_day_until_when(take_base, at, make_line):
    adult, child = make_line(make.customer()), make_line(make.customer(birth="2010-05-05"))
    make_line(make.customer(birth="2020-05-05"))  # too young for every service
    guardian = persons.ci_index("guardian")
    Customer.objects.filter(pk=child.customer_id).update(guardian_ci_index=guardian)
    take_base()
    at("2026-02-01T10:00+09:00")
    assert (
        sentences_of(sms_campaigns.queue_choice_notices(dated_task(sms_campaigns.CHOICE_OPEN))) == "새로 올린 안내 2명"
    )
    assert recipients(sms_campaigns.CHOICE_OPEN) == sorted([*keys(adult), guardian])
    mailing = Mailing.objects.get(kind=sms_campaigns.CHOICE_OPEN)
    assert "7/31(금)까지" in mailing.ko
    assert "31 Jul" in mailing.en
    message = Message.objects.get(person_index=adult.customer.person_index)
    assert sms_campaigns.still_applies(message)
    service.choose(perk_code="OTT", contract_no=adult.pk, choice_code="TVING", person_index=adult.customer.person_index)
    assert not sms_campaigns.still_applies(message)
    at("2026-07-24T10:00+09:00")
    sms_campaigns.queue_choice_reminders(dated_task(sms_campaigns.CHOOSE_SOON))
    assert "7/31(금)까지" in Mailing.objects.get(kind=sms_campaigns.CHOOSE_SOON).ko


def test_who_is_not_insured_by_age_is_told_to_apply(take_base, at, make_line):
    young, child = make_line(make.customer(birth="1961-01-14")), make_line(make.customer(birth="2010-05-05"))
    make_line(young.customer)
    make_line(make.customer(birth="1961-01-13"))  # insured without applying
    make_line(make.customer(kind="CORPORATE", birth=None, ci=None))
    applied, declined, gone = (make_line(make.customer(birth="1985-03-02")) for _ in range(3))
    guardian = persons.ci_index("guardian")
    Customer.objects.filter(pk=child.customer_id).update(guardian_ci_index=guardian)
    take_base()
    at("2026-01-25T10:00+09:00")
    service.apply(perk_code="INSURANCE", person_index=applied.customer.person_index)
    service.opt_out(perk_code="INSURANCE", person_index=declined.customer.person_index)
    Line.objects.filter(pk=gone.pk).update(status="TERMINATED", terminated_on=dt.date(2026, 1, 20))
    task = dated_task(sms_campaigns.INSURANCE_OPEN)
    assert sentences_of(sms_campaigns.queue_insurance_notices(task)) == "새로 올린 안내 2명"
    assert sentences_of(sms_campaigns.queue_insurance_notices(task)) == "새로 올린 안내 0명"
    assert recipients(sms_campaigns.INSURANCE_OPEN) == sorted([*keys(young), guardian])
    message = Message.objects.get(kind=sms_campaigns.INSURANCE_OPEN, person_index=young.customer.person_index)
    assert sms_campaigns.still_applies(message)
    service.apply(perk_code="INSURANCE", person_index=young.customer.person_index)
    assert not sms_campaigns.still_applies(message)


@pytest.mark.parametrize(
    "kind",
    [
        "rewards.code",
        "rewards.code_awaited",
        "rewards.applied",
        sms_campaigns.INSURANCE_OPEN,
        sms_campaigns.CHOICE_OPEN,
        sms_campaigns.CHOOSE_SOON,
    ],
)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_short_texts_about_perks_fit_an_sms_on_the_longest_day(kind, language):
    item = texts.kind(kind)
    body = texts.fill_and_check(item, language, item.text[language])
    assert len(body.encode("cp949")) <= texts.SMS_BYTES, body


def test_nothing_is_told_before_the_base_is_taken(at):
    at("2026-01-25T10:00+09:00")
    with pytest.raises(schedule.NotYet):
        sms_campaigns.queue_insured_notices(dated_task(sms_campaigns.INSURED))


@pytest.mark.parametrize(
    ("kind", "hour", "before"),
    [
        (sms_campaigns.INSURANCE_OPEN, "2026-01-25", "2026-01-24"),
        (sms_campaigns.CHOICE_OPEN, "2026-02-01", "2026-01-31"),
        (sms_campaigns.CHOOSE_SOON, "2026-07-24", "2026-07-23"),
    ],
)
def test_a_mailing_about_a_perk_is_approved_before_its_hour_and_waits_for_its_delivery(
    take_base, at, make_line, settings, monkeypatch, kind, hour, before
):
    settings.ROUNDS_NEED_APPROVAL = True
    monkeypatch.setattr(schedule, "_entries", {kind: schedule.entry(kind)})
    for _n in range(3):
        make_line(make.customer(birth="1985-03-02"))
    assert sms_campaigns.plans() == [], "before the base nobody can be counted"
    take_base()
    at(f"{before}T10:00+09:00")
    preparing.prepare()
    item = Mailing.objects.get(kind=kind)
    assert (item.state, item.expected, item.due_at) == ("HELD", 3, dt.datetime.fromisoformat(f"{hour}T10:00+09:00"))
    checked = mailings.bodies(item)
    mailings.check(mailing_id=item.pk, user=staff_user("supervisor", username="s1"), seen=mailings.seal(item))
    mailings.approve(mailing_id=item.pk, user=staff_user("supervisor", username="s2"))
    Feed.objects.all().delete()
    make.delivered(before)
    at(f"{hour}T10:00+09:00")
    background.run_due("messages", "perks")
    act = DatedTask.objects.get(code=kind)
    assert act.state == "WAITING"
    assert f"{hour}이나 그 뒤의 청구 데이터를 기다림" in act.result
    at(f"{hour}T12:00+09:00")
    assert f"delivery {hour} for {kind}" in register_clock.alarms()
    make.delivered(hour)
    DatedTask.objects.filter(pk=act.pk).update(retry_at=None)
    background.run_due("messages", "perks")
    act.refresh_from_db()
    assert (act.state, Message.objects.filter(kind=kind).count()) == ("DONE", 3)
    item.refresh_from_db()
    assert {"ko": item.ko, "en": item.en} == checked
    assert ("7/31(금)까지" in item.ko) is (kind != sms_campaigns.INSURANCE_OPEN)


def test_a_mailing_with_a_date_can_be_read_and_checked_while_it_waits(take_base, at, make_line, settings):
    """Two people read the text with its last day before a list is drawn, and also after it without a preparation."""
    settings.ROUNDS_NEED_APPROVAL = True
    make_line(make.customer())
    take_base()
    at("2026-02-01T10:00+09:00")
    sms_campaigns.queue_choice_notices(dated_task(sms_campaigns.CHOICE_OPEN))
    item = Mailing.objects.get(kind=sms_campaigns.CHOICE_OPEN)
    assert "7/31(금)까지" in mailings.bodies(item)["ko"]
    mailings.check(mailing_id=item.pk, user=staff_user("supervisor", username="s1"), seen=mailings.seal(item))
    item.refresh_from_db()
    assert "by Fri 31 Jul" in item.en
