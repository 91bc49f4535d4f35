"""Every edge of the state table (docs/architecture.md#states), legal and illegal, against the database itself."""

import pgtrigger
import pytest
from django.db import DatabaseError, IntegrityError, transaction

from refunds.models.applications import Account, Application, Decision
from refunds.models.states import EDGES, Status
from tests.owner import as_owner
from tests.refunds import make

PAIRS = [(a, b) for a in Status for b in Status if a != b]


def put(row: Application, status: str) -> None:
    """Set a state behind the trigger's back."""
    with as_owner(), pgtrigger.ignore("refunds.Application:application_edges"):
        Application.objects.filter(pk=row.pk).update(status=status)


@pytest.mark.django_db
def test_the_database_takes_legal_edges_and_refuses_the_others() -> None:
    row = make.application(make.line(make.customer()), status=Status.SUBMITTED)
    wrong = []
    for before, after in PAIRS:
        put(row, before)
        try:
            with transaction.atomic():
                Application.objects.filter(pk=row.pk).update(status=after)
            taken = True
        except DatabaseError:
            taken = False
        if taken != ((before, after) in EDGES):
            wrong.append((before, after, taken))
    assert wrong == []


@pytest.mark.django_db
def test_an_application_begins_as_submitted() -> None:
    row = make.application(make.line(make.customer()), status=Status.SUBMITTED)
    for status in set(Status) - {Status.SUBMITTED}:
        row.pk, row.line, row.status = None, make.line(row.filing.customer), status
        with pytest.raises(DatabaseError), transaction.atomic():
            row.save(force_insert=True)


@pytest.mark.django_db
def test_one_live_application_per_line() -> None:
    line = make.line(make.customer())
    first = make.application(line)
    with pytest.raises(IntegrityError, match="application_one_live_per_line"), transaction.atomic():
        make.application(line)
    Application.objects.filter(pk=first.pk).update(status=Status.WITHDRAWN)
    assert make.application(line).is_live


@pytest.mark.django_db
def test_accounts_and_decisions_never_change() -> None:
    row = make.application(make.line(make.customer()))
    decision = Decision.objects.create(
        application=row, to_status="SUBMITTED", actor="customer", code="FILED", decided_at=row.status_since
    )
    for attempt in (
        lambda: Decision.objects.filter(pk=decision.pk).update(words="other"),
        decision.delete,
        row.delete,
        lambda: Account.objects.filter(pk=row.account_id).update(bank_code="004"),
        lambda: Account.objects.filter(pk=row.account_id).update(number_enc=b"x"),
        lambda: Account.objects.filter(pk=row.account_id).update(wiped_at=row.status_since),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), as_owner():
            attempt()
    wiped = Account.objects.filter(pk=row.account_id)
    assert wiped.update(number_enc=None, holder_name_enc=None, holder_birth_enc=None, wiped_at=row.status_since) == 1
