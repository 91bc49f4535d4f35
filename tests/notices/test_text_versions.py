"""Texts that staff edit: checked when saved, sent and published from then on, recognised for ever."""

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import crypto
from kt_remedy.notices import mailings, service, texts
from kt_remedy.notices.models import Mailing, Message, Text
from tests.notices.gateway_stand_in import texts_to
from tests.notices.sending import send_due
from tests.owner import as_owner
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db

KO = "[KT] 환급 신청을 잘 받았습니다. {pay_on}에 드릴 예정입니다. 문의 {hotline}(무료)"
EN = "[KT] Your refund claim has arrived. Expected on {pay_on}. Questions: {hotline} (free)"
PLAIN = {
    "ko": "[KT] 신청은 잊지 않으셨나요? 문의 {hotline}(무료)",
    "en": "[KT] Did you remember to apply? {hotline} (free)",
}


def write(kind: str = "filing.received", ko: str = KO, en: str = EN, reason: str = "더 쉬운 말") -> Text:
    return service.write_text(by=staff_user("administrator"), kind=kind, ko=ko, en=en, reason=reason)


def save(client: Client, **changed: str) -> str:
    """Return the errors of the page for these texts; empty if they were saved."""
    data = {"kind": "filing.received", "ko": KO, "en": EN, "reason": "더 쉬운 말"} | changed
    answer = client.post(reverse("admin:notices_text_add"), data)
    return answer.content.decode() if answer.status_code == 200 else ""


def matches(pasted: str) -> list[str]:
    return [kind.code for kind, _language in texts.matching(pasted)]


def test_the_shipped_texts_are_kept_by_the_migration_and_only_once():
    for _turn in range(2):
        emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
        shipped = {row.kind: row.ko for row in Text.objects.filter(written_by=None)}
        assert shipped == {item.code: item.text["ko"] for item in texts.kinds()}
        assert Text.objects.count() == len(texts.kinds())


def test_a_text_of_an_earlier_release_is_still_ours():
    old = "[KT] 예전 판의 글입니다. 문의 {hotline}"
    Text.objects.create(kind="filing.received", ko=old, en=EN, since="2026-01-01T00:00Z")
    assert matches("[KT] 예전 판의 글입니다. 문의 080-470-7790") == ["filing.received"]
    service.store_shipped_texts()
    assert Text.objects.filter(kind="filing.received").order_by("-id")[0].ko == texts.kind("filing.received").text["ko"]


def test_an_edited_text_is_sent_published_and_recognised_and_so_is_the_one_before(at, sandbox):
    at("2026-01-20T10:00+09:00")
    before = texts.sample(texts.kind("filing.received"), "ko")
    write()
    service.queue(
        kind="filing.received",
        subject="1",
        person=crypto.blind_index("p", "ci"),
        to="01071230001",
        context={"pay_on": "1/22(목)"},
    )
    send_due()
    after = "[KT] 환급 신청을 잘 받았습니다. 1/22(목)에 드릴 예정입니다. 문의 080-470-7790(무료)"
    assert texts_to(sandbox, "01071230001") == [after]
    page = Client().get(reverse("notices:texts")).content.decode()
    assert "환급 신청을 잘 받았습니다" in page
    assert "전에 쓰던 문자" in page
    assert before in page
    write(ko=KO.replace("잘 받았습니다", "받았습니다"))
    assert matches(after) == matches(before) == ["filing.received"]
    assert matches(after.replace("1/22(목)", "kt.help/x")) == []


def test_versions_do_not_change_and_writing_is_recorded():
    row = write()
    with pytest.raises(DatabaseError), transaction.atomic(), as_owner():
        Text.objects.update(ko="[KT]")
    entry = AuditEntry.objects.get(action="notices.text_written")
    assert (entry.object, entry.reason) == (f"text:{row.pk}", "더 쉬운 말")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"ko": "[KT] 확인: kt-refund.com 문의 {hotline}"}, "인터넷 주소를 넣을 수 없습니다"),
        ({"en": "[KT] You get KRW 160,130. {hotline}"}, "금액을 넣을 수 없습니다"),
        ({"ko": "[KT] 김하나님께 드립니다. 문의 {hotline}"}, "이름을 넣을 수 없습니다: 김하나님"),
        ({"en": "[KT] Dear Kim Hana, call {hotline}"}, "이름을 넣을 수 없습니다"),
        ({"ko": "[KT] 110-123-456789로 보냅니다. 문의 {hotline}"}, "계좌번호처럼 보이는 숫자"),
        ({"ko": "[KT] {account} 문의 {hotline}"}, "자리는 둘 수 없습니다: account"),
        ({"ko": "[KT] {due_on}까지. 문의 {hotline}"}, "없는 자리입니다: due_on"),
        ({"ko": "[KT] {pay_on 문의 {hotline}"}, "중괄호"),
        ({"ko": "[KT] 안내 🙂 문의 {hotline}"}, "보낼 수 없는 글자가 있습니다: 🙂"),
        ({"ko": "[KT] " + "가" * 990 + " 문의 {hotline}"}, "너무 깁니다: 2003바이트. 2,000바이트까지"),
        ({"ko": "위약금 안내입니다. 문의 {hotline}"}, "[KT]로 시작해야"),
        ({"en": "[KT] Your claim has arrived."}, "상담센터 번호 자리"),
        ({"reason": ""}, "이 칸을 적어 주세요"),
        ({"kind": "nothing"}, "올바르게 선택"),
    ],
)
def test_the_administrator_is_told_what_is_wrong_before_anything_is_kept(changed, why):
    before = Text.objects.count()
    errors = save(as_staff(Client(), staff_user("administrator")), **changed)
    assert why in errors
    assert Text.objects.count() == before


def test_the_administrator_begins_with_the_text_in_force_and_keeps_a_new_one():
    client = as_staff(Client(), staff_user("administrator"))
    address = reverse("admin:notices_text_add")
    shown = client.get(f"{address}?kind=filing.received").content.decode()
    assert texts.kind("filing.received").text["ko"] in shown
    assert "{pay_on}" in shown
    assert "90바이트까지는 단문, 2,000바이트까지는 장문" in shown
    assert "지금 쓰는 문자와 같습니다" in save(client, **dict(texts.kind("filing.received").text))
    assert save(client) == ""
    assert texts.in_force(texts.kind("filing.received")) == {"ko": KO, "en": EN}
    listed = client.get(reverse("admin:notices_text_changelist") + "?q=").content.decode()
    assert "지금 쓰는 글" in listed
    assert "단문" in listed
    newest = Text.objects.order_by("-id")[0]
    page = client.get(reverse("admin:notices_text_change", args=[newest.pk])).content.decode()
    assert "더 쉬운 말" in page


@pytest.mark.parametrize("role", ["auditor", "supervisor", "maker", "clerk"])
def test_nobody_else_writes_texts(role):
    client = as_staff(Client(), staff_user(role))
    assert client.get(reverse("admin:notices_text_add")).status_code == 403
    looked = client.get(reverse("admin:notices_text_changelist")).status_code
    assert looked == (200 if role in ("auditor", "supervisor") else 403)


def test_a_round_goes_out_with_the_text_two_people_saw(settings, at, sandbox, monkeypatch):
    settings.ROUNDS_NEED_APPROVAL = True
    at("2026-01-20T10:00+09:00")
    service.register(
        "crowd", text=PLAIN, label="", optional=True, address=lambda message: message.recipient, recheck=None
    )
    monkeypatch.setattr(texts, "_kinds", {"crowd": texts._kinds.pop("crowd")})
    select = "SELECT decode(md5(n), 'hex') AS person_index, n AS recipient, 'ko' AS language FROM unnest(%(who)s) AS n"
    service.queue_all(kind="crowd", subject="1", select=select, params={"who": ["01071230011"]})
    mailing = Mailing.objects.get()
    old_seal = mailings.seal(mailing)
    write("crowd", ko="[KT] 신청은 1/31까지입니다. 문의 {hotline}", en=PLAIN["en"])
    first, other = (staff_user("supervisor", username=name) for name in ("s1", "s2"))
    with pytest.raises(mailings.MailingError):
        mailings.check(mailing_id=mailing.pk, user=first, seen=old_seal)
    mailings.check(mailing_id=mailing.pk, user=first, seen=mailings.seal(mailing))
    write("crowd", ko="[KT] 아무도 보지 않은 글. 문의 {hotline}", en=PLAIN["en"])
    mailings.approve(mailing_id=mailing.pk, user=other)
    send_due()
    assert texts_to(sandbox, "01071230011") == ["[KT] 신청은 1/31까지입니다. 문의 080-470-7790"]


def test_the_fields_of_a_round_are_filled_once_for_all(at, sandbox, monkeypatch):
    at("2026-01-20T10:00+09:00")
    monkeypatch.setattr(texts, "_kinds", {})
    service.register("crowd", text={"ko": KO, "en": EN}, label="", address=lambda message: message.recipient)
    select = "SELECT decode(md5(n), 'hex') AS person_index, n AS recipient, 'en' AS language FROM unnest(%(who)s) AS n"
    with pytest.raises(texts.TextError, match="pay_on"):
        service.queue_all(kind="crowd", subject="1", select=select, params={"who": ["01071230021"]})
    assert not Message.objects.exists()
    service.queue_all(
        kind="crowd", subject="1", select=select, params={"who": ["01071230021"]}, context={"pay_on": "22 Jan"}
    )
    send_due()
    assert texts_to(sandbox, "01071230021") == [
        "[KT] Your refund claim has arrived. Expected on 22 Jan. Questions: 080-470-7790 (free)"
    ]
