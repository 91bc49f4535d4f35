"""The invariants of the money hold along the whole way, and each breach is found by its own."""

import datetime as dt
import io

import pytest
from django.core.management import call_command
from django.db import connection

from eligibility.models import Bill
from refunds.models.accounts import Account
from refunds.models.applications import Application
from refunds.models.bank_files import Chunk
from refunds.models.batches import Batch
from refunds.payouts import batches, files, guards, wipe
from refunds.payouts.invariants import FILES, INVARIANTS, drop_views, make_views
from tests.owner import as_owner
from tests.refunds.payouts import money
from tests.refunds.payouts.money import CUT_OFF, broken, checker, due, maker, tamper

pytestmark = pytest.mark.usefixtures("cut_off")

DAY = dt.date(2026, 1, 22)


def test_all_is_well_at_every_step():
    due()
    assert broken() == {}
    batch = money.frozen(3)
    assert broken() == {}
    batches.send_back(batch_id=batch.pk, user=checker(), reason="다시")
    assert broken() == {}
    batch = batches.freeze(pay_on=DAY, user=maker())
    batches.take_out(item_ids=[money.items(batch)[0].pk], user=maker(), reason="빼기")
    batch = batches.freeze(pay_on=DAY, user=maker())
    batches.approve(batch_id=batch.pk, user=checker(), typed_total=batch.won, digest=batch.digest)
    (file,) = files.create_files(batch_id=batch.pk, user=maker())
    assert broken() == {}
    money.hand_over(file)
    money.load(money.pain002(file, [], group="RJCT", reason="AM10"))
    assert broken() == {}
    again = files.replace_refused_file(file_id=file.pk, user=maker())
    assert broken() == {}
    money.approve_part(again)
    money.hand_over(again)
    first, second, *_rest = money.items(batch)
    rows = [(first, "ACSC", ""), (second, "RJCT", "AC04")]
    money.load(money.pain002(again, rows))
    assert broken() == {}
    out = io.StringIO()
    call_command("verify_money", stdout=out)
    assert [line.split()[:2] for line in out.getvalue().splitlines()] == [
        [code, "0"] for code in ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I12", "I13", "I14", "I15")
    ]


def test_each_file_is_a_view_and_says_what_it_forbids():
    with connection.cursor() as cursor:
        cursor.execute("SELECT viewname FROM pg_views WHERE viewname LIKE 'money_%'")
        views = {name for (name,) in cursor.fetchall()}
    assert views == {f"money_{code.lower()}" for code, _title, _find in INVARIANTS}
    for file in FILES:
        comment = file.read_text(encoding="utf-8").partition("\nCREATE VIEW")[0]
        assert "-- Forbids that " in comment


def test_the_views_are_made_anew_and_gone_while_a_migration_changes_their_tables():
    with as_owner(), connection.cursor() as cursor:
        call_command("migrate", verbosity=0)
        drop_views(using="default", plan=[("a migration", False)])
        cursor.execute("SELECT count(*) FROM pg_views WHERE viewname LIKE 'money_%'")
        assert cursor.fetchone() == (0,)
        make_views(using="default", plan=[])
    assert broken() == {}


def test_a_paid_application_that_is_withdrawn_offline():
    batch = money.frozen(1)
    tamper("refunds_application", "UPDATE refunds_application SET status = 'WITHDRAWN'")
    assert broken() == {"I5": 1}
    assert batch.pk


def test_an_amount_changed_offline():
    batch = money.frozen(2)
    tamper(
        "refunds_item", "UPDATE refunds_item SET amount_krw = amount_krw - 1 WHERE id = %s", money.items(batch)[0].pk
    )
    assert broken() == {"I3": 1, "I4": 2, "I6": 1, "I12": 1, "I14": 3}


def test_an_item_moved_without_its_event():
    money.filed(1)
    tamper("refunds_item", "UPDATE refunds_item SET status = 'UNKNOWN'")
    assert broken() == {"I3": 1, "I6": 1}


def test_a_batch_and_a_file_moved_without_their_events():
    money.handed_over(1)
    tamper("refunds_batch", "UPDATE refunds_batch SET status = 'SETTLED', settled_at = now()")
    assert broken() == {"I3": 1, "I5": 1}
    tamper("refunds_bank_file", "UPDATE refunds_bank_file SET status = 'REFUSED'")
    assert broken() == {"I3": 2, "I5": 1}


def test_a_way_that_does_not_exist():
    batch, _file = money.handed_over(1)
    for table, status in (("refunds_itemevent", "PAID"), ("refunds_batchevent", "SETTLED")):
        # The event of the freeze now says where the row went at once.
        tamper(
            table,
            f"UPDATE {table} SET status = '{status}' WHERE pgh_id = (SELECT min(pgh_id) FROM {table})",
        )
    assert broken() == {"I6": 2}
    assert batch.pk


def test_bytes_that_are_not_those_made():
    money.filed(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT message_id FROM refunds_bank_file")
        (key,) = cursor.fetchone()
    from kt_remedy.core import crypto

    tamper("refunds_chunk", "UPDATE refunds_chunk SET data_enc = %s", crypto.encrypt_bytes(b"x", Chunk.aad(key, 0)))
    assert broken() == {"I4": 1}


def test_one_person_as_both():
    money.approved(1)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE refunds_batch DROP CONSTRAINT batch_two_people")
    tamper("refunds_batch", "UPDATE refunds_batch SET approved_person = prepared_person")
    assert broken() == {"I7": 1}


def test_somebody_forgotten():
    money.frozen(1)
    forgotten = due()
    assert broken() == {"I2": 1}
    Application.objects.filter(pk=forgotten.pk).update(status_since=dt.datetime.fromisoformat(CUT_OFF))
    assert broken() == {}


def test_a_later_bill_is_no_breach_and_the_command_says_so_by_its_status():
    batch = money.frozen(1)
    Bill.objects.update(refunded_krw=100_000)  # billing learnt of the refund
    assert broken() == {}
    tamper("refunds_batch", "UPDATE refunds_batch SET won = won + 1")
    assert broken() == {"I3": 1, "I4": 1, "I14": 1}
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_money", stdout=io.StringIO())
    assert stopped.value.code == 1
    assert batch.pk


def test_the_wipe_empties_numbers_long_after_settlement(at, settings):
    settings.ACCOUNT_WIPE_DAYS = 30
    batch, file = money.handed_over(2)
    first, second = money.items(batch)
    money.load(money.pain002(file, [(first, "ACSC", ""), (second, "RJCT", "AC01")]))
    at("2026-02-20T00:00+09:00")
    assert wipe.wipe() == (0, 0)
    at("2026-02-22T00:00+09:00")
    accounts, pieces = wipe.wipe()
    assert (accounts, pieces) == (1, 2)
    wiped, unwiped = Account.objects.get(pk=first.account_id), Account.objects.get(pk=second.account_id)
    assert (wiped.number, wiped.holder_name, wiped.number_index) == (None, None, first.account.number_index)
    assert unwiped.number  # still to be paid
    assert broken() == {}
    with pytest.raises(guards.Refused):
        files.download(file_id=file.pk, user=maker(), reason="보기")
    assert Batch.objects.get().status == "SETTLED"
