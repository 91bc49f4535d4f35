"""The auditor reads the audit and changes nothing; views of the admin are recorded."""

import io
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import actions, chain
from kt_remedy.audit import service as audit
from kt_remedy.audit.admin import KindFilter
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core.tasks import schedule
from tests.owner import as_owner
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db
LIST = reverse("admin:audit_auditentry_changelist")


@pytest.fixture
def auditor():
    return as_staff(Client(REMOTE_ADDR="203.0.113.9"), staff_user("auditor"))


def test_the_auditor_finds_whose_data_were_seen(auditor):
    audit.record(actor="staff:1", action="customer.viewed", object="customer:K1", subject="K1", reason="전화 문의")
    audit.record(actor="staff:1", action="customer.viewed", object="customer:K2", subject="K2", reason="다른 일")
    page = auditor.get(LIST, {"q": "K1"}).content.decode()
    assert "전화 문의" in page
    assert "다른 일" not in page
    assert f"{actions.label_of('customer.viewed')} (customer.viewed)" in page


def test_every_kind_of_act_has_its_filter(auditor):
    """The auditor can filter by the first word of every action in the code; the filter returns only its kind."""
    before = r"(?:action=|record_act\(\s*user,\s*|_audit\(\s*row,\s*|_record\(\s*(?:(?:row|answer|user),\s*)?)"
    written = re.compile(before + r'"([a-z_]+)\.[a-z_]+"')
    kinds = {
        kind
        for package in ("kt_remedy", "eligibility", "refunds", "rewards")
        for path in (Path(settings.BASE_DIR) / package).rglob("*.py")
        for kind in written.findall(path.read_text(encoding="utf-8"))
    }
    assert {"file", "inquiry", "evidence", "adjustment", "settlement", "answer", "rewards", "offline_payment"} <= kinds
    offered = {kind for kind, _label in KindFilter(None, {}, AuditEntry, None).lookup_choices}
    assert kinds - offered == set()
    audit.record(actor="staff:1", action="file.downloaded", object="file:1", reason="은행에 올림")
    audit.record(actor="staff:1", action="inquiry.made", object="inquiry:1", reason="은행에 물음")
    page = auditor.get(LIST, {"kind": "file"}).content.decode()
    assert "은행에 올림" in page
    assert "은행에 물음" not in page


def test_an_act_of_an_unknown_kind_is_refused():
    with pytest.raises(LookupError, match="nobody_registered"):
        audit.record(actor="system", action="nobody_registered.this", object="z")
    assert not AuditEntry.objects.exists()


def test_the_record_cannot_be_changed_in_the_admin(auditor):
    entry = audit.record(actor="system", action="admin.viewed", object="z")
    address = reverse("admin:audit_auditentry_change", args=[entry.pk])
    assert auditor.get(address).status_code == 200
    chain.seal_entries()
    seal = entry.seal
    assert bytes(seal.digest).hex() in auditor.get(address).content.decode()
    assert auditor.post(address, {"reason": "x"}).status_code == 403
    assert auditor.get(reverse("admin:audit_auditentry_add")).status_code == 403
    assert auditor.post(reverse("admin:audit_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", ["maker", "checker", "administrator", "clerk", "agent", "reviewer", "supervisor"])
def test_nobody_else_reads_it(role):
    assert as_staff(Client(), staff_user(role)).get(LIST).status_code == 403


def test_looking_is_recorded_with_address_and_without_search_terms(auditor):
    auditor.get(LIST, {"q": "01012345678"})
    entry = AuditEntry.objects.filter(action="admin.listed").latest("id")
    assert (entry.ip, entry.object, entry.role) == ("203.0.113.9", "auditentry", "auditor")
    assert entry.detail["filters"] == ["q"]
    assert "01012345678" not in str(entry.__dict__)
    auditor.get(reverse("admin:audit_auditentry_change", args=[entry.pk]))
    seen = AuditEntry.objects.filter(action="admin.viewed").latest("id")
    assert seen.object == f"auditentry:{entry.pk}"


def test_sign_ins_are_recorded_and_failed_ones_name_nobody():
    Client().post(reverse("account_login"), {"login": "홍길동 850315", "password": "secret-words"})
    entry = AuditEntry.objects.get(action="staff.sign_in_failed")
    assert "홍길동" not in str(entry.__dict__)
    assert "secret-words" not in str(entry.__dict__)
    user = staff_user("maker")
    as_staff(Client(), user)
    assert AuditEntry.objects.filter(action="staff.signed_in", actor=f"staff:{user.pk}").count() == 1


def test_the_command_proves_the_record_and_finds_a_change():
    audit.record(actor="system", action="admin.viewed", object="z")
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    head = out.getvalue().split()[-1]
    assert head.startswith("1:")
    assert len(head) == 66
    audit.record(actor="system", action="admin.viewed", object="z2")
    call_command("verify_audit", head=head, stdout=io.StringIO())
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_entry SET actor = 'staff:9'")
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="does not hold"):
        call_command("verify_audit", stdout=io.StringIO())


def test_the_chain_is_a_job_of_the_calendar():
    audit.record(actor="system", action="admin.viewed", object="z")
    entry = schedule.entry("audit.chain")
    assert entry is not None
    schedule.plan()
    entry.task(entry.code)
    assert AuditEntry.objects.get(action="admin.viewed").seal.position == 1
