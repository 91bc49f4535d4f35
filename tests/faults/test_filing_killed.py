"""A web process that dies at any statement of a filing leaves all of it or nothing."""

import uuid

import pytest
from django.db import connection

from kt_remedy.audit.models import AuditEntry
from kt_remedy.notices.models import Message
from refunds.applications import submit as submitting
from refunds.applications.submit import CONSENTS, Submission
from refunds.models.applications import Application, Channel, Decision, Filing
from tests.refunds import make


class Died(BaseException):
    """The process is gone: nothing catches this."""


def count() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Filing, Application, Decision, Message, AuditEntry))


@pytest.mark.django_db(transaction=True)
def test_all_or_nothing_at_every_statement(at, settings) -> None:
    settings.QA_SAMPLE_PERCENT = 0
    at("2026-01-16T10:00+09:00")
    holder = make.customer()
    line, account = make.line(holder), make.account(holder)

    def submit() -> submitting.Submitted:
        return submitting.submit(
            Submission(
                key=uuid.uuid4().hex,
                channel=Channel.WEB,
                person_index=holder.person_index,
                contract_nos=[line.pk],
                account_id=account.pk,
                consents=CONSENTS,
                contact="01055550000",
                proof={"method": "IDENTITY"},
            )
        )

    before, died_at = count(), 0
    while True:
        died_at += 1
        statements = 0

        def dies(execute, sql, params, many, context, last=died_at):
            nonlocal statements
            statements += 1
            if statements == last:
                raise Died
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(dies):
                done = submit()
        except Died:
            connection.close()
            assert count() == before
            continue
        break
    assert died_at > 10
    assert done.new
    assert Filing.objects.get().reference == done.filing.reference
    assert count()[:3] == (1, 1, 2)
