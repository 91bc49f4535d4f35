"""Free text that people write is encrypted at rest; the rest of the text columns says why it is not."""

import datetime as dt
from types import SimpleNamespace

from django.apps import apps
from django.db import connection, models

from eligibility import rotation
from kt_remedy.core import crypto
from kt_remedy.staff.models import RightsRequest, User
from tests.owner import as_owner

OURS = ("eligibility", "refunds", "rewards", "core", "staff", "notices", "identity", "content", "audit")

# Text columns in clear, and the reason.
CLEAR = {
    "content.Entry.body_en": "published on the site",
    "content.Entry.body_ko": "published on the site",
    "eligibility.Feed.fault": "written by the system",
    "eligibility.LineColumns.plan_name": "name of a tariff",
    "eligibility.Line.plan_name": "name of a tariff",
    "eligibility.LineHistory.plan_name": "name of a tariff",
    "eligibility.Reject.file": "name of a file of a delivery",
    "eligibility.Reject.reason": "written by the system",
    "eligibility.Reject.value": "masked before it is stored",
    "notices.Mailing.en": "text of a mailing, the same to all",
    "notices.Mailing.ko": "text of a mailing, the same to all",
    "notices.Text.en": "text of a message without its values",
    "notices.Text.ko": "text of a message without its values",
    "refunds.Item.movements": "codes and amounts, written by the system",
    "refunds.OfflinePayment.movements": "codes and amounts, written by the system",
    "refunds.PromiseRecord.sentence": "written by the system from dates",
    "refunds.Letter.title_en": "words of a form letter",
    "refunds.Letter.title_ko": "words of a form letter",
    "rewards.HandOff.fault": "written by the system",
    "rewards.Shard.fault": "written by the system",
}


def text_columns() -> set[str]:
    return {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.TextField)
        and not isinstance(field, crypto.EncryptedTextField)
        and not field.name.startswith("pgh_")
    }


def test_every_text_column_is_encrypted_or_says_why_not() -> None:
    assert text_columns() <= CLEAR.keys(), "encrypt it with crypto.EncryptedTextField, or say here why not"


def stored(pk: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM staff_rightsrequest WHERE id = %s", [pk])
        return cursor.fetchone()[0]


def request_rights(reason: str) -> RightsRequest:
    user = User.objects.create(username="free-text")
    return RightsRequest.objects.create(
        kind=RightsRequest.Kind.HIRE,
        username="new",
        reason=reason,
        requested_by=user,
        requested_person=b"1" * 32,
        requested_at=dt.datetime.now(dt.UTC),
    )


def test_text_is_ciphertext_in_the_database_and_moves_to_a_new_key(db, settings) -> None:
    row = request_rights("홍길동의 부탁")
    first = stored(row.pk)
    assert "홍길동" not in first
    row.refresh_from_db()
    assert row.reason == "홍길동의 부탁"

    column = next(column for column in rotation.columns() if column.table == "staff_rightsrequest")
    old = settings.FIELD_KEYS
    try:
        settings.FIELD_KEYS = {max(old) + 1: bytes(range(32)), **old}
        crypto.forget_keys()
        assert list(column.outdated_rows().values_list("pk", flat=True)) == [row.pk]
        with as_owner():
            assert rotation.rotate() >= 1
        assert not column.outdated_rows().exists()
        assert stored(row.pk) != first
        row.refresh_from_db()
        assert row.reason == "홍길동의 부탁"
    finally:
        settings.FIELD_KEYS = old
        crypto.forget_keys()


def test_the_migration_encrypts_what_stands_there(db) -> None:
    row = request_rights("x")
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE staff_rightsrequest DISABLE TRIGGER USER")
        cursor.execute("UPDATE staff_rightsrequest SET reason = 'in clear' WHERE id = %s", [row.pk])
        cursor.execute("ALTER TABLE staff_rightsrequest ENABLE TRIGGER USER")
    with as_owner():
        crypto.encrypt_stored_text("staff_rightsrequest", "id", "reason")(apps, SimpleNamespace(connection=connection))
    assert stored(row.pk) != "in clear"
    row.refresh_from_db()
    assert row.reason == "in clear"
