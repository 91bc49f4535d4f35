"""The table of retention covers every table with personal data, is what the document says, and each row happens."""

import datetime as dt
import uuid

import pytest
from django.apps import apps

from kt_remedy.core import clock, crypto
from kt_remedy.notices.models import Message
from kt_remedy.portal import desk_code, retention
from refunds.models.applications import Note
from tests import people
from tests.conftest import ROOT
from tests.project.test_evidence import missing

# The test of each row that is no work of the operator; the row says who carries it out.
TESTS = {
    "accounts": "tests/refunds/payouts/test_verify_money.py::test_the_wipe_empties_numbers_long_after_settlement",
    "bank_files": "tests/refunds/payouts/test_verify_money.py::test_the_wipe_empties_numbers_long_after_settlement",
    "documents": "tests/refunds/applications/test_documents.py",
    "drafts": "tests/refunds/applications/test_edges.py",
    "desk_drafts": "tests/refunds/applications/test_desk_sessions.py"
    "::test_nothing_typed_or_confirmed_at_the_desk_outlives_its_day",
    "wishes": "tests/portal/test_tell_me.py::test_the_numbers_are_forgotten_when_the_window_has_closed",
    "codes": "tests/project/test_retention.py::test_a_code_of_the_desk_is_gone_after_a_day",
    "numbers": "tests/project/test_retention.py::test_the_number_of_a_message_is_gone_after_a_year",
    "notes": "tests/project/test_retention.py::test_notes_are_gone_after_a_year_and_open_call_backs_stay",
    "sessions": "tests/staff/test_own_sessions.py::test_rows_of_sessions_that_are_over_are_forgotten",
    "counters": "tests/core/test_ratelimit.py::test_old_counters_are_swept",
}


def personal_models() -> set[str]:
    """Models with a key of a person, an encrypted column or free text of people."""
    return {
        model._meta.label
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, crypto.BlindIndexField | crypto.EncryptedTextField) or field.name.endswith("_enc")
    }


def test_every_table_with_personal_data_has_a_period() -> None:
    covered = {name for rule in retention.RULES for name in rule.tables}
    assert personal_models() <= covered, "put the table into a row of kt_remedy/portal/retention.py"
    assert covered <= {model._meta.label for model in apps.get_models()}


def test_the_document_is_the_table() -> None:
    assert (ROOT / "docs/retention.md").read_text(encoding="utf-8") == retention.page()


def test_each_row_has_a_task_and_a_test() -> None:
    from kt_remedy.core.tasks import schedule

    for rule in retention.RULES:
        if not rule.task:
            continue
        assert schedule.entry(rule.task), rule.code
        assert not missing(TESTS[rule.code]), rule.code
    assert set(TESTS) == {rule.code for rule in retention.RULES if rule.task}


def message(kind: str, days: int) -> Message:
    at = clock.now() - dt.timedelta(days=days)
    row = Message(kind=kind, subject=f"test:{uuid.uuid4().hex[:8]}", person_index=b"p" * 32, created_at=at)
    row.body, row.settled_at, row.state = "[KT] 123456", at, Message.State.DELIVERED
    row.to = "01012345678"
    row.save()
    return row


@pytest.mark.django_db
def test_a_code_of_the_desk_is_gone_after_a_day() -> None:
    old, new, other = message(desk_code.KIND, 2), message(desk_code.KIND, 0), message("payout.paid", 2)
    retention.carry_out(None)
    assert [Message.objects.get(pk=row.pk).body for row in (old, new, other)] == ["", "[KT] 123456", "[KT] 123456"]


@pytest.mark.django_db
def test_the_number_of_a_message_is_gone_after_a_year() -> None:
    old, new = message("payout.paid", 366), message("payout.paid", 364)
    retention.carry_out(None)
    assert [Message.objects.get(pk=row.pk).to for row in (old, new)] == [None, "01012345678"]


@pytest.mark.django_db
def test_notes_are_gone_after_a_year_and_open_call_backs_stay() -> None:
    people.load_cast()
    customer = apps.get_model("eligibility.Customer").objects.first()

    def note(days: int, **columns: object) -> int:
        row = Note(person_index=customer.person_index, customer=customer, **columns)
        row.words, row.written_at = "메모", clock.now() - dt.timedelta(days=days)
        row.save()
        return row.pk

    _old, new, due = note(366), note(364), note(366, call_back_at=clock.now())
    retention.carry_out(None)
    assert set(Note.objects.values_list("pk", flat=True)) == {new, due}
