"""The published texts, the check of a pasted message, and the staff's list of undelivered messages."""

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit.models import AuditEntry
from kt_remedy.core import crypto
from kt_remedy.notices import mailings, service, texts
from kt_remedy.notices.models import Mailing, Message
from tests.notices.sending import form, send_due
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db

OURS = "[KT] 위약금 환급 신청이 접수되었습니다. 지급 예정일 1/22(목). 문의 080-470-7790(무료)"


def check(text: str, language: str = "ko") -> str:
    address = reverse("notices:texts")
    return Client(headers={"accept-language": language}).post(address, {"text": text}).content.decode()


def test_every_text_is_published_in_both_languages():
    shown = Client().get(reverse("notices:texts")).content.decode()
    assert len(texts.kinds()) > 3
    for kind in texts.kinds():
        for language in texts.LANGUAGES:
            opening = kind.text[language].split("{")[0].split("'")[0].split(".")[0]
            assert opening in shown


def test_a_message_of_ours_and_one_that_is_not():
    assert "저희가 보내는 문자입니다" in check(f"[Web발신]\n{OURS}")
    assert "저희가 보낸 문자가 아닙니다" in check("[KT] 환급금을 받으세요 kt-refund.example")
    assert "받은 문자 내용을 넣어 주세요" in check("")
    assert "너무 깁니다" in check("가" * 4001)


def test_two_messages_of_ours_at_once_are_both_named():
    page = check("KT 안내\n" + OURS + "\n" + texts.sample(texts.kind("payout.paid"), "ko"))
    assert "저희가 보내는 문자입니다" in page
    for item in (texts.matching(OURS)[0][0], texts.kind("payout.paid")):
        assert f"‘{item.label}’" in page


def test_what_was_pasted_is_not_shown_as_markup():
    assert "<script>alert" not in check("<script>alert(1)</script>")


def unreached() -> Message:
    service.queue(kind="filing.received_open", subject="A-1", person=crypto.blind_index("a", "ci"), to="")
    return Message.objects.get()


def test_the_unreached_are_listed_and_downloaded_with_a_reason():
    unreached()
    service.queue(kind="filing.received_open", subject="A-2", person=crypto.blind_index("a", "ci"), to="01012345678")
    Message.objects.filter(subject="A-2").update(state="UNKNOWN", reason="NOT_FOUND")
    supervisor = as_staff(Client(), staff_user("supervisor"))
    address = reverse("notices:sent")
    shown = supervisor.get(address).content.decode()
    assert "보낼 번호가 없음" in shown
    assert "010-****-5678" in shown
    assert "01012345678" not in shown
    refused = supervisor.post(address, {"reason": ""})
    assert "내려받는 이유를 적어 주세요" in refused.content.decode()
    file = b"".join(supervisor.post(address, {"reason": "우편 안내"}).streaming_content).decode("utf-8-sig")
    assert file.splitlines()[0] == "kind,subject,recipient,channel,state,reason,created_at,settled_at"
    assert len(file.splitlines()) == 3
    assert "5678" not in file
    assert AuditEntry.objects.get(action="notices.unreached_downloaded").reason == "우편 안내"


def test_other_roles_and_customers_see_no_list():
    assert as_staff(Client(), staff_user("clerk")).get(reverse("notices:sent")).status_code == 403
    assert Client().get(reverse("notices:sent")).status_code == 302


def held_mailing(settings) -> Mailing:
    settings.ROUNDS_NEED_APPROVAL = True
    select = "SELECT decode(md5(n), 'hex') AS person_index, n AS recipient, 'ko' AS language FROM unnest(%(who)s) AS n"
    service.queue_all(kind="reminder", subject="round-1", select=select, params={"who": ["L1", "L2", "L3"]})
    return Mailing.objects.get()


def test_a_round_waits_for_two_people_and_can_be_paused(settings, at):
    at("2026-01-20T10:00+09:00")
    waiting = held_mailing(settings)
    first = as_staff(Client(), staff_user("supervisor", username="s1"))
    second = as_staff(Client(), staff_user("supervisor", username="s2"))

    def step(client: Client, name: str, seen: str = "") -> str:
        address = reverse(f"notices:mailing-{name}", args=[waiting.pk])
        return client.post(address, {"seen": seen or mailings.seal(waiting)}, follow=True).content.decode()

    shown = first.get(reverse("notices:sent")).content.decode()
    assert "3명에게 이 내용으로 보냅니다" in shown
    assert "보낼 번호가 없음" in shown
    assert not form()
    assert f'name="seen" value="{mailings.seal(waiting)}"' in shown
    assert "문자 내용이 바뀌었습니다" in step(first, "check", seen="another text")
    assert "처리했습니다" in step(first, "check")
    assert "다른 사람이 승인해야 합니다" in step(first, "approve")
    assert not form()
    assert "처리했습니다" in step(second, "approve")
    assert "먼저 처리했습니다" in step(second, "approve")
    assert "처리했습니다" in step(first, "pause")
    assert not form()
    assert "처리했습니다" in step(first, "resume")
    assert [batch.size for batch in form()] == [3], "they may leave"
    assert send_due() == 0, "none has a number"
    waiting.refresh_from_db()
    assert (waiting.checked_by.username, waiting.approved_by.username) == ("s1", "s2")
    actions = list(
        AuditEntry.objects.filter(object=f"round:{waiting.pk}").order_by("pk").values_list("action", flat=True)
    )
    assert actions == [f"notices.round_{word}" for word in ("checked", "approved", "paused", "resumed")]


def test_a_round_that_was_taken_back_waits_for_two_people_again(settings, at):
    at("2026-01-20T10:00+09:00")
    waiting = held_mailing(settings)
    first, other = (staff_user("supervisor", username=name) for name in ("s1", "s2"))
    mailings.check(mailing_id=waiting.pk, user=first, seen=mailings.seal(waiting))
    mailings.approve(mailing_id=waiting.pk, user=other)
    with pytest.raises(mailings.MailingError):
        mailings.take_back(mailing_id=waiting.pk, user=first)
    mailings.pause(mailing_id=waiting.pk, user=first)
    client = as_staff(Client(), first)
    assert "처음부터 다시 확인하기" in client.get(reverse("notices:sent")).content.decode()
    client.post(reverse("notices:mailing-take-back", args=[waiting.pk]))
    waiting.refresh_from_db()
    assert (waiting.state, waiting.checked_by, waiting.approved_by, waiting.ko) == ("HELD", None, None, "")
    assert not form()


def test_one_person_with_two_accounts_does_not_approve_alone(settings, at):
    waiting = held_mailing(settings)
    first, other = (staff_user("supervisor", username=name, ci="same") for name in ("s1", "s2"))
    mailings.check(mailing_id=waiting.pk, user=first, seen=mailings.seal(waiting))
    with pytest.raises(mailings.MailingError):
        mailings.approve(mailing_id=waiting.pk, user=other)


def test_others_do_not_steer_held_mailing(settings):
    waiting = held_mailing(settings)
    address = reverse("notices:mailing-check", args=[waiting.pk])
    assert as_staff(Client(), staff_user("auditor")).post(address).status_code == 403
    assert as_staff(Client(), staff_user("supervisor")).get(address).status_code == 405
