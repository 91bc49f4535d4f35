"""Two people, one answer of the bank, at the same moment: one winner each time, and nothing moves twice."""

import io

import pytest

from kt_remedy.notices.models import Message
from refunds import tasks
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import Chunk
from refunds.payouts import answers
from refunds.payouts.guards import Refused
from tests.refunds.payouts import money
from tests.refunds.payouts.money import broken, checker, maker
from tests.threads import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cut_off")]


def codes(results: list[object]) -> list[str]:
    """The code of each refusal, "" for an act that went through."""
    assert all(isinstance(result, Refused | BankAnswer) for result in results), results
    return sorted(result.code if isinstance(result, Refused) else "" for result in results)


def test_the_same_bytes_from_many_people_are_one_answer():
    batch, file = money.handed_over(2)
    money.to_pay_day()
    content = money.pain002(file, [(item, "ACSC", "") for item in money.items(batch)])
    makers = [maker(), *(money.user(f"maker{n}", "maker") for n in range(5))]
    chunks = Chunk.objects.count()
    results = together(
        *[
            lambda user=user: answers.stage(content=io.BytesIO(content), name="r.xml", user=user)  # type: ignore[misc]
            for user in makers
        ]
    )
    assert codes(results) == ["", *["SAME_FILE"] * 5]
    assert (BankAnswer.objects.count(), Chunk.objects.count()) == (1, chunks + 1)


def test_confirmations_and_a_discard_at_once_have_one_winner():
    second = money.user("checker2", "checker")
    batch, file = money.handed_over(2)
    for number in range(4):
        rows = [(item, "ACSC", "") for item in money.items(batch)]
        answer = money.staged(money.pain002(file, rows) + b" " * number)
        typed = {"answer_id": answer.pk, "typed": 2}
        acts = [
            lambda: answers.confirm(user=checker(), **typed),  # noqa: B023  (called at once)
            lambda: answers.confirm(user=second, **typed),  # noqa: B023
            lambda: answers.discard(answer_id=answer.pk, user=maker(), reason="잘못 올림"),  # noqa: B023
        ]
        assert codes(together(*acts)) == ["", "STATE", "STATE"]
        results = together(*[lambda: tasks.apply_answer(answer.pk)] * 3)  # noqa: B023
        assert results == [None] * 3
        answer.refresh_from_db()
        assert (answer.status == "CONFIRMED") is (answer.confirmed_by is not None)
    for pending in BankAnswer.objects.filter(status="STAGED"):
        tasks.apply_answer(pending.pk)
    assert Message.objects.filter(kind="payout.paid").count() in (0, 2)
    assert not broken()


def test_two_answers_applied_at_once_move_each_payment_once():
    batch, file = money.handed_over(3)
    first, second, third = money.items(batch)
    one = money.staged(money.pain002(file, [(first, "ACSC", ""), (second, "ACSC", ""), (third, "ACSC", "")]))
    other = money.staged(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC04"), (third, "ACSC", "")]))
    answers.confirm(answer_id=one.pk, user=checker(), typed=3)
    answers.confirm(answer_id=other.pk, user=checker(), typed=1, asked_whom="김 과장", bank_said="맞음")
    assert together(lambda: tasks.apply_answer(one.pk), lambda: tasks.apply_answer(other.pk)) == [None, None]
    one.refresh_from_db()
    other.refresh_from_db()
    states = [item.status for item in money.items(batch)]
    if one.status == "CONFIRMED":
        # The other one says something else now: somebody looks at it again.
        assert (other.status, other.confirmed_by, states) == ("STAGED", None, ["PAID"] * 3)
        assert other.preview["after_paid"] == [1, second.amount_krw]
    else:
        assert (one.status, states) == ("DISCARDED", ["PAID", "RETURNED", "PAID"])
    assert not broken()
