"""Empty the numbers of accounts that no payment needs any more (docs/domain.md#d1)."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.db import connection, connections

from kt_remedy.core import clock, grants
from refunds.models.items import Item

_ACCOUNTS = """
    UPDATE refunds_account c
    SET number_enc = NULL, holder_name_enc = NULL, holder_birth_enc = NULL, wiped_at = {now}
    WHERE c.wiped_at IS NULL AND c.created_at < {before} AND {whose}
      AND NOT EXISTS (
          SELECT FROM refunds_application a
          WHERE a.account_id = c.id AND NOT (
              a.status IN ('REJECTED', 'WITHDRAWN') AND a.status_since < {before}
              OR EXISTS (SELECT FROM refunds_item i WHERE i.application_id = a.id AND i.kind = 'REFUND'
                         AND i.status = 'PAID' AND i.status_at < {before})
              OR EXISTS (SELECT FROM refunds_manual_payment m WHERE m.application_id = a.id
                         AND m.status = 'CONFIRMED' AND m.decided_at < {before})))
      AND NOT EXISTS (
          SELECT FROM refunds_item i WHERE i.account_id = c.id AND i.status = ANY({live}))
      -- A correction that is still to be decided or paid goes to the same account.
      AND NOT EXISTS (
          SELECT FROM refunds_adjustment j JOIN refunds_application a ON a.id = j.application_id
          WHERE a.account_id = c.id AND (j.status = 'PROPOSED' OR j.status = 'APPROVED' AND NOT EXISTS (
              SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status = 'PAID'
              AND i.status_at < {before})))
      -- So does the difference of an objection that is not answered yet, or upheld and not proposed yet (D-72).
      AND NOT EXISTS (
          SELECT FROM refunds_objection o JOIN refunds_application a ON a.contract_no = o.contract_no
          WHERE a.account_id = c.id AND a.status = 'APPROVED' AND (o.status = 'OPEN'
              OR o.status = 'UPHELD' AND o.difference_krw > 0 AND o.application_id = a.id AND NOT EXISTS (
                  SELECT FROM refunds_adjustment j WHERE j.objection_id = o.id AND j.status <> 'DECLINED')))
"""
_SPELLINGS = """
    UPDATE refunds_holder_check h SET bank_spelling_enc = NULL FROM refunds_account c
    WHERE c.id = h.account_id AND c.wiped_at = {now} AND h.bank_spelling_enc IS NOT NULL
"""
# The process that serves pages has no right to change an account (`core.grants`). This function lets it empty those of
# persons who withdrew a consent, and nothing else.
_SIGNATURE = "empty_withdrawn_accounts(bytea[], timestamptz)"
_FUNCTION = """
CREATE OR REPLACE FUNCTION empty_withdrawn_accounts(persons bytea[], moment timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    emptied bigint;
BEGIN
    {accounts};
    GET DIAGNOSTICS emptied = ROW_COUNT;
    {spellings};
    RETURN emptied;
END
$$;
REVOKE ALL ON FUNCTION empty_withdrawn_accounts(bytea[], timestamptz) FROM PUBLIC;
"""
_WITHDRAWN = """c.person_index = ANY (persons) AND EXISTS (
          SELECT FROM refunds_consent_withdrawal w WHERE w.person_index = c.person_index AND w.given_at IS NULL)"""


def make_function(using: str, **signal: Any) -> None:
    """Make the function that empties accounts of persons who withdrew a consent, after every migration."""
    if not grants.is_migrated(using, signal):
        return
    live = f"ARRAY{[status.value for status in Item.LIVE]}"
    before = "moment + interval '1 microsecond'"
    accounts = _ACCOUNTS.format(now="moment", before=before, whose=_WITHDRAWN, live=live)
    with connections[using].cursor() as cursor:
        cursor.execute(_FUNCTION.format(accounts=accounts, spellings=_SPELLINGS.format(now="moment")))
    for role in grants.PROCESSES:
        grants.let_call(using, _SIGNATURE, role)


def empty(*, before: dt.datetime) -> int:
    """Empty the accounts whose every application was over before an instant; returns how many.

    Number, holder's name, birth date and the bank's spelling go; the keyed index of the number stays for the fraud
    report. Call it inside a transaction; safe to run twice.
    """
    now = clock.now()
    values: dict[str, Any] = {"now": now, "before": before, "live": [status.value for status in Item.LIVE]}
    accounts = _ACCOUNTS.format(now="%(now)s", before="%(before)s", whose="true", live="%(live)s")
    with connection.cursor() as cursor:
        cursor.execute(accounts, values)
        emptied = cursor.rowcount
        cursor.execute(_SPELLINGS.format(now="%(now)s"), {"now": now})
    return emptied


def empty_withdrawn(persons: Collection[bytes]) -> int:
    """Empty what no payment needs now of those of `persons` who withdrew a consent, without the days of D-71 (D-91);
    returns how many. Call it inside a transaction; safe to run twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT empty_withdrawn_accounts(%s::bytea[], %s)", [list(persons), clock.now()])
        [emptied] = cursor.fetchone()
    return emptied
