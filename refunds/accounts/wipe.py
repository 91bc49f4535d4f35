"""Empty the numbers of accounts that no payment needs any more (docs/domain.md#d1)."""

import datetime as dt
from collections.abc import Collection

from django.db import connection

from kt_remedy.core import clock
from refunds.models.items import Item

_ACCOUNTS = """
    UPDATE refunds_account c
    SET number_enc = NULL, holder_name_enc = NULL, holder_birth_enc = NULL, wiped_at = %(now)s
    WHERE c.wiped_at IS NULL AND c.created_at < %(before)s
      AND (%(persons)s::bytea[] IS NULL OR c.person_index = ANY(%(persons)s::bytea[]))
      AND NOT EXISTS (
          SELECT FROM refunds_application a
          WHERE a.account_id = c.id AND NOT (
              a.status IN ('REJECTED', 'WITHDRAWN') AND a.status_since < %(before)s
              OR EXISTS (SELECT FROM refunds_item i WHERE i.application_id = a.id AND i.kind = 'REFUND'
                         AND i.status = 'PAID' AND i.status_at < %(before)s)
              OR EXISTS (SELECT FROM refunds_manual_payment m WHERE m.application_id = a.id
                         AND m.status = 'CONFIRMED' AND m.decided_at < %(before)s)))
      AND NOT EXISTS (
          SELECT FROM refunds_item i WHERE i.account_id = c.id AND i.status = ANY(%(live)s))
      -- A correction that is still to be decided or paid goes to the same account.
      AND NOT EXISTS (
          SELECT FROM refunds_adjustment j JOIN refunds_application a ON a.id = j.application_id
          WHERE a.account_id = c.id AND (j.status = 'PROPOSED' OR j.status = 'APPROVED' AND NOT EXISTS (
              SELECT FROM refunds_item i WHERE i.adjustment_id = j.id AND i.status = 'PAID'
              AND i.status_at < %(before)s)))
      -- So does the difference of an objection that is not answered yet, or upheld and not proposed yet (D-72).
      AND NOT EXISTS (
          SELECT FROM refunds_objection o JOIN refunds_application a ON a.contract_no = o.contract_no
          WHERE a.account_id = c.id AND a.status = 'APPROVED' AND (o.status = 'OPEN'
              OR o.status = 'UPHELD' AND o.difference_krw > 0 AND o.application_id = a.id AND NOT EXISTS (
                  SELECT FROM refunds_adjustment j WHERE j.objection_id = o.id AND j.status <> 'DECLINED')))
"""
_SPELLINGS = """
    UPDATE refunds_holder_check h SET bank_spelling_enc = NULL FROM refunds_account c
    WHERE c.id = h.account_id AND c.wiped_at = %s AND h.bank_spelling_enc IS NOT NULL
"""


def empty(*, before: dt.datetime, persons: Collection[bytes] | None = None) -> int:
    """Empty the accounts, of `persons` alone if given, whose every application was over before an instant.

    Number, holder's name, birth date and the bank's spelling go; the keyed index of the number stays for the fraud
    report. Returns how many. Call it inside a transaction; safe to run twice.
    """
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _ACCOUNTS,
            {
                "now": now,
                "before": before,
                "persons": None if persons is None else list(persons),
                "live": [status.value for status in Item.LIVE],
            },
        )
        accounts = cursor.rowcount
        cursor.execute(_SPELLINGS, [now])
    return accounts


def empty_withdrawn(persons: Collection[bytes]) -> int:
    """Empty what no payment needs now of persons who withdrew a consent, without the days of D-71 (D-91)."""
    return empty(before=clock.now() + dt.timedelta(microseconds=1), persons=persons)
