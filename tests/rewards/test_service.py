"""Actions of a person on perks, parallel requests and workers, and the page."""

import datetime as dt
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices.models import Message
from rewards import codes, service
from rewards.models import BaseLine, Entitlement, Voucher
from rewards.perks import holders
from tests import sessions
from tests.refunds import make
from tests.rewards import running
from tests.threads import together

FEBRUARY = "2026-02-02T10:00+09:00"


def index(holder) -> bytes:
    return holder.person_index


def refusal(call, **arguments) -> str:
    with pytest.raises(service.PerkRefused) as refused:
        call(**arguments)
    return refused.value.code


def choose(line, choice="TVING", holder=None, **more):
    return service.choose(
        perk_code="OTT",
        contract_no=line.pk,
        choice_code=choice,
        person_index=index(holder or line.customer),
        **more,
    )


@pytest.fixture
def adult(make_line):
    return make_line(make.customer(birth="1985-03-02"))


@pytest.mark.parametrize(
    ("kind", "language", "written"),
    [("PERSON", None, "ko"), ("FOREIGNER", None, "en"), ("PERSON", "en", "en"), ("FOREIGNER", "ko", "ko")],
)
def test_messages_are_in_the_language_of_the_page_or_where_staff_act_of_the_holder(
    take_base, at, make_line, kind, language, written
):
    line = make_line(make.customer(birth="1985-03-02", kind=kind))
    take_base()
    at(FEBRUARY)
    key = index(line.customer)
    service.apply(perk_code="INSURANCE", person_index=key, language=language)
    choose(line, "TVING")
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-1"])
    service.issue_code(perk_code="OTT", contract_no=line.pk, person_index=key, language=language)
    assert dict(Message.objects.values_list("kind", "language")) == {
        "rewards.applied": written,
        "rewards.code": written,
    }


def test_a_contact_number_that_was_given_up_gets_no_message(take_base, at, adult):
    gone = make.line(make.customer())
    adult.contact_msisdn = gone.msisdn
    adult.save()
    take_base()
    at(FEBRUARY)
    assert service.message_number(holders.load_holder(index(adult.customer))) == adult.msisdn
    Line.objects.filter(pk=gone.pk).update(termination_reason="PORT_OUT")
    assert service.message_number(holders.load_holder(index(adult.customer))) == gone.msisdn


def test_choice_can_change_until_the_code_is_issued(take_base, at, adult):
    take_base()
    at(FEBRUARY)
    service.import_vouchers(perk_code="OTT", choice_code="DISNEY", codes=["AAAA-1111", "AAAA-1111", " "])
    assert Voucher.objects.count() == 1
    choose(adult, "TVING")
    choose(adult, "DISNEY")
    row = service.issue_code(perk_code="OTT", contract_no=adult.pk, person_index=index(adult.customer))
    assert (row.choice, row.starts_on, row.ends_on) == ("DISNEY", dt.date(2026, 2, 2), dt.date(2026, 8, 1))
    assert row.voucher.code == "AAAA-1111"
    assert refusal(choose, line=adult, choice="TVING") == "FINAL"
    repeated = service.issue_code(perk_code="OTT", contract_no=adult.pk, person_index=index(adult.customer))
    assert repeated.voucher_id == row.voucher_id
    assert Message.objects.filter(kind="rewards.code").count() == 1
    assert set(AuditEntry.objects.filter(subject=adult.customer_id).values_list("action", flat=True)) == {
        "rewards.chosen",
        "rewards.code_issued",
    }
    assert b"AAAA" not in bytes(row.voucher.code_enc)


def test_choice_has_its_time(take_base, at, adult):
    take_base()
    at("2026-01-31T23:59:59+09:00")
    assert refusal(choose, line=adult) == "NOT_OPEN"
    at("2026-07-31T23:59:59+09:00")
    choose(adult)
    at("2026-08-01T00:00:00+09:00")
    assert refusal(choose, line=adult) == "CLOSED"


@pytest.mark.parametrize(
    ("birth", "choice", "guardian", "expected"),
    [
        ("2012-02-03", "TVING", True, "TOO_YOUNG"),  # fourteen tomorrow
        ("2012-02-02", "TVING", True, ""),
        ("2012-02-02", "TVING", False, "GUARDIAN"),
        ("2007-02-03", "DISNEY", True, "TOO_YOUNG"),  # nineteen tomorrow
        ("2007-02-02", "DISNEY", False, ""),
        ("1985-03-02", "NETFLIX", False, "UNKNOWN"),
    ],
)
def test_ages(take_base, at, make_line, birth, choice, guardian, expected):
    line = make_line(make.customer(birth=birth))
    take_base()
    at(FEBRUARY)
    if expected:
        assert refusal(choose, line=line, choice=choice, guardian=guardian) == expected
    else:
        assert choose(line, choice, guardian=guardian).choice == choice


def test_nobody_chooses_for_somebody_else_s_line(take_base, at, adult, make_line):
    stranger = make.customer()
    outside = make_line(stranger, product="IOT")
    take_base()
    at(FEBRUARY)
    assert refusal(choose, line=adult, holder=stranger) == "UNKNOWN"
    assert refusal(choose, line=outside) == "UNKNOWN"
    Line.objects.filter(pk=adult.pk).update(terminated_on=dt.date(2026, 1, 30), status="TERMINATED")
    assert refusal(choose, line=adult) == "UNKNOWN"
    assert not Entitlement.objects.exists()


def test_insurance_by_application_and_by_age(take_base, at, make_line):
    young, old = make_line(make.customer(birth="1961-01-14")), make_line(make.customer(birth="1961-01-13"))
    minor, nobody = make_line(make.customer(birth="2010-05-05")), make.customer()
    take_base()
    at("2026-01-20T10:00+09:00")
    row = service.apply(perk_code="INSURANCE", person_index=index(young.customer))
    assert (row.starts_on, row.ends_on) == (dt.date(2026, 2, 1), dt.date(2028, 1, 31))
    assert service.apply(perk_code="INSURANCE", person_index=index(young.customer)).pk == row.pk
    assert refusal(service.apply, perk_code="INSURANCE", person_index=index(old.customer)) == "AUTOMATIC"
    assert refusal(service.apply, perk_code="INSURANCE", person_index=index(minor.customer)) == "GUARDIAN"
    assert refusal(service.apply, perk_code="INSURANCE", person_index=index(nobody)) == "NOT_IN_BASE"
    service.opt_out(perk_code="INSURANCE", person_index=index(old.customer))
    card = service.overview(index(old.customer)).personal[1]
    assert (card.perk.code, card.state) == ("INSURANCE", "OPTED_OUT")
    at("2026-05-10T10:00+09:00")
    back = service.apply(perk_code="INSURANCE", person_index=index(old.customer))
    assert (back.starts_on, back.ends_on) == (dt.date(2026, 5, 10), dt.date(2028, 5, 9))


def test_a_perk_by_person_is_one_for_all_lines(take_base, at, make_line):
    holder = make.customer(birth="1950-01-01")
    make_line(holder), make_line(holder), make_line(holder, product="IOT")
    take_base()
    at(FEBRUARY)
    seen = service.overview(index(holder))
    assert [card.perk.code for card in seen.personal] == ["MEMBERSHIP", "INSURANCE"]
    assert [len(line.cards) for line in seen.lines] == [3, 3, 0]
    assert seen.personal[1].automatic


@pytest.mark.django_db(transaction=True)
def test_two_ask_for_the_last_code(at, make_line, settings):
    from eligibility.models import Feed

    at("2026-01-14T09:00+09:00")
    Feed.objects.create(as_of=dt.date(2026, 1, 14), state="LOADED", started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
    lines = [make_line(make.customer()) for _ in range(6)]
    running.record_base()
    at(FEBRUARY)
    for line in lines:
        choose(line)
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["LAST-ONE"])

    def ask(line):
        row = service.issue_code(perk_code="OTT", contract_no=line.pk, person_index=index(line.customer))
        return row.voucher.code if row.voucher_id else "WAITS"

    outcomes = together(*[partial(ask, line) for line in lines])
    # While the choice made before still waits, the code is for it; the periodic task then issues it.
    codes.issue_waiting()
    assert sorted(outcomes) in (["LAST-ONE"] + ["WAITS"] * 5, ["WAITS"] * 6)
    assert Entitlement.objects.filter(voucher__isnull=False).count() == 1
    assert Entitlement.objects.filter(voucher=None, asked_at__isnull=False).count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_double_choice_is_one_row(at, make_line):
    from eligibility.models import Feed

    at("2026-01-14T09:00+09:00")
    Feed.objects.create(as_of=dt.date(2026, 1, 14), state="LOADED", started_at=dt.datetime(2026, 1, 14, tzinfo=dt.UTC))
    line = make_line(make.customer())
    running.record_base()
    at(FEBRUARY)
    results = together(*[partial(choose, line, choice) for choice in ["TVING", "DISNEY"] * 4])
    faults = [result for result in results if isinstance(result, Exception)]
    assert not faults
    assert Entitlement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_beside_each_other_write_each_row_once(at, make_line, monkeypatch):
    from rewards.enrolment import base, grants, working
    from rewards.models import Grant, Shard

    monkeypatch.setattr(base, "SHARD_ROWS", 2)
    at("2026-01-14T09:00+09:00")
    make.delivered("2026-01-14")
    holder = make.customer()
    lines = [make_line(holder).pk for _ in range(12)]
    february = dt.date(2026, 2, 1)

    def four_times(action):
        faults = [result for result in together(*[action] * 4) if isinstance(result, Exception)]
        assert not faults

    four_times(lambda: (base.plan(), running.run_shards()))
    assert sorted(BaseLine.objects.values_list("pk", flat=True)) == sorted(lines)
    at("2026-02-01T00:05+09:00")
    make.delivered("2026-02-01")
    four_times(lambda: (grants.plan_month(february), running.run_shards()))
    assert sorted(Grant.objects.values_list("contract_no", flat=True)) == sorted(lines)
    assert Shard.objects.filter(kind="GRANT").count() == 6
    assert set(Shard.objects.values_list("attempts", flat=True)) == {1}, "no shard was begun twice"
    # A second run of the same shard writes nothing and does not fail, even without the lock of its task.
    four_times(lambda: [working.run(shard) for shard in Shard.objects.all()])
    assert Grant.objects.count() == BaseLine.objects.count() == 12


def test_the_page_walks_from_choice_to_code(client: Client, take_base, at, adult):
    verified = sessions.person(adult.customer.ci, name="홍길동")
    client = sessions.as_customer(client, verified)
    assert "아직 정리하고 있습니다" in client.get(reverse("rewards:mine")).content.decode()
    take_base()
    at(FEBRUARY)
    running.grant_month(dt.date(2026, 2, 1))
    page = client.get(reverse("rewards:mine")).content.decode()
    assert "데이터 매월 100GB" in page
    assert "받음" in page
    assert adult.msisdn not in page
    empty = client.post(reverse("rewards:choose"), {"perk": "OTT", "contract": adult.pk}, follow=True)
    assert "보고 싶은 서비스를 하나 골라 주세요" in empty.content.decode()
    body = {"perk": "OTT", "contract": adult.pk, "choice": "TVING"}
    assert client.post(reverse("rewards:choose"), body).url == reverse("rewards:mine")
    none_left = client.post(reverse("rewards:code"), body, follow=True).content.decode()
    assert "남은 이용권 번호가 없습니다" in none_left
    assert "번호를 기다리고 계십니다" in none_left
    assert "TVING 이용권 번호 받기" not in none_left
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-0001"])
    assert codes.issue_waiting() == 1
    assert "TV-0001" in client.get(reverse("rewards:mine")).content.decode()
    done = client.post(reverse("rewards:apply"), {"perk": "INSURANCE"}, follow=True).content.decode()
    assert "신청했습니다" in done
    assert client.get(reverse("rewards:choose")).status_code == 405


def test_the_page_explains_a_line_outside_the_base(client: Client, take_base, at, make_line):
    holder = make.customer()
    make_line(holder, terminated="2025-11-20T10:00+09:00", status="TERMINATED")
    take_base()
    client = sessions.as_customer(client, sessions.person(holder.ci))
    page = client.get(reverse("rewards:mine")).content.decode()
    assert "혜택을 받는 회선이 없습니다" in page
    assert "2025년 11월\u00a020일" in page
    assert BaseLine.objects.get().why == "TERMINATED"


def test_overview_needs_as_many_queries_for_ten_lines_as_for_one(take_base, make_line, django_assert_max_num_queries):
    holder = make.customer()
    [make_line(holder) for _ in range(10)]
    take_base()
    with django_assert_max_num_queries(7):
        service.overview(index(holder))


def test_codes_are_imported_from_a_file(db, tmp_path, capsys):
    from django.core.management import CommandError, call_command

    file = tmp_path / "codes.txt"
    file.write_text("A-1\nA-2\n\nA-1\n")
    call_command("import_vouchers", "OTT", "TVING", str(file))
    call_command("import_vouchers", "OTT", "TVING", str(file))
    assert Voucher.objects.count() == 2
    assert capsys.readouterr().out.splitlines() == ["2 new codes of 3 in the file.", "0 new codes of 3 in the file."]
    file.write_text("code,service\nA-3,TVING\n")
    with pytest.raises(CommandError, match=r"Line 1 of .* Nothing was imported"):
        call_command("import_vouchers", "OTT", "TVING", str(file))
    assert Voucher.objects.count() == 2
    file.write_text("A-1\n")
    with pytest.raises(CommandError, match="no service NOPE"):
        call_command("import_vouchers", "OTT", "NOPE", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_vouchers", "OTT", "TVING", str(tmp_path / "missing"))
