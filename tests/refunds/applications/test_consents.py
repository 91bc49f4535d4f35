"""Withdrawal of a consent (D-91): what ends at once, what goes on, the history, and the consent given again."""

import uuid

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices import service as notices
from refunds.accounts import consents as withdrawals
from refunds.accounts import service as accounts
from refunds.accounts import wipe as account_wipe
from refunds.applications import consents, drafts, objections, presenters, queries, submit
from refunds.applications.transitions import Refused
from refunds.models.accounts import Account, HolderCheck
from refunds.models.applications import Channel, Decision, Draft, Filing
from refunds.models.consents import Consent, ConsentWithdrawal
from refunds.payouts import wipe
from tests import desk
from tests.owner import as_web
from tests.refunds import make, reviewing
from tests.refunds.payouts import money
from tests.sessions import as_customer, as_staff, person, staff_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_sample", "january")]
CI, PHONE = "ci-consent", "01012345678"
RECORD = "/my/record/"


@pytest.fixture
def holder():
    return make.customer(ci=CI, birth="1954-04-02")


@pytest.fixture
def browser(holder):
    return as_customer(Client(), person(CI, phone=PHONE))


def page(code="privacy"):
    return reverse("portal:my-consent", args=[code])


def filed(holder, account=None, line=None):
    """An application on the website, with both consents."""
    account = account or make.account(holder)
    return submit.submit(
        submit.Submission(
            key=uuid.uuid4().hex,
            channel=Channel.WEB,
            person_index=holder.person_index,
            contract_nos=[(line or make.line(holder)).pk],
            account_id=account.pk,
            consents=submit.CONSENTS,
            contact=PHONE,
            proof={"method": "IDENTITY"},
        )
    ).filing.applications.get()


def withdraw(holder, consent=Consent.PRIVACY):
    return consents.withdraw(consent=consent, person_index=bytes(holder.person_index), phone=PHONE)


@pytest.fixture
def frozen(cut_off):
    """An application in a frozen batch whose customer gave both consents, its payment and the file for the bank."""
    batch, file = money.handed_over(1)
    item = money.items(batch)[0]
    row = item.application
    Filing.objects.filter(pk=row.filing_id).update(consents=submit.CONSENTS)
    return row, item, file


# Before the freeze ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consent", list(Consent))
def test_it_ends_the_application_and_empties_the_account_at_once(holder, consent):
    row = filed(holder)
    drafts.save(drafts.Answers(lines=[row.line_id]), person_index=holder.person_index)
    assert withdraw(holder, consent) == consents.Outcome(ended=1, kept=0)
    row.refresh_from_db()
    account = Account.objects.get()
    assert (row.status, account.number, account.holder_name) == ("WITHDRAWN", None, None)
    assert bytes(account.number_index), "the report of fraud keeps the keyed index"
    assert not Draft.objects.exists()
    assert Decision.objects.get(to_status="WITHDRAWN").code == "CONSENT_WITHDRAWN"
    entry = AuditEntry.objects.get(action="consent.withdrawn")
    assert (entry.object, entry.subject, entry.detail) == (
        f"consent:{consent}",
        holder.pk,
        {"ended": 1, "kept": 0, "accounts": 1},
    )
    stopped = notices.has_opted_out(number=PHONE, person=bytes(holder.person_index))
    assert stopped == (consent == Consent.PRIVACY)


def test_the_history_says_that_the_application_ended_with_the_consent(holder):
    filed(holder)
    withdraw(holder)
    view = presenters.present(queries.of_person(holder.person_index))[0]
    assert "동의를 거두셔서 신청도 함께 거두었습니다." in [step.text for step in view.timeline]


def test_no_worker_and_no_page_asks_a_bank_any_more(holder, bank):
    filed(holder)
    waiting = make.account(holder, outcome=HolderCheck.Outcome.TIMEOUT)
    # An account in use elsewhere is not emptied; its bank is not asked either.
    make.application(make.line(make.customer()), to=waiting)
    assert accounts.open_checks().count() == 1
    withdraw(holder, Consent.PROVISION)
    assert not accounts.open_checks().exists()
    asked = bank.asked
    with pytest.raises(accounts.AccountRefused) as refused:
        enter(holder)
    assert (refused.value.code, bank.asked) == ("CONSENT", asked)
    consents.give_again(consent=Consent.PROVISION, person_index=bytes(holder.person_index))
    assert accounts.open_checks().count() == 1
    assert enter(holder).number == "11022033044"


def enter(holder):
    return accounts.enter(
        person_index=holder.person_index,
        bank_code="088",
        number="11022033044",
        holder_name="홍길동",
        holder_birth=holder.birth_date,
        owner_kind="SELF",
        contract_nos=["L1"],
        actor="customer",
    )


def test_an_answer_of_the_bank_that_comes_after_the_withdrawal_is_not_kept(holder, bank):
    filed(holder)
    check = HolderCheck.objects.select_related("account").get()
    check.outcome = HolderCheck.Outcome.TIMEOUT
    check.save(update_fields=["outcome"])
    withdraw(holder)
    assert not accounts.repeat_holder_check(check)
    assert HolderCheck.objects.get().bank_spelling is None


def test_the_process_that_serves_pages_has_the_rights_for_it(holder, browser):
    account, line = make.account(holder), make.line(holder)
    with as_web():
        filed(holder, account, line)
        browser.post(page(), {"act": "withdraw", "sure": "on"})
    assert ConsentWithdrawal.objects.filter(given_at=None).count() == 1
    account.refresh_from_db()
    assert account.number is None
    other = make.account(make.customer())
    assert account_wipe.empty_withdrawn([bytes(other.person_index)]) == 0, "nobody else's"


def test_an_account_that_is_still_needed_serves_no_new_application(frozen):
    row, _item, _file = frozen
    me, holder = bytes(row.filing.person_index), row.line.customer
    consents.withdraw(consent=Consent.PRIVACY, person_index=me, phone=PHONE)
    with pytest.raises(Refused) as refused:
        filed(holder, row.account)
    assert refused.value.code == "ACCOUNT"


# After the freeze -----------------------------------------------------------------------------------------------------


def test_after_the_freeze_it_is_recorded_and_the_account_goes_once_it_is_paid(frozen):
    row, item, file = frozen
    done = consents.withdraw(consent=Consent.PRIVACY, person_index=bytes(row.filing.person_index), phone=PHONE)
    assert done == consents.Outcome(ended=0, kept=1)
    row.refresh_from_db()
    assert row.status == "APPROVED"
    assert wipe.wipe() == (0, 0)
    assert Account.objects.get(pk=row.account_id).number, "the payment needs it"
    money.load(money.pain002(file, [(item, "ACSC", "")]))
    assert wipe.wipe()[0] == 1
    assert Account.objects.get(pk=row.account_id).number is None
    assert money.broken() == {}


def test_the_account_stays_while_an_objection_may_still_bring_a_difference(frozen):
    row, item, file = frozen
    me = bytes(row.filing.person_index)
    money.load(money.pain002(file, [(item, "ACSC", "")]))
    objection = objections.object_to(
        contract_no=row.line_id,
        person_index=me,
        text="더 냈습니다",
        contact=PHONE,
        kind="AMOUNT",
        wanted_krw=item.amount_krw + 5_000,
    )
    consents.withdraw(consent=Consent.PROVISION, person_index=me, phone=PHONE)
    assert wipe.wipe()[0] == 0
    reviewing.answer_objection(
        objection_id=objection.pk, reviewer=staff_user("reviewer"), uphold=True, difference_krw=5_000
    )
    assert wipe.wipe()[0] == 0
    assert Account.objects.get(pk=row.account_id).number, "the difference goes to it"
    type(objection).objects.update(difference_krw=None)
    assert wipe.wipe()[0] == 1


# The history ----------------------------------------------------------------------------------------------------------


def test_a_second_time_is_refused_and_one_that_was_never_given_too(holder):
    with pytest.raises(Refused) as refused:
        withdraw(holder)
    assert refused.value.code == "NOT_GIVEN"
    filed(holder)
    withdraw(holder)
    with pytest.raises(Refused) as refused:
        withdraw(holder)
    assert refused.value.code == "WITHDRAWN"
    assert ConsentWithdrawal.objects.count() == 1


def test_it_is_given_again_and_withdrawn_again_and_every_time_stands_in_the_history(holder):
    filed(holder)
    mine = bytes(holder.person_index)
    for _n in range(2):
        withdraw(holder)
        assert consents.give_again(consent=Consent.PRIVACY, person_index=mine)
        assert not consents.give_again(consent=Consent.PRIVACY, person_index=mine)
    assert [row.given_at is not None for row in withdrawals.history(mine)] == [True, True]
    assert AuditEntry.objects.filter(action="consent.given", subject=holder.pk).count() == 2
    assert filed(holder).status == "APPROVED", "the person applies anew"


def test_the_database_keeps_the_history(holder):
    filed(holder)
    withdraw(holder)
    row = ConsentWithdrawal.objects.get()
    for change in (
        row.delete,
        lambda: ConsentWithdrawal.objects.update(consent="provision"),
        lambda: ConsentWithdrawal.objects.update(withdrawn_at=row.withdrawn_at.replace(year=2020)),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    withdrawals.give_again(row.person_index, versions=submit.CONSENTS, actor="customer")
    with pytest.raises(DatabaseError), transaction.atomic():
        ConsentWithdrawal.objects.update(given_at=None)


# The pages ------------------------------------------------------------------------------------------------------------


def text_of(answer):
    return " ".join(answer.content.decode().replace("\u2060", "").split())


def test_the_page_says_what_follows_before_it_is_done(holder, browser):
    row = filed(holder)
    text = text_of(browser.get(RECORD))
    assert "환급을 위한 개인정보 이용" in text
    assert f"{submit.CONSENTS['privacy']}판" in text
    text = text_of(browser.get(page()))
    assert f"신청 {row.filing.reference}(환급 160,130원)을 철회합니다." in text
    assert "안내 문자를 그만 보냅니다" in text
    assert "안내 문자를 그만 보냅니다" not in text_of(browser.get(page("provision")))
    refused = browser.post(page(), {"act": "withdraw"})
    assert refused.status_code == 422
    assert "읽으셨으면 표시해 주세요." in text_of(refused)
    row.refresh_from_db()
    assert row.status == "APPROVED"


def test_withdrawing_and_giving_again_on_the_pages(holder, browser):
    filed(holder)
    done = browser.post(page(), {"act": "withdraw", "sure": "on"}, follow=True)
    assert "동의를 거두셨습니다. 신청 1건을 철회했습니다." in text_of(done)
    assert "에 거두셨습니다." in text_of(done)
    # The same button in a second tab: never the opposite, and no second withdrawal.
    again = browser.post(page(), {"act": "withdraw", "sure": "on"}, follow=True)
    assert "이미 거두신 동의입니다." in text_of(again)
    assert "다시 동의하셔도 철회된 신청은 살아나지 않습니다." in text_of(browser.get(page()))
    assert browser.post(page(), {"act": "give"}).status_code == 422
    given = browser.post(page(), {"act": "give", "sure": "on"}, follow=True)
    assert "다시 동의하셨습니다." in text_of(given)
    assert "이미 동의하셨습니다." in text_of(browser.post(page(), {"act": "give", "sure": "on"}, follow=True))
    assert ConsentWithdrawal.objects.get().version == submit.CONSENTS["privacy"]


def test_the_page_names_what_is_paid_all_the_same(frozen):
    row, _item, _file = frozen
    browser = as_customer(Client(), person(row.line.customer.ci))
    text = text_of(browser.get(page()))
    assert f"신청 {row.filing.reference}은 보낼 명단이 마감되어 그대로 보내 드립니다." in text
    done = browser.post(page(), {"act": "withdraw", "sure": "on"}, follow=True)
    assert "이미 지급 명단에 있거나 입금된 신청 1건은 그대로입니다." in text_of(done)


def test_an_english_reader_reads_english(holder, browser):
    filed(holder)
    browser.cookies["django_language"] = "en"
    text = text_of(browser.get(page()))
    assert "is withdrawn. This money will not be sent." in text
    assert "Your right to the refund stays." in text
    assert "Withdraw consent" in text_of(browser.get(RECORD))


def test_what_does_not_exist_is_not_found_and_what_was_not_given_leads_back(browser):
    assert browser.get(page("marketing")).status_code == 404
    assert "동의하신 적이 없습니다." in text_of(browser.get(page(), follow=True))
    assert "아직 동의하신 것이 없습니다." in text_of(browser.get(RECORD))
    ended = Client().post(page(), {"act": "withdraw", "sure": "on"})
    assert ended.status_code == 302, "an ended session proves the person first"


def test_staff_see_it_and_file_again_with_the_consent_read_out(holder, bank):
    line = filed(holder).line
    withdraw(holder)
    clerk = as_staff(Client(), staff_user("clerk"))
    desk.prove(clerk, line)
    text = text_of(clerk.get(desk.url(clerk, "desk-customer")))
    assert "동의를 거두심" in text
    assert "환급을 위한 개인정보 이용" in text
    answer = desk.file(clerk, line, owner="홍길동", owner_born="1954-04-02")
    assert answer.status_code == 302, text_of(answer)
    assert not withdrawals.withdrawn(bytes(holder.person_index))
    assert AuditEntry.objects.get(action="consent.given").actor.startswith("staff:")
