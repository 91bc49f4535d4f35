"""Filing from many connections at once: always one application, and every caller gets the same reference."""

import datetime as dt
import uuid
from collections.abc import Callable

import pytest

from kt_remedy.notices.models import Message
from refunds import banks
from refunds.applications import change, consents, submit
from refunds.applications.submit import CONSENTS, Submission
from refunds.applications.transitions import Refused
from refunds.models.applications import Application, Channel, Decision, Filing
from refunds.models.cases import OfflinePayment
from refunds.models.consents import Consent, ConsentWithdrawal
from refunds.payouts import offline
from tests.refunds import make, reviewing
from tests.refunds.payouts import money
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def january(at, settings) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")


def filing(holder, line, account, *, key: str = "", channel: str = "WEB") -> Callable[[], str]:
    def act() -> str:
        return submit.submit(
            Submission(
                key=key or uuid.uuid4().hex,
                channel=Channel(channel),
                person_index=holder.person_index,
                contract_nos=[line.pk],
                account_id=account.pk,
                consents=CONSENTS,
                contact="01055550000",
                proof={"method": "IDENTITY"},
            )
        ).filing.reference

    return act


def test_fifty_threads_with_one_key() -> None:
    holder = make.customer()
    line, account, key = make.line(holder), make.account(holder), uuid.uuid4().hex
    answers = together(*[filing(holder, line, account, key=key) for _ in range(50)])
    assert len(set(answers)) == 1, answers
    assert answers[0] == Filing.objects.get().reference
    assert (Application.objects.count(), Message.objects.count()) == (1, 1)


def test_three_doors_for_one_line() -> None:
    for _ in range(5):
        holder = make.customer()
        line, account = make.line(holder), make.account(holder)
        answers = together(
            *[filing(holder, line, account, channel=door) for door in ("WEB", "CALL_CENTRE", "STORE") for _ in range(4)]
        )
        assert len(set(answers)) == 1, answers
        assert Application.objects.filter(line=line).count() == 1


def test_withdrawing_twice_at_once_is_one_withdrawal() -> None:
    row = make.application(make.line(make.customer()))
    me = bytes(row.filing.person_index)
    results = together(*[lambda: change.withdraw(application_id=row.pk, person_index=me) for _ in range(8)])
    assert results.count(None) == 1
    assert {type(result) for result in results if result is not None} == {Refused}
    assert Decision.objects.filter(to_status="WITHDRAWN").count() == 1


def test_withdrawing_against_applying_again_leaves_one_live_at_most() -> None:
    holder = make.customer()
    line, account = make.line(holder), make.account(holder)
    row = make.application(line, to=account)
    me = holder.person_index
    together(
        lambda: change.withdraw(application_id=row.pk, person_index=me),
        *[filing(holder, line, account) for _ in range(6)],
    )
    assert Application.objects.filter(line=line).exclude(status="WITHDRAWN").count() <= 1
    row.refresh_from_db()
    assert row.status == "WITHDRAWN"


def test_two_changes_of_account_end_at_one_of_them() -> None:
    row = make.application(make.line(make.customer()))
    me = bytes(row.filing.person_index)
    accounts = [make.account(row.line.customer, number=f"1102203304{digit}") for digit in range(4)]
    results = together(
        *[
            lambda account=account: (
                change.change_account(application_id=row.pk, account_id=account.pk, person_index=me).account_id
            )
            for account in accounts
        ]
    )
    row.refresh_from_db()
    assert set(results) == {account.pk for account in accounts}
    assert row.account_id in set(results)


def test_two_reviewers_never_get_the_same_case() -> None:
    from tests.sessions import staff_user

    rows = [
        make.application(make.line(make.customer(), outcome="REVIEW", reasons="REVIEW_NAME_TRANSFER"), status="REVIEW")
        for _ in range(8)
    ]
    people = [staff_user("reviewer", username=f"r{number}") for number in range(8)]
    taken = together(*[lambda who=who: reviewing.take_next(reviewer=who) for who in people])
    assert [case for case in taken if not isinstance(case, Application)] == []
    assert sorted(case.pk for case in taken) == sorted(row.pk for row in rows)


def frozen_against(act_on: Callable[[Application], object], at) -> list[tuple[object, Application]]:
    """Freeze a batch of eight while each of its applications is changed; what each change came to."""
    import datetime as dt

    from refunds.payouts import batches
    from tests.sessions import staff_user

    rows = [make.application(make.line(make.customer())) for _ in range(8)]
    at("2026-01-20T18:00:01+09:00")
    maker = staff_user("maker")
    results = together(
        lambda: batches.freeze(pay_on=dt.date(2026, 1, 22), user=maker), *[lambda row=row: act_on(row) for row in rows]
    )
    assert not isinstance(results[0], Exception) or results[0].code == "EMPTY", results[0]
    for row in rows:
        row.refresh_from_db()
    return list(zip(results[1:], rows, strict=True))


def test_withdrawn_or_in_the_batch_never_both(at) -> None:
    def withdraw(row: Application) -> None:
        change.withdraw(application_id=row.pk, person_index=bytes(row.filing.person_index))

    for result, row in frozen_against(withdraw, at):
        in_batch = row.items.filter(status="QUEUED").exists()
        if result is None:
            assert (row.status, in_batch) == ("WITHDRAWN", False)
        else:
            assert (result.code, row.status, in_batch) == ("FROZEN", "APPROVED", True)


def test_the_batch_pays_to_the_account_that_stood_when_it_was_frozen(at) -> None:
    def mend(row: Application) -> Application:
        other = make.account(row.line.customer, number="11022033999")
        return change.change_account(
            application_id=row.pk, account_id=other.pk, person_index=bytes(row.filing.person_index)
        )

    for result, row in frozen_against(mend, at):
        item = row.items.filter(status="QUEUED").first()
        if isinstance(result, Refused):
            assert result.code == "FROZEN"
            assert item is not None
        else:
            # Changed first: held for a day, so this batch leaves it out.
            assert row.hold_until is not None
            assert item is None
        assert item is None or item.account_id == row.account_id


def test_money_sent_offline_is_recorded_once_and_then_nothing_changes(at) -> None:
    at("2026-01-20T18:00+09:00")
    makers = [money.user(f"maker-{number}", "maker") for number in range(3)]
    for _ in range(3):
        holder = make.customer()
        row = make.application(make.line(holder), to=make.account(holder, outcome="OFFLINE", bank=banks.OFFLINE))
        other, me = make.account(holder), bytes(row.filing.person_index)
        results = together(
            *[
                lambda who=who, row=row: offline.record(
                    application_id=row.pk,
                    user=who,
                    way="OVERSEAS",
                    paid_on=dt.date(2026, 1, 20),
                    reference=f"{row.pk}-{who.pk}",
                    amount_krw=160_130,
                )
                for who in makers
            ],
            lambda row=row, me=me: change.withdraw(application_id=row.pk, person_index=me),
            lambda row=row, me=me, other=other: change.change_account(
                application_id=row.pk, account_id=other.pk, person_index=me
            ),
        )
        row.refresh_from_db()
        recorded = [result for result in results if isinstance(result, OfflinePayment)]
        assert len(recorded) == row.offline_payments.count() <= 1
        codes = {getattr(result, "code", None) for result in results if isinstance(result, Exception)}
        assert codes <= {"STATE", "FROZEN", "OVER"}, results
        if recorded:
            assert (row.status, row.account.is_offline) == ("APPROVED", True)


def test_withdrawing_a_consent_twice_at_once_is_one_withdrawal() -> None:
    holder = make.customer()
    filing(holder, make.line(holder), make.account(holder))()
    me = bytes(holder.person_index)

    def withdraw() -> object:
        return consents.withdraw(consent=Consent.PRIVACY, person_index=me, phone="01055550000")

    answers = together(*[withdraw] * 6)
    assert answers.count(consents.Outcome(ended=1, kept=0)) == 1, answers
    assert {answer.code for answer in answers if isinstance(answer, Refused)} == {"WITHDRAWN"}
    assert ConsentWithdrawal.objects.count() == 1


def test_no_application_lives_on_beside_a_withdrawn_consent() -> None:
    for _ in range(5):
        holder = make.customer()
        account = make.account(holder)
        filing(holder, make.line(holder), account)()
        me = bytes(holder.person_index)
        answers = together(
            lambda me=me: consents.withdraw(consent=Consent.PROVISION, person_index=me, phone="01055550000"),
            *[filing(holder, make.line(holder), account) for _ in range(3)],
        )
        assert isinstance(answers[0], consents.Outcome), answers
        refused = {answer.code for answer in answers[1:] if not isinstance(answer, str)}
        assert refused <= {"ACCOUNT"}, answers
        live = Application.objects.filter(filing__person_index=me).exclude(status="WITHDRAWN")
        assert not live.exists()
