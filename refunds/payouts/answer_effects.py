"""What a confirmed answer changes: items, parts, applications, holds, messages. Each in the transaction of the answer.

`examine` has filled the temporary table `answer` before; every statement here reads it, whatever the number of lines.
"""

import datetime as dt
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import override

from kt_remedy.audit import service as audit
from kt_remedy.notices import service as notices
from kt_remedy.staff.models import User
from refunds.applications import recheck
from refunds.bankfiles.returns import ASKS_CUSTOMER, CUSTOMER, owner_of, return_reason, waits_for_person
from refunds.models.bank_answers import BankAnswer
from refunds.models.bank_files import BankFile
from refunds.models.batches import Batch
from refunds.models.cases import Hold
from refunds.models.statements import Suspense
from refunds.payouts import suspense

# Applications that are asked for another account, at a time: each is a change of state with its own record.
_ASKED_AT_ONCE = 1000
_RECIPIENTS = """
    SELECT DISTINCT ON (f.person_index) f.person_index, f.id::text AS recipient, f.language
    FROM answer t
    JOIN refunds_application a ON a.id = t.application_id
    JOIN refunds_filing f ON f.id = a.filing_id
    WHERE t.moves AND t.outcome = 'PAID'
    ORDER BY f.person_index, f.received_at DESC
"""


def accept_file(file: BankFile) -> None:
    """The bank has taken the file."""
    if file.status == BankFile.Status.HANDED_OVER:
        file.status = BankFile.Status.ACCEPTED
        file.save(update_fields=["status"])


def refuse_file(answer: BankAnswer, file: BankFile) -> None:
    """The bank refused the whole file: the same items go out again in a part that another person approves."""
    file.status = BankFile.Status.REFUSED
    file.refused_because = answer.preview.get("refused_because", "")[:140]
    file.save(update_fields=["status", "refused_because"])


def move_items(answer: BankAnswer, file: BankFile, now: dt.datetime) -> None:
    """Move the items of the lines, and those the answer left out, which become unknown on the day of the transfer."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE refunds_item i SET status = t.outcome, status_at = %s, code = t.reason, result_id = %s,
                   bank_code = t.code, words = t.words
            FROM answer t WHERE i.id = t.item_id AND t.moves
            """,
            [now, answer.pk],
        )
        if answer.absent and not answer.early:
            # Every answered item has moved: the items that are still FILED were left out.
            cursor.execute(
                "UPDATE refunds_item SET status = 'UNKNOWN', status_at = %s, code = 'ABSENT', result_id = %s"
                " WHERE file_id = %s AND status = 'FILED'",
                [now, answer.pk, file.pk],
            )


def follow_returns(reasons: list[list], user: User, now: dt.datetime) -> None:
    """What follows the returns, by whose fault they are (D-65, D-80).

    The customer's account: another one is asked for. The bank: nothing, it rides again. Payer, file or unclear: the
    application is held until a person decides (`answers.send_again`), and nothing is asked of the customer.
    """
    actor = audit.actor(user)
    for reason, code, _count, _won in reasons:
        if owner_of(reason) == CUSTOMER:
            _ask(reason, code, actor)
    with connection.cursor() as cursor:
        # A returned correction changes neither the paid refund nor the state of the application.
        cursor.execute(
            """
            INSERT INTO refunds_decision (application_id, from_status, to_status, actor, code, words, decided_at)
            SELECT a.id, a.status, a.status, %s, left('RETURNED_' || t.reason, 40), '', %s
            FROM answer t JOIN refunds_application a ON a.id = t.application_id
            WHERE t.moves AND t.outcome = 'RETURNED' AND t.kind = 'REFUND' AND t.reason <> ALL(%s)
              AND a.status = 'APPROVED'
            """,
            [actor, now, list(ASKS_CUSTOMER)],
        )
    for reason in sorted({row[0] for row in reasons if waits_for_person(row[0])}):
        _hold(user, reason, now)


def _ask(reason: str, code: str, actor: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_id FROM answer WHERE moves AND outcome = 'RETURNED' AND kind = 'REFUND'"
            " AND reason = %s AND code = %s ORDER BY application_id",
            [reason, code],
        )
        ids = [row[0] for row in cursor.fetchall()]
    for at in range(0, len(ids), _ASKED_AT_ONCE):
        recheck.mark_returned(application_ids=ids[at : at + _ASKED_AT_ONCE], code=reason, actor=actor)


def _hold(user: User, reason: str, now: dt.datetime) -> None:
    with override("ko"):
        words = _("은행이 보내지 못함: %(why)s. 어떻게 할지 정해야 합니다.") % {"why": return_reason(reason)}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO refunds_hold (application_id, reason, placed_by_id, placed_at)
            SELECT DISTINCT application_id, %s, %s::bigint, %s::timestamptz
            FROM answer WHERE moves AND outcome = 'RETURNED' AND reason = %s
            ON CONFLICT (application_id) WHERE released_at IS NULL DO NOTHING
            """,
            [Hold._meta.get_field("reason").get_prep_value(words), user.pk, now, reason],
        )


def held_by(answer: BankAnswer, reason: str) -> tuple[str, list[Any]]:
    """SQL condition on `refunds_hold h`, with its parameters: the open holds this answer placed for a reason."""
    return (
        "h.released_at IS NULL AND h.placed_by_id = %s AND h.placed_at = %s AND EXISTS (SELECT FROM refunds_item i"
        " WHERE i.application_id = h.application_id AND i.result_id = %s AND i.status = 'RETURNED' AND i.code = %s)",
        [answer.confirmed_by_id, answer.applied_at, answer.pk, reason],
    )


def write_messages(batch: Batch) -> None:
    """Queue one message for each person who is paid. The promises tell those whose payment came back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM answer WHERE moves AND outcome = 'PAID')")
        (paid,) = cursor.fetchone()
    if paid:  # staff would see an empty mailing otherwise
        notices.queue_all(kind="payout.paid", subject=f"batch:{batch.pk}", select=_RECIPIENTS)


def to_suspense(answer: BankAnswer, file: BankFile) -> None:
    """Keep what fits no item until a person settles it: an answer to a refused file, and payments we never sent."""
    if answer.kind == BankAnswer.Kind.SUSPENSE:
        said = answer.preview["said"]
        _suspend(file, reference=file.message_id, won=said.get("PAID", [0, 0])[1], note="")
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reference, COALESCE(won, 0), outcome, code FROM answer WHERE item_id IS NULL ORDER BY line"
        )
        strangers = cursor.fetchall()
    for reference, won, outcome, code in strangers:
        _suspend(file, reference=reference, won=won, note=f"{outcome} {code}".strip())


def _suspend(file: BankFile, *, reference: str, won: int, note: str) -> None:
    suspense.add(kind=Suspense.Kind.ANSWER, won=won, reference=reference, part=file, note=note)


def settle(batch: Batch, now: dt.datetime) -> None:
    """A filed batch without an open payment is settled."""
    if batch.status == Batch.Status.FILED and not batch.items.live().exists():
        batch.status, batch.settled_at = Batch.Status.SETTLED, now
        batch.save(update_fields=["status", "settled_at"])
