"""Verification against the stand-in for PortOne, through the official SDK and the pages."""

import datetime as dt
import difflib
import json
import re
import time
import urllib.request

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from eligibility.models import Customer
from kt_remedy.core import crypto, ratelimit
from kt_remedy.devtools.sandbox import inbox, portone
from kt_remedy.identity import provider, service
from kt_remedy.identity.forms import PassAppForm

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sandbox")]
NAME, BORN, DIGIT = "홍시험", "850315", "1"


@pytest.fixture(autouse=True)
def fresh_client():
    """Use the address of the stand-in of this run. Each test has its own numbers, so limits are not shared."""
    provider._client.cache_clear()
    yield
    provider._client.cache_clear()


_numbers = iter(range(10_000_000, 10_009_000))


def number(ending: str = "") -> str:
    text = f"010{next(_numbers)}"
    return text[: 11 - len(ending)] + ending


def fresh(ending: str) -> str:
    """Return a new number with a special ending."""
    return f"0108{next(_numbers) % 1000:03}{ending}"


def ask(client: Client, phone: str, *, way: str = "sms", name: str = NAME, following: str = "", **more):
    data = {"carrier": "KT", "name": name, "phone": phone, "born": BORN, "digit": DIGIT, **more}
    address = reverse("identity:who", args=[way]) + (f"?next={following}" if following else "")
    return client.post(address, data)


def code_sent_to(phone: str) -> str:
    return re.search(r"\d{6}", inbox.messages(to=phone)[0]["text"]).group()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def enter(client: Client, code: str = ""):
    return client.post(reverse("identity:code"), {"code": code} if code else {})


def person_of(client: Client):
    class Browser:
        session = client.session

    return service.person_of(Browser())


@pytest.mark.parametrize("carrier", provider.CARRIERS)
def test_a_code_by_sms_verifies_on_every_carrier(carrier):
    client, phone = Client(), number()
    assert ask(client, phone, carrier=carrier).status_code == 302
    answer = enter(client, code_sent_to(phone))
    assert answer.status_code == 302
    person = person_of(client)
    assert (person.name, person.phone, str(person.birth_date)) == (NAME, phone, "1985-03-15")
    assert person.ci_index == crypto.blind_index(portone.ci_of(NAME, "1985-03-15"), "ci")


def test_pass_app_needs_the_approval():
    client, phone = Client(), number()
    ask(client, phone, way="app")
    waiting = enter(client)
    assert "아직 승인되지 않았습니다" in waiting.content.decode()
    approve(phone)
    assert enter(client).status_code == 302
    assert person_of(client).phone == phone


def approve(phone: str) -> None:
    page = urllib.request.urlopen(f"{settings.SANDBOX_URL}/pass").read().decode()
    key = re.search(rf'{phone}.*?name="id" value="(.*?)"', page, re.S).group(1)
    urllib.request.urlopen(f"{settings.SANDBOX_URL}/pass", data=f"id={key}".encode())


def test_a_pasted_code_with_spaces_is_taken():
    client, phone = Client(), number()
    ask(client, phone)
    code = code_sent_to(phone)
    assert enter(client, f" {code[:3]} {code[3:]} ").status_code == 302


def test_a_wrong_code_says_so_and_the_right_one_still_works():
    client, phone = Client(), number()
    ask(client, phone)
    code = code_sent_to(phone)
    answer = enter(client, wrong(code))
    assert "인증번호가 다릅니다" in answer.content.decode()
    assert enter(client, code).status_code == 302


def test_five_wrong_codes_end_the_request():
    client, phone = Client(), number()
    ask(client, phone)
    code = code_sent_to(phone)
    for left in (4, 3, 2, 1):
        assert f"앞으로 {left}번 더 적으실 수 있습니다" in enter(client, wrong(code)).content.decode()
    assert "더 적으실 수 없습니다" in enter(client, wrong(code)).content.decode()
    assert enter(client, code)["Location"] == reverse("identity:start")
    assert person_of(client) is None


def test_an_expired_code_says_so():
    client, phone = Client(), fresh("9005")
    ask(client, phone)
    assert "시간이 지났습니다" in enter(client, code_sent_to(phone)).content.decode()


def test_a_new_code_waits_half_a_minute_and_voids_the_old(monkeypatch):
    client, phone = Client(), number()
    ask(client, phone)
    old = code_sent_to(phone)
    client.post(reverse("identity:again"))
    assert code_sent_to(phone) == old, "too early"
    monkeypatch.setattr(service, "RESEND_SECONDS", 0)
    for _ in range(20):  # a new code may be the old one by chance
        client.post(reverse("identity:again"))
        if code_sent_to(phone) != old:
            break
    if (new := code_sent_to(phone)) != old:
        assert enter(client, old).status_code == 200
    assert enter(client, new).status_code == 302


@pytest.mark.parametrize(
    ("ending", "status"), [("9001", 503), ("9002", 503), ("9003", 302)], ids=["down", "hangs", "slow"]
)
def test_a_service_in_trouble_ends_in_a_clear_page_in_time(ending, status, monkeypatch):
    monkeypatch.setattr(provider, "TIMEOUT_SECONDS", 4.0)
    began = time.monotonic()
    answer = ask(Client(), fresh(ending))
    assert answer.status_code == status
    assert time.monotonic() - began < 6
    if status == 503:
        assert "지금은 본인 확인이 되지 않습니다" in answer.content.decode()


@pytest.mark.parametrize("ending", ["9004", "9008"])
def test_what_the_carrier_refuses_stays_on_the_form(ending):
    answer = ask(Client(), fresh(ending))
    assert answer.status_code == 200
    assert "본인 확인을 할 수 없습니다" in answer.content.decode()


def test_without_ci_the_person_is_led_to_store_and_call_centre():
    client, phone = Client(), fresh("9007")
    ask(client, phone)
    assert enter(client, code_sent_to(phone))["Location"] == reverse("identity:elsewhere")
    assert person_of(client) is None


def test_an_answer_lost_on_the_way_is_asked_for_again():
    client, phone = Client(), number()
    ask(client, phone)
    pending = service.PendingVerification(**client.session["identity_pending"])
    provider.confirm(pending.key, code_sent_to(phone))  # confirmed, but the answer never reached the browser
    assert enter(client, "000000").status_code == 302
    assert person_of(client).phone == phone


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/identity/elsewhere/", "/identity/elsewhere/"),
        ("https://evil.example/", ""),
        ("//evil.example/", ""),
        ("/\\evil.example", ""),
        ("/no-such-page/", ""),
        ("javascript:alert(1)", ""),
        ("/identity/leave/", ""),
    ],
)
def test_only_own_pages_are_returned_to(wanted, goes):
    client, phone = Client(), number()
    ask(client, phone, following=wanted)
    assert enter(client, code_sent_to(phone))["Location"] == (goes or reverse("portal:my-lines"))


def test_birth_date_and_digit_are_kept_nowhere(caplog, capfd):
    client, phone = Client(), number()
    with caplog.at_level("DEBUG"):
        ask(client, phone)
        enter(client, code_sent_to(phone))
    rows = " ".join(str(row.get_decoded()) for row in Session.objects.all())
    written = rows + caplog.text + "".join(capfd.readouterr())
    assert BORN + DIGIT not in written
    assert phone not in rows
    assert NAME not in rows


def test_the_number_of_codes_to_a_number_ends_and_says_when():
    phone = number()
    for _ in range(5):
        assert ask(Client(), phone).status_code == 302
    answer = ask(Client(), phone)
    assert answer.status_code == 429
    assert re.search(r"(60|59)분 뒤에", answer.content.decode())


def test_a_limit_of_a_day_is_said_in_hours(monkeypatch):
    monkeypatch.setattr(service, "SENDS_PER_NUMBER", ((1, 86_400),))
    phone = number()
    ask(Client(), phone)
    assert "24시간 안에" in ask(Client(), phone).content.decode()


def test_wrong_codes_add_up_over_requests_of_one_person(monkeypatch):
    monkeypatch.setattr(service, "SENDS_PER_NUMBER", ((100, 3600),))
    phone = number()
    statuses = []
    for _ in range(3):
        client = Client()
        statuses.append(ask(client, phone).status_code)
        if statuses[-1] == 302:
            statuses += [enter(client, wrong(code_sent_to(phone))).status_code for _ in range(5)]
    assert statuses == [302, *[200] * 5, 302, *[200] * 5, 429]


@pytest.fixture
def waits(monkeypatch):
    """The seconds that requests were made to wait, without waiting."""
    waited: list[float] = []

    class Clock:
        time = staticmethod(time.time)
        sleep = staticmethod(waited.append)

    monkeypatch.setattr(service, "time", Clock)
    return waited


def test_a_network_above_its_limit_is_slowed_and_never_blocked(monkeypatch, waits):
    monkeypatch.setattr(service, "SENDS_PER_NETWORK", ((2, 600),))
    ours, theirs = Client(REMOTE_ADDR="203.0.113.7"), Client(REMOTE_ADDR="198.51.100.7")
    assert [ask(ours, number()).status_code for _ in range(2)] == [302, 302]
    assert waits == []
    assert [ask(ours, number()).status_code for _ in range(2)] == [302, 302]
    assert waits == [service.SLOW_SECONDS] * 2
    assert ask(theirs, number()).status_code == 302
    assert len(waits) == 2, "another network does not wait"


def refusing(monkeypatch, kind=provider.Mismatch):
    def refuse(*args, **kwargs):
        raise kind("MISMATCH")

    monkeypatch.setattr(provider, "send", refuse)


@pytest.mark.parametrize("way", ["sms", "app"])
@pytest.mark.parametrize("kind", [provider.Mismatch, provider.Unavailable])
def test_a_stranger_with_a_wrong_name_keeps_nobody_out_of_their_number(monkeypatch, way, kind):
    phone = number()
    with monkeypatch.context() as patch:
        refusing(patch, kind)
        for _ in range(12):
            assert ask(Client(), phone, way=way, name="남모름").status_code in (200, 503)
    for _ in range(5):
        assert ask(Client(), phone, way=way).status_code == 302
    assert ask(Client(), phone, way=way).status_code == 429, "sends that the carrier accepted count"


def test_app_and_code_count_apart():
    phone = number()
    assert [ask(Client(), phone, way="app").status_code for _ in range(6)] == [302] * 5 + [429]
    assert ask(Client(), phone).status_code == 302


def test_mismatches_count_against_the_browser_and_slow_the_network(monkeypatch, waits):
    monkeypatch.setattr(service, "MISMATCHES_PER_BROWSER", ((3, 3600),))
    monkeypatch.setattr(service, "MISMATCHES_PER_NETWORK", ((4, 600),))
    guesser, neighbour = Client(REMOTE_ADDR="203.0.113.50"), Client(REMOTE_ADDR="203.0.113.51")
    with monkeypatch.context() as patch:
        refusing(patch)
        assert [ask(guesser, number()).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert waits == []
        assert ask(neighbour, number()).status_code == 200
    assert waits == []
    assert ask(neighbour, number()).status_code == 302
    assert waits == [service.SLOW_SECONDS], "slower, but in"
    assert ask(guesser, number()).status_code == 429


def test_parallel_sends_to_one_number_are_all_counted(monkeypatch):
    """Each is counted before the carrier answers, so that none slips through meanwhile."""
    phone, sent = number(), []

    def send(*args, **kwargs):
        sent.append(1)
        if len(sent) < 8:  # the next one arrives while this one waits for the carrier
            ask(Client(), phone)

    monkeypatch.setattr(provider, "send", send)
    ask(Client(), phone)
    assert len(sent) == 5


def test_limits_hold_no_number_and_end_by_themselves():
    phone = number()
    ask(Client(), phone)
    key = f"identity:sends:SMS:{crypto.blind_index(phone, 'msisdn').hex()}:3600"
    assert ratelimit.peek(key, limit=1, seconds=3600).allowed is False
    assert ratelimit.peek(key, limit=2, seconds=3600).allowed is True


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("carrier", "", "통신사를 골라 주세요"),
        ("name", "", "이름을 적어 주세요"),
        ("phone", "0212345678", "010으로 시작하는"),
        ("phone", "01912345678", "010으로 시작하는"),
        ("born", "851332", "850315처럼"),
        ("born", "8503151234567", ""),
        ("digit", "12", "첫 숫자 하나만"),
        ("digit", "a", "숫자 하나를"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(field, value, error):
    answer = ask(Client(), **{"phone": number(), field: value})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert error in text
    assert "error-summary" in text


def test_no_page_asks_for_more_than_three_things():
    first = {"carrier": "KT", "name": "nguyen van a", "phone": number()}
    page = Client().post(reverse("identity:who", args=["sms"]), first).content.decode()
    assert "error-summary" not in page
    assert 'type="hidden" name="name" value="nguyen van a"' in page
    assert 'name="born"' in page
    assert 'name="born"' not in Client().get(reverse("identity:who", args=["sms"])).content.decode()


def test_latin_letters_become_capitals():
    form = PassAppForm({"carrier": "KT", "name": "nguyen van a", "phone": "01012345678"})
    assert form.is_valid()
    assert form.cleaned_data["name"] == "NGUYEN VAN A"


@pytest.mark.parametrize("written", ["010-1234-{}", "010 1234 {}", "+82 10 1234 {}", "０１０-1234-{}"])
def test_a_number_may_be_written_as_people_write_it(written):
    end = f"{next(_numbers) % 8000:04}"
    client = Client()
    assert ask(client, written.format(end)).status_code == 302
    assert code_sent_to(f"0101234{end}")


def test_a_control_request_takes_the_whole_service_down():
    def control(mode: str) -> None:
        data = json.dumps({"identity": mode}).encode()
        urllib.request.urlopen(f"{settings.SANDBOX_URL}/portone/control", data=data)

    control("down")
    try:
        assert ask(Client(), number()).status_code == 503
    finally:
        control("")
    assert ask(Client(), number()).status_code == 302


@pytest.mark.parametrize("name", ["start", "elsewhere", "leave"])
def test_pages_that_need_nobody_open(name):
    assert Client().get(reverse(f"identity:{name}")).status_code == 200


def test_without_a_request_the_code_page_leads_to_the_start():
    for act in (Client().get, Client().post):
        assert act(reverse("identity:code"))["Location"] == reverse("identity:start")


def test_a_check_that_is_over_says_so_and_keeps_the_way(monkeypatch):
    client, phone = Client(), number()
    ask(client, phone, following="/refunds/apply/")
    monkeypatch.setattr(service, "IDLE_SECONDS", -1)
    answer = client.post(reverse("identity:code"), {"code": "123456"}, follow=True)
    assert answer.redirect_chain == [("/identity/?next=%2Frefunds%2Fapply%2F", 302)]
    assert "시간이 지났거나 이미 끝난 본인 확인입니다" in answer.content.decode()


def test_back_after_a_check_goes_on_instead_of_asking_again():
    client, phone = Client(), number()
    ask(client, phone)
    enter(client, code_sent_to(phone))
    assert client.get(reverse("identity:code"))["Location"] == reverse("portal:my-lines")


def test_leaving_ends_the_session():
    client, phone = Client(), number()
    ask(client, phone)
    enter(client, code_sent_to(phone))
    assert client.post(reverse("identity:leave")).status_code == 302
    assert person_of(client) is None


def test_customers_and_strangers_get_the_same_answers():
    known = Customer(
        customer_no="K1",
        person_index=crypto.blind_index(portone.ci_of("홍고객", "1985-03-15"), "ci"),
        holder_kind="PERSON",
        name_index=b"",
        digest=b"",
        as_of=dt.date(2026, 1, 20),
    )
    known.holder_name = "홍고객"
    known.save()
    answers = []
    for name in ("홍고객", "홍손님"):
        client, phone = Client(), number()
        requested = ask(client, phone, name=name)
        page = client.get(reverse("identity:code"))
        assert f"보낸 지 {service.RESEND_SECONDS}초가 지나면" in page.content.decode()
        text = re.sub(
            r'(csrfmiddlewaretoken" value=")[^"]*|010-\*+-\d{4}', "", page.content.decode().partition("<main")[2]
        )
        done = enter(client, code_sent_to(phone))
        answers.append((requested.status_code, requested["Location"], text, done.status_code, done["Location"]))
    assert answers[0][:2] + answers[0][3:] == answers[1][:2] + answers[1][3:]
    assert list(difflib.unified_diff(answers[0][2].splitlines(), answers[1][2].splitlines(), n=0)) == []
