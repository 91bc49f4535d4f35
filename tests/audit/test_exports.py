"""Every list or file that leaves the portal with rows of customers is an entry with its criteria and its count."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.urls import reverse

from eligibility.models import Feed, Reject
from kt_remedy.audit import actions
from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import clock
from refunds.payouts import inquiry
from tests.conftest import ROOT
from tests.refunds.payouts import money
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db

REASON = {"reason": "확인"}
# Route: role, key of the route, more of the form, action of the entry.
EXPORTS = {
    "admin:payouts:file_download": ("maker", "file", {}, "file.downloaded"),
    "admin:payouts:inquiry_download": ("maker", "inquiry", {}, "inquiry.downloaded"),
    "admin:payouts:call_list": ("auditor", None, {}, "item.call_list"),
    "admin:payouts:settlement": ("auditor", None, {}, "settlement.taken"),
    "admin:payouts:trial_balance_sheet": ("auditor", None, {}, "settlement.trial_balance"),
    "admin:payouts:audit_bundle": ("auditor", "application", {}, "evidence.taken"),
    "admin:payouts:export": ("checker", "plan", {}, "list.exported"),
    "admin:eligibility_feed_rejects": ("reviewer", "feed", {}, "feed.rejects_downloaded"),
    "notices:sent": ("supervisor", None, {}, "notices.unreached_downloaded"),
    "refunds:report-export": ("supervisor", None, {"kind": "csv"}, "list.exported"),
}
# Modules that send a file: those of the routes above, and those whose files hold no rows of customers, the customer's
# own, or one document, which has an entry of its own.
SENDING = {
    "eligibility/admin.py",
    "kt_remedy/notices/staff_views.py",
    "refunds/payouts/admin/application_detail.py",
    "refunds/payouts/admin/exceptions.py",
    "refunds/payouts/admin/files.py",
    "refunds/payouts/admin/inquiries.py",
    "refunds/payouts/admin/list_pages.py",
    "refunds/payouts/admin/pages.py",
    "refunds/payouts/admin/rounds.py",
    "refunds/payouts/admin/trial_balance.py",
    "refunds/views/report.py",
}
OTHERS = {
    "kt_remedy/portal/audit_desk.py",
    "kt_remedy/portal/guard.py",
    "kt_remedy/portal/my_file.py",
    "refunds/views/documents.py",
    "refunds/views/status.py",
}


@pytest.fixture
def keys(cut_off) -> dict[str, int]:
    row = money.due()
    _batch, file = money.handed_over(2)
    item = money.items(_batch)[0]
    type(item).objects.filter(pk=item.pk).update(status="UNKNOWN")
    feed = Feed.objects.create(
        as_of=dt.date(2026, 2, 3), started_at=clock.now(), finished_at=clock.now(), state="LOADED", lines_rejected=1
    )
    Reject.objects.create(feed=feed, file="lines.csv", line=2, column="msisdn", value="1*", reason="x")
    asked = inquiry.create_inquiry(file_id=file.pk, user=money.maker())
    return {"file": file.pk, "inquiry": asked.pk, "application": row.pk, "feed": feed.pk}


@pytest.mark.parametrize("route", EXPORTS)
def test_what_leaves_says_how_much_and_by_which_criteria(keys, route):
    role, key, more, action = EXPORTS[route]
    client = as_staff(Client(), staff_user(role))
    if key == "plan":
        chosen = {"action": "export_csv", "index": "0", "_selected_action": ["0"], "select_across": "1"}
        address = client.post(reverse("admin:refunds_item_changelist") + "?won_from=1", chosen).url
    else:
        address = reverse(route, args=[keys[key]] if key else [])
    answer = client.post(address, REASON | more)
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    entry = AuditEntry.objects.filter(action=action).latest("pk")
    assert action in actions.exports(), "the auditor's rule of exports counts it"
    assert isinstance(entry.detail["count"], int)
    assert isinstance(entry.detail["filters"], list)
    assert entry.reason == "확인"


def test_no_other_module_sends_a_file():
    sends = re.compile(r"FileResponse\(|StreamingHttpResponse\(|file_response\(|attachment; filename")
    found = {
        str(path.relative_to(ROOT))
        for package in ("kt_remedy", "eligibility", "refunds", "rewards")
        for path in (ROOT / package).rglob("*.py")
        if "devtools" not in path.parts and sends.search(path.read_text(encoding="utf-8"))
    }
    assert found == SENDING | OTHERS, "put its route into EXPORTS, or say above why it holds no rows of customers"
