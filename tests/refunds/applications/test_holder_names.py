"""Whose account it is, from the form to the bank file: the stand-in bank answers, a store sees the passbook, a reviewer
accepts it."""

import csv
import datetime as dt
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from eligibility.models import Customer
from kt_remedy.audit.models import AuditEntry
from refunds import bankfiles
from refunds.accounts import service as accounts
from refunds.applications import bank_layout, change, reviews
from refunds.applications.submit import CONSENTS, Submission
from refunds.applications.submit import submit as file_submission
from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Application, Channel
from tests.background import run_due
from tests.desk import at_desk, file, find, prove, url
from tests.refunds import make, reviewing
from tests.refunds.applications.test_holder_check import tell
from tests.refunds.applications.test_submit import submit
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample", "january")]

CASES = Path(__file__).parents[2] / "cases"


@pytest.fixture
def clerk() -> Client:
    return as_staff(Client(), staff_user("clerk"))


@pytest.fixture
def ryu():
    return make.customer(name="류현진", birth="1954-04-02", ci="ryu")


def enter(holder: Customer, line, number: str = "11022033044", bank: str = "088") -> Account:
    return accounts.enter(
        person_index=holder.person_index,
        bank_code=bank,
        number=number,
        holder_name=holder.holder_name,
        holder_birth=holder.birth_date,
        owner_kind="SELF" if holder.birth_date else "COMPANY",
        contract_nos=[line.pk],
        actor="customer",
    )


def to_account_page(customer: Client, line) -> None:
    """Answer the pages before that of the account."""
    customer.post(reverse("refunds:apply"), {"lines": [line.pk]})
    customer.post(reverse("refunds:apply-consent"), {"privacy": "on", "provision": "on"})


def name_sent(layout: str, row: Application) -> str:
    """The holder's name in the file that a layout writes for an application."""
    account = row.account
    payment = bankfiles.records.Payment("R-1", account.bank_code, account.number, account.name_in_file, 1000)
    head = bankfiles.records.FileHeader(
        "M-1", dt.datetime(2026, 1, 22, tzinfo=dt.UTC), dt.date(2026, 1, 22), "KT", "088", "1005000000000", 1, 1000
    )
    content = b"".join(bankfiles.layout(layout).write([payment], head))
    return next(read for _line, read in bankfiles.layout(layout).read(content)).holder


def test_the_holders_of_a_delivery_are_confirmed_as_their_banks_write_them(sandbox) -> None:
    call_command("load_feed", str(CASES / "holder-lines.csv"), str(CASES / "holder-bills.csv"), "--as-of", "2026-01-15")
    written = {
        "류현진": "유현진",  # the same person, whom only a passbook can prove
        "주식회사 한국정보통신시스템개발": "(주)한국정보통신시스템개발",
        "두번낸": "두번낸",
        "황보수": "황보 수",
    }
    tell(sandbox, holders={f"1102203304{n}": name for n, name in enumerate(written.values())})
    outcomes = {}
    for n, name in enumerate(written):
        holder = next(row for row in Customer.objects.all() if row.holder_name == name)
        outcomes[name] = enter(holder, holder.lines.get(), f"1102203304{n}").holder_check
    assert {name: check.outcome for name, check in outcomes.items()} == {
        "류현진": "MISMATCH",
        "주식회사 한국정보통신시스템개발": "MATCH",
        "두번낸": "MATCH",
        "황보수": "MATCH",
    }
    # Kept on a match only, as the bank cut it.
    assert [check.bank_spelling for check in outcomes.values()] == [None, "(주)한국정보통신시스", "두번낸", "황보 수"]


@pytest.mark.parametrize("layout", ["pain001", "sheet"])
def test_the_file_writes_the_name_as_the_bank_does(sandbox, settings, layout) -> None:
    settings.BANK_FILE_FORMAT = layout
    tell(sandbox, holders={"11022033044": "NGUYEN THI HONG NHUNG"})
    holder = make.customer(name="NGUYỄN THỊ\u200b HỒNG\nNHUNG")
    line = make.line(holder)
    submit(holder, line, account=enter(holder, line))
    row = Application.objects.get()
    assert row.status == "APPROVED"
    assert name_sent(layout, row) == "NGUYEN THI HONG NHUN"


def test_a_store_that_saw_the_passbook_sends_a_mismatch_to_a_reviewer(sandbox, clerk, ryu) -> None:
    tell(sandbox, holders={"11022033044": "유현진"})
    line = make.line(ryu)
    prove(clerk, line)
    page = file(clerk, line)
    assert page.status_code == 422
    text = page.content.decode()
    assert "예금주가 맞는 것을 통장에서 보았습니다" in text
    assert "유현진" not in text
    assert file(clerk, line, passbook="on").status_code == 302
    row = Application.objects.get()
    assert (row.status, row.decisions.last().code) == ("REVIEW", "PASSBOOK_SEEN")
    assert AuditEntry.objects.filter(action="account.passbook_seen", subject=ryu.pk).count() == 1

    reviewer = as_staff(Client(), staff_user("reviewer"))
    page = reviewer.get(reverse("refunds:review-case", args=[row.pk])).content.decode()
    assert "매장에서 통장을 봄" in page
    assert "유현진" not in page
    case = reverse("refunds:review-case", args=[row.pk])
    reviewing.send(reviewer, case, {"act": "APPROVE", "words": "통장과 신분증 확인"})
    row = Application.objects.get()
    assert (row.status, row.account.holder_check.outcome, row.account.holder_check.matched) == (
        "APPROVED", "ACCEPTED", True,
    )  # fmt: skip
    assert AuditEntry.objects.filter(action="account.accepted", subject=ryu.pk).count() == 1
    # The bank is asked once more, for the name that its file needs.
    assert row.account.holder_check.bank_spelling is None
    assert run_due("money")
    row = Application.objects.get()
    assert (row.account.holder_check.outcome, name_sent("sheet", row)) == ("ACCEPTED", "유현진")
    assert list(accounts.open_checks()) == []


def test_a_bank_that_sleeps_is_asked_for_its_spelling_again(bank, ryu) -> None:
    account = make.account(ryu, outcome="MISMATCH")
    accounts.record_passbook(account=account, staff="staff:1")
    submit(ryu, make.line(ryu), account=account)
    reviewing.review(
        application_id=Application.objects.get().pk, reviewer=staff_user("reviewer"), act="APPROVE", reason="통장"
    )
    bank.outcome = "TIMEOUT"
    run_due("money")
    check = HolderCheck.objects.get()
    assert (check.outcome, bank.asked) == ("ACCEPTED", 1)
    assert list(accounts.open_checks()) == [check]
    bank.outcome = "CLOSED"
    HolderCheck.objects.update(retry_at="2026-01-01T00:00Z")
    run_due("money")
    assert (HolderCheck.objects.get().outcome, bank.asked) == ("ACCEPTED", 2)
    assert list(accounts.open_checks()) == []


def test_a_passbook_seen_while_the_bank_slept_counts_when_it_answers(clerk, bank, ryu) -> None:
    bank.outcome = "BANK_MAINTENANCE"
    line = make.line(ryu)
    prove(clerk, line)
    file(clerk, line, passbook="on")
    assert Application.objects.get().status == "SUBMITTED"
    bank.outcome = "MISMATCH"
    HolderCheck.objects.update(retry_at="2026-01-01T00:00Z")
    run_due("money")
    assert Application.objects.get().status == "REVIEW"


def test_neither_the_web_nor_the_call_centre_sees_a_passbook(bank, ryu) -> None:
    bank.outcome = "MISMATCH"
    line = make.line(ryu)
    customer = as_customer(Client(), person("ryu", name="류현진"))
    to_account_page(customer, line)
    answer = {"bank": "088", "number": "11022033044", "passbook": "on"}
    page = customer.post(reverse("refunds:apply-account"), answer)
    assert "통장과 신분증을 가지고 매장에 오세요" in page.content.decode()
    user = staff_user("agent")
    agent = as_staff(Client(), user)
    row = make.application(line, to=make.account(ryu, outcome="MISMATCH"), status="NEED_ACCOUNT")
    at_desk(user, row)
    page = agent.post(url(agent, "desk-application", row.pk), answer | {"act": "account"})
    assert page.status_code == 422
    assert not HolderCheck.objects.filter(passbook_seen=True).exists()


@pytest.mark.parametrize("status", ["NEED_ACCOUNT", "APPROVED"])
def test_another_account_with_its_passbook_is_looked_at_again(status, ryu) -> None:
    row = make.application(make.line(ryu), status=status)
    Application.objects.update(reviewed=True)
    other = make.account(ryu, outcome="MISMATCH")
    accounts.record_passbook(account=other, staff="staff:1")
    at_desk(staff_user("agent"), row)
    change.change_account(application_id=row.pk, account_id=other.pk, staff=staff_user("agent"))
    row.refresh_from_db()
    assert (row.status, row.reviewed, row.account_id) == ("REVIEW", False, other.pk)
    assert row.decisions.last().code == "PASSBOOK_SEEN"


def test_a_case_that_is_opened_again_has_no_accepted_account(bank, ryu) -> None:
    account = make.account(ryu, outcome="MISMATCH")
    accounts.record_passbook(account=account, staff="staff:1")
    submit(ryu, make.line(ryu), account=account)
    pk, reviewer = Application.objects.get().pk, staff_user("reviewer")
    reviewing.review(application_id=pk, reviewer=reviewer, act="APPROVE", reason="통장")
    reviews.undo(application_id=pk, reviewer=reviewer, reason="다른 사람의 통장")
    assert (HolderCheck.objects.get().outcome, Application.objects.get().status) == ("MISMATCH", "REVIEW")
    reviewing.review(application_id=pk, reviewer=reviewer, act="REJECT", reason="다른 사람의 통장")
    assert not HolderCheck.objects.get().matched


# The bank's layout ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "name", "code"),
    [
        ("sheet", "NGUYỄN THỊ HỒNG", "NAME_LETTERS"),
        ("sheet", "=홍길동", "NAME_START"),
        ("sheet", "가" * 31, "NAME_LENGTH"),
        ("sheet", "가" * 30, ""),
        ("sheet", "홍길\u200b동\n", ""),
        ("sheet", "뷁똠펲・李夢龍", ""),
        ("pain001", "NGUYỄN THỊ HỒNG", ""),
        ("pain001", "가" * 141, "NAME_LENGTH"),
        ("pain001", "홍길\u2028동", ""),
    ],
)
def test_a_name_is_judged_by_the_layout_that_pays(settings, layout, name, code) -> None:
    settings.BANK_FILE_FORMAT = layout
    account = make.account(make.customer(name=name))
    assert bank_layout.fault(account) == code
    if code:
        assert "1600" in bank_layout.words(code) or "전화해 주세요" in bank_layout.words(code)
    else:
        assert name_sent(layout, Application(account=account))
    waiting = make.account(make.customer(name=name), outcome="TIMEOUT")
    assert bank_layout.fault(waiting) == ""  # the bank's own spelling is not known yet


def test_a_name_that_no_file_holds_is_told_at_entry_and_at_filing(bank, settings) -> None:
    settings.BANK_FILE_FORMAT = "sheet"
    holder = make.customer(name="NGUYỄN THỊ HỒNG", ci="nguyen")
    line = make.line(holder)
    customer = as_customer(Client(), person("nguyen", name="NGUYỄN THỊ HỒNG"))
    to_account_page(customer, line)
    customer.cookies["django_language"] = "en"
    page = customer.post(reverse("refunds:apply-account"), {"bank": "088", "number": "110-220-33044"})
    text = page.content.decode()
    assert page.status_code == 422
    assert "has characters that the bank&#x27;s transfer file cannot hold. Please enter another account." in text
    assert 'value="110-220-33044"' in text
    account = Account.objects.get()
    done = file_submission(
        Submission(
            key="k" * 32,
            channel=Channel.WEB,
            person_index=holder.person_index,
            contract_nos=[line.pk],
            account_id=account.pk,
            consents=CONSENTS,
            contact="01055551234",
            proof={"method": "IDENTITY"},
        )
    )
    row = Application.objects.get(filing=done.filing)
    assert (row.status, row.decisions.last().code) == ("NEED_ACCOUNT", "LAYOUT_NAME_LETTERS")
    approved = make.application(make.line(holder))
    with pytest.raises(change.Refused) as refused:
        change.change_account(application_id=approved.pk, account_id=account.pk, person_index=holder.person_index)
    assert refused.value.code == "LAYOUT"


# The form -------------------------------------------------------------------------------------------------------


@pytest.fixture
def web():
    holder = make.customer(name="홍길동", ci="hong")
    customer = as_customer(Client(), person("hong", name="홍길동"))
    to_account_page(customer, make.line(holder))
    return lambda **values: customer.post(reverse("refunds:apply-account"), values)


def test_the_name_of_a_bank_beside_the_number_chooses_it(bank, web) -> None:
    assert web(bank="", number="국민은행 110-123-456789 홍길동").status_code == 302
    assert Account.objects.get().bank_code == "004"


@pytest.mark.parametrize(
    ("chosen", "number", "words"),
    [
        ("088", "국민은행 110-123-456789", "고르신 은행(신한은행)이 다릅니다"),
        ("", "농협 3521234567890", "은행 이름이 여러 가지로 읽힙니다"),
        ("", "110-123-456789", "은행을 골라 주세요"),
        ("", "1001234567890", "은행을 골라 주세요"),  # no bank is guessed by the length
        ("088", "110-123-45678O", "“O” 부분은 계좌번호가 아닙니다"),
        ("088", "110-***-456789", "가려진 숫자가 있습니다"),
    ],
)
def test_a_slip_is_named_and_what_was_typed_stays(bank, web, chosen, number, words) -> None:
    page = web(bank=chosen, number=number)
    text = page.content.decode()
    assert page.status_code == 422
    assert words in text
    assert f'value="{number}"' in text
    assert not Account.objects.exists()


def test_a_bank_that_agrees_with_the_chosen_one_is_taken(bank, web) -> None:
    assert web(bank="012", number="농협 3521234567890").status_code == 302
    assert Account.objects.get().bank_code == "012"


def test_the_desk_reads_numbers_alike(bank, clerk, ryu) -> None:
    line = make.line(ryu)
    prove(clerk, line)
    assert file(clerk, line, bank="", number="카뱅 3333ㅡ01ㅡ1234567 류현진").status_code == 302
    assert Account.objects.get().bank_code == "090"
    row = Application.objects.get()
    answer = {"act": "account", "bank": "", "number": "(토스뱅크) 1000-1234-5678 예금주 류현진"}
    assert clerk.post(url(clerk, "desk-application", row.pk), answer).status_code == 302
    row.refresh_from_db()
    assert (row.account.bank_code, row.account.number) == ("092", "100012345678")


def test_nobody_types_the_name_of_a_company(bank, clerk) -> None:
    company = make.customer(name="주식회사 케이테크", birth=None, ci=None, kind="CORPORATE")
    line = make.line(company)
    find(clerk, line, "㈜케이테크", "COMPANY", "박담당")
    clerk.post(url(clerk, "desk-prove-card"), {"kind": "COMPANY", "contact": "", "no_mobile": "on"})
    codes = ["REGISTRATION", "COMPANY_SEAL", "EMPLOYEE", "PASSBOOK", "AGENT_ID"]
    file(clerk, line, owner="다른 회사", documents=codes)
    assert Account.objects.get().holder_name == "주식회사 케이테크"


def test_the_table_of_names_is_whole() -> None:
    rows = list(csv.DictReader((CASES / "holder-names.csv").open(encoding="utf-8")))
    assert {row["result"] for row in rows} == {"EXACT", "NORMALISED", "MISMATCH"}
