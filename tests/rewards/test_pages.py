"""Pages of the perks: guardians, the desk, published entries, vouchers, the certificate and the report."""

import datetime as dt
import re
import tomllib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from eligibility.models import Customer, Line
from kt_remedy.audit.models import AuditEntry
from kt_remedy.content import service as content
from kt_remedy.content.models import Entry, Place
from kt_remedy.core import persons, programme
from kt_remedy.notices.models import Message
from kt_remedy.staff.models import User
from refunds.applications import desk_sessions
from rewards import service
from rewards.models import BaseLine, Entitlement, Grant, Voucher
from tests import sessions
from tests.desk import url
from tests.refunds import make
from tests.rewards import running

FEBRUARY = "2026-02-02T10:00+09:00"


@pytest.fixture
def child(make_line):
    """A child of fifteen whose guardian holds no line of KT at all."""

    holder = make.customer(name="이몽룡", birth="2010-05-05")
    Customer.objects.filter(pk=holder.pk).update(guardian_ci_index=persons.ci_index("guardian"))
    return make_line(holder)


def publish(place: str, key: str, title: str, body: str = "", english: str = "") -> None:
    from kt_remedy.core import clock

    entry = Entry(place=place, key=key, title_ko=title, title_en=english, body_ko=body, shown_from=clock.today())
    content.add_version(by=sessions.staff_user("administrator"), entry=entry)


def test_a_guardian_with_another_carrier_chooses_and_applies(client: Client, take_base, at, child):
    take_base()
    at(FEBRUARY)
    client = sessions.as_customer(client, sessions.person("guardian", name="이진사"))
    page = client.get(reverse("rewards:mine")).content.decode()
    assert "자녀 이*룡 님의 혜택" in page
    body = {"perk": "OTT", "contract": child.pk, "choice": "TVING", "ward": child.customer_id}
    client.post(reverse("rewards:choose"), body)
    assert Entitlement.objects.get(perk="OTT").choice == "TVING"
    client.post(reverse("rewards:apply"), {"perk": "INSURANCE", "ward": child.customer_id})
    assert Entitlement.objects.get(perk="INSURANCE").kind == "APPLICATION"
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["TV-9"])
    english = {"accept-language": "en"}
    assert "TV-9" in client.post(reverse("rewards:code"), body, follow=True, headers=english).content.decode()
    assert dict(Message.objects.values_list("kind", "language")) == {"rewards.applied": "ko", "rewards.code": "en"}
    assert AuditEntry.objects.get(action="rewards.chosen").detail["guardian"] is True


def test_only_what_starts_by_itself_is_said_to(client: Client, take_base, at, make_line):
    holder = make.customer(ci="adult")
    make_line(holder)
    take_base()
    at("2026-01-20T10:00+09:00")
    shown = service.overview(holder.person_index)
    assert [card.perk.mode for card in shown.later_cards] == ["CHOICE"], "it is lost without a choice"
    assert {card.perk.mode for card in shown.automatic_cards} == {"AUTOMATIC"}
    page = sessions.as_customer(client, sessions.person("adult")).get(reverse("rewards:mine")).content.decode()
    assert page.index('id="later"') < page.index('id="p-OTT-') < page.index('id="auto"') < page.index('id="p-DATA')
    assert len(shown.cards) == sum(
        len(group) for group in (shown.pending_cards, shown.later_cards, shown.automatic_cards, shown.other_cards)
    )


def test_nobody_else_acts_for_a_child_nor_the_guardian_of_a_grown_one(client: Client, take_base, at, child):
    take_base()
    at(FEBRUARY)
    body = {"perk": "OTT", "contract": child.pk, "choice": "TVING", "ward": child.customer_id}
    stranger = sessions.as_customer(Client(), sessions.person("stranger"))
    assert "고를 수 없는 혜택입니다" in stranger.post(reverse("rewards:choose"), body, follow=True).content.decode()
    alone = sessions.as_customer(Client(), sessions.person(child.customer.ci))
    del body["ward"]
    assert "보호자의 동의가 필요합니다" in alone.post(reverse("rewards:choose"), body, follow=True).content.decode()
    Customer.objects.filter(pk=child.customer_id).update(birth_date=dt.date(2007, 2, 2))  # nineteen today
    client = sessions.as_customer(client, sessions.person("guardian"))
    assert "자녀" not in client.get(reverse("rewards:mine")).content.decode()
    client.post(reverse("rewards:choose"), body | {"ward": child.customer_id})
    assert not Entitlement.objects.exists()


def test_open_texts_are_announced_until_staff_publish_them(client: Client, take_base, at, make_line):
    line = make_line(make.customer())
    take_base()
    at(FEBRUARY)
    client = sessions.as_customer(client, sessions.person(line.customer.ci))
    before = client.get(reverse("rewards:mine")).content.decode()
    assert before.count("정해지는 대로 알려 드립니다") == 6  # four categories and two plans
    assert "보험사와 한도는 정해지는 대로" in before
    publish(Place.PARTNER, "coffee", "가나커피", "달마다 아메리카노 한 잔", english="Gana Coffee")
    publish(Place.PARTNER, "coffee-2", "다라커피")
    publish(Place.PARTNER, "ice-cream", "마바아이스")
    publish(Place.PLAN, "tving", "광고형 스탠다드")
    publish(Place.INSURER, "limit", "보장 한도", "한 사람에 삼백만 원까지")
    after = client.get(reverse("rewards:mine")).content.decode()
    for text in ("가나커피", "다라커피", "마바아이스", "광고형 스탠다드", "한 사람에 삼백만 원까지"):
        assert text in after
    assert after.count("정해지는 대로 알려 드립니다") == 3
    client.cookies["django_language"] = "en"
    assert "Gana Coffee" in client.get(reverse("rewards:mine"), HTTP_ACCEPT_LANGUAGE="en").content.decode()


@pytest.mark.parametrize(
    ("plan", "shown", "hidden"),
    [
        ({}, ["이미 무제한 요금제를 쓰시면 달라지는 것은 없습니다"], ["이미 무제한 요금제를 쓰고 계셔서"]),
        (
            {"plan_name": "넉넉한 80", "plan_data": "UNLIMITED"},
            ["넉넉한 80", "이미 무제한 요금제를 쓰고 계셔서", '<p class="tag">이미 무제한</p>'],
            ["이미 무제한 요금제를 쓰시면"],
        ),
        ({"plan_name": "알뜰한 5", "plan_data": "LIMITED"}, ["알뜰한 5"], ["이미 무제한"]),
    ],
    ids=["unknown", "unlimited", "limited"],
)
def test_the_card_of_the_data_names_the_price_plan(client: Client, take_base, at, make_line, plan, shown, hidden):
    line = make_line(make.customer(), **plan)
    take_base()
    at(FEBRUARY)
    customer = sessions.as_customer(client, sessions.person(line.customer.ci))
    desk = open_desk_session(sessions.as_staff(Client(), sessions.staff_user("clerk")), line.customer)
    page = re.sub(r"\s*([<>])\s*", r"\1", customer.get(reverse("rewards:mine")).content.decode())
    assert [text for text in shown if text not in page] == []
    assert [text for text in hidden if text in page] == []
    if plan:
        assert plan["plan_name"] in desk.get(url(desk, "desk-perks")).content.decode()


def test_the_certificate_is_for_the_insured(client: Client, take_base, at, make_line):
    line = make_line(make.customer(birth="1950-01-01"))
    take_base()
    at(FEBRUARY)
    client = sessions.as_customer(client, sessions.person(line.customer.ci, name="김첨지"))
    address = reverse("rewards:certificate", args=["INSURANCE"])
    assert "보험사가 정해지고" in client.get(address, follow=True).content.decode(), "no insurer, no certificate"
    assert address not in client.get(reverse("rewards:mine")).content.decode()
    publish(Place.INSURER, "insurer", "보험사", "가나손해보험")
    assert address in client.get(reverse("rewards:mine")).content.decode()
    page = client.get(address).content.decode()
    assert "김첨지" in page
    assert "2026년 2월\u00a01일 ~ 2028년 1월\u00a031일" in page
    number = service.certificate(perk_code="INSURANCE", person_index=line.customer.person_index).number
    assert number in page
    client.post(reverse("rewards:opt-out"), {"perk": "INSURANCE"})
    assert "확인서를 드릴 수 없습니다" in client.get(address, follow=True).content.decode()
    assert client.get(reverse("rewards:certificate", args=["NOPE"])).status_code == 302


def open_desk_session(client: Client, customer: Customer, *, proven: bool = True) -> Client:
    """Opens a desk session of this clerk with the customer."""
    staff = User.objects.get(pk=client.session["_auth_user_id"])
    row = desk_sessions.open_session(staff=staff, customer=customer)
    desk_sessions.set_comer(row, "SELF", "")
    if proven:
        desk_sessions.prove(row, proof={"method": "ID_CARD", "type": "RESIDENT"}, contact="01055557720")
    return client


def test_the_desk_chooses_and_applies_for_a_proven_customer(take_base, at, make_line):
    line = make_line(make.customer())
    take_base()
    at(FEBRUARY)
    service.import_vouchers(perk_code="OTT", choice_code="DISNEY", codes=["DIS-1"])
    clerk = sessions.staff_user("clerk")
    client = sessions.as_staff(Client(), clerk)
    body = {"act": "choose", "perk": "OTT", "contract": line.pk, "choice": "DISNEY"}
    open_desk_session(client, line.customer, proven=False)
    address = url(client, "desk-perks")
    assert client.post(address, body).url == url(client, "desk-customer")
    assert not Entitlement.objects.exists()
    open_desk_session(client, line.customer)
    assert "대신 고르고 신청하기" in client.get(url(client, "desk-customer")).content.decode()
    assert "서비스를 눌러 주세요" in client.post(address, body | {"choice": ""}, follow=True).content.decode()
    client.post(address, body)
    assert "DIS-1" in client.post(address, {**body, "act": "code"}, follow=True).content.decode()
    assert "바꿀 수 없습니다" in client.post(address, body | {"choice": "TVING"}, follow=True).content.decode()
    client.post(address, {"act": "apply", "perk": "INSURANCE"})
    assert set(Entitlement.objects.values_list("perk", "made_by")) == {("OTT", clerk.pk), ("INSURANCE", clerk.pk)}
    assert AuditEntry.objects.filter(actor=f"staff:{clerk.pk}", action="look.desk").exists()
    client.post(address, {"act": "opt-out", "perk": "INSURANCE"})
    assert Entitlement.objects.get(perk="INSURANCE").kind == "OPT_OUT"
    client.post(address, {"act": "burn", "perk": "INSURANCE"})
    assert Entitlement.objects.count() == 2


def test_at_the_desk_a_child_needs_the_guardian_beside(take_base, at, child):
    take_base()
    at(FEBRUARY)
    client = open_desk_session(sessions.as_staff(Client(), sessions.staff_user("clerk")), child.customer)
    address = url(client, "desk-perks")
    body = {"act": "choose", "perk": "OTT", "contract": child.pk, "choice": "TVING"}
    assert "보호자의 동의가 필요합니다" in client.post(address, body, follow=True).content.decode()
    client.post(address, body | {"guardian": "1"})
    assert Entitlement.objects.get().choice == "TVING"


def test_a_company_and_a_holder_without_ci_choose_at_the_desk(take_base, at, make_line):
    company = make_line(make.customer(ci=None, kind="CORPORATE", birth=None))
    unknown = make_line(make.customer(ci=None))
    take_base()
    at(FEBRUARY)
    for line in (company, unknown):
        client = open_desk_session(sessions.as_staff(Client(), sessions.staff_user("clerk")), line.customer)
        body = {"act": "choose", "perk": "OTT", "contract": line.pk, "choice": "TVING"}
        client.post(url(client, "desk-perks"), body)
        assert Entitlement.objects.get(contract_no=line.pk).choice == "TVING"
    assert [card.perk.code for card in service.overview(company.customer.person_index).personal] == []
    # Billing learns the CI later: the choice stays with the person.
    Customer.objects.filter(pk=unknown.customer_id).update(person_index=b"late" * 8)
    assert {card.perk.code: card.state for card in service.overview(b"late" * 8).cards}["OTT"] == "CHOSEN"


def test_a_number_given_away_gets_no_message(take_base, at, make_line):
    from kt_remedy.notices.models import Message

    line = make_line(make.customer())
    take_base()
    at(FEBRUARY)
    Line.objects.filter(pk=line.pk).update(customer=make.customer())
    service.apply(perk_code="INSURANCE", person_index=line.customer.person_index)
    assert Message.objects.get().reason == "NO_NUMBER"


def test_a_new_perk_is_an_edit_of_the_programme_file(client: Client, take_base, at, make_line, monkeypatch):

    text = (
        programme.DEFAULT_FILE.read_text(encoding="utf-8")
        + """
[[perk]]
code = "FILM_TICKET"
mode = "AUTOMATIC"
unit = "LINE"
starts = 2026-03-01
months = 2
excluded_products = ["WATCH"]
"""
    )
    parsed = programme.parse(tomllib.loads(text))
    monkeypatch.setattr(programme, "current", lambda: parsed)
    holder = make.customer()
    phone, watch = make_line(holder), make_line(holder, product="WATCH")
    take_base()
    at(FEBRUARY)
    having = BaseLine.objects.filter(perks__contains=["FILM_TICKET"]).values_list("pk", flat=True)
    assert list(having) == [phone.pk]
    assert watch.pk not in having
    cards = [card for card in service.overview(holder.person_index).cards if card.perk.code == "FILM_TICKET"]
    assert [(card.state, card.ends_on) for card in cards] == [("COMING", dt.date(2026, 4, 30))]
    publish(Place.PLAN, "film-ticket", "영화표 한 장", "달마다 한 장을 드립니다.")
    client = sessions.as_customer(client, sessions.person(holder.ci))
    page = client.get(reverse("rewards:mine")).content.decode()
    assert "영화표 한 장" in page
    assert "달마다 한 장을 드립니다." in page


def test_the_state_on_the_base_date_may_decide_once(take_base, at, make_line, monkeypatch):
    """The strict reading of D-48 is one line of the programme file."""

    text = programme.DEFAULT_FILE.read_text(encoding="utf-8")
    strict = text.replace('skipped_while = ["SUSPENDED"]', 'skipped_while = ["SUSPENDED"]\nskipped_once = true')
    parsed = programme.parse(tomllib.loads(strict))
    monkeypatch.setattr(programme, "current", lambda: parsed)
    suspended, active = make_line(make.customer(), status="SUSPENDED"), make_line(make.customer())
    take_base()
    at("2026-02-01T00:05+09:00")
    Line.objects.filter(pk=suspended.pk).update(status="ACTIVE")
    Line.objects.filter(pk=active.pk).update(status="SUSPENDED")
    running.grant_month(dt.date(2026, 2, 1))
    assert list(Grant.objects.values_list("contract_no", "state")) == [(active.pk, "GRANTED")]
    assert "OTT" in BaseLine.objects.get(pk=suspended.pk).perks


def test_a_guardian_reads_why_a_child_s_line_is_outside_the_base(client: Client, take_base, at, child, make_line):
    make_line(child.customer, network="MVNO")
    take_base()
    at(FEBRUARY)
    guardian = sessions.as_customer(client, sessions.person("guardian"))
    page = guardian.get(reverse("rewards:mine")).content.decode()
    assert "보호자로서 대신" in page
    assert "다른 사업자(알뜰폰)의 회선이라" in page


def test_a_child_with_no_line_in_the_base_is_told_why(client: Client, take_base, at, child):
    Line.objects.filter(pk=child.pk).update(network="MVNO")
    take_base()
    page = sessions.as_customer(client, sessions.person("guardian")).get(reverse("rewards:mine")).content.decode()
    assert "자녀" in page
    assert "다른 사업자(알뜰폰)의 회선이라" in page
    assert "보호자로서 대신" not in page


def test_figures_name_the_perks_in_both_languages(client: Client, take_base, at, make_line):
    line = make_line(make.customer())
    take_base()
    at(FEBRUARY)
    service.import_vouchers(perk_code="OTT", choice_code="DISNEY", codes=["DIS-1"])
    key = line.customer.person_index
    service.choose(perk_code="OTT", contract_no=line.pk, choice_code="DISNEY", person_index=key)
    running.grant_month(dt.date(2026, 2, 1))
    client = sessions.as_staff(client, sessions.staff_user("supervisor"))
    korean = client.get(reverse("rewards:report")).content.decode()
    client.cookies["django_language"] = "en"
    english = client.get(reverse("rewards:report"), HTTP_ACCEPT_LANGUAGE="en").content.decode()
    for text in ("데이터 매월 100GB", "로밍 데이터 50% 더", "영상 서비스 6개월 선택 Disney+", "안심 보험 2년"):
        assert text in korean
    for text in ("100 GB of data each month", "50% more roaming data", "A video service for 6 months"):
        assert text in english
    for page in (korean, english):
        assert "DATA_100GB" not in page
        assert "ROAMING_50" not in page


def upload(client: Client, content: bytes, **given: str):
    file = SimpleUploadedFile("codes.txt", content)
    body = {"service": "OTT:TVING", "reason": "2월 구매분", "file": file, **given}
    return client.post(reverse("admin:rewards_voucher_upload"), body, follow=True)


def test_staff_upload_codes_with_a_reason(client: Client, db):
    user = sessions.staff_user("administrator")
    client = sessions.as_staff(client, user)
    assert "영상 서비스 6개월 TVING" in client.get(reverse("admin:rewards_voucher_upload")).content.decode()
    done = upload(client, b"\xef\xbb\xbfTV-001\r\nTV-002\r\n\r\nTV-001\r\n").content.decode()
    assert "새 번호 2개를 올렸습니다. 이미 있거나 두 번 적힌 번호 1개" in done
    assert "TV-001" not in done
    assert (
        "새 번호 0개를 올렸습니다. 이미 있거나 두 번 적힌 번호 2개"
        in upload(client, b"TV-001\nTV-002").content.decode()
    )
    assert {voucher.code for voucher in Voucher.objects.filter(choice="TVING")} == {"TV-001", "TV-002"}
    entry = AuditEntry.objects.filter(action="rewards.vouchers_imported").earliest("id")
    assert (entry.actor, entry.reason, entry.detail) == (f"staff:{user.pk}", "2월 구매분", {"new": 2, "offered": 3})


@pytest.mark.parametrize(
    ("content", "upload_fields", "sentence"),
    [
        (b"code,service\nTV-003,TVING", {}, "1번째 줄은 이용권 번호가 아닙니다"),
        (b"TV-003\n\nTV 004", {}, "3번째 줄은 이용권 번호가 아닙니다"),
        (b"PK\x03\x04\xff\xfe", {}, "텍스트 파일(UTF-8)이 아닙니다"),
        (b"\n \n", {}, "번호가 하나도 없는 파일입니다"),
        (b"", {}, "빈 파일입니다"),
        (b"TV-003", {"reason": " "}, "이유를 적어 주세요"),
        (b"TV-003", {"service": "OTT:NOPE"}, "서비스를 골라 주세요"),
    ],
)
def test_a_file_that_is_no_list_of_codes_changes_nothing(client: Client, db, content, upload_fields, sentence):
    client = sessions.as_staff(client, sessions.staff_user("supervisor"))
    answer = upload(client, content, **upload_fields)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not Voucher.objects.exists()


def test_codes_are_taken_in_only_with_a_second_factor_just_shown(client: Client, db):
    client = sessions.as_staff(client, sessions.staff_user("supervisor"))
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - 301} for record in session["account_authentication_methods"]
    ]
    session.save()
    answer = client.get(reverse("admin:rewards_voucher_upload"))
    assert answer.url.startswith(reverse("mfa_reauthenticate"))
    upload(client, b"TV-003")
    assert not Voucher.objects.exists()
