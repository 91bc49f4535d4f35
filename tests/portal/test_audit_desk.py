"""The auditor's desk: the search, unusual behaviour by its thresholds, the monthly review, heads."""

import datetime as dt
import time

import pytest
from django.test import Client
from django.urls import reverse

from kt_remedy.audit import chain, heads, reviews
from kt_remedy.audit import service as audit
from kt_remedy.audit import unusual as rules
from kt_remedy.audit.models import AuditEntry, LookMark, MonthlyReview
from kt_remedy.core.errors import Refused
from tests.refunds import make
from tests.sessions import as_staff, staff_user

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 1, 16)


@pytest.fixture
def auditor(january):
    return as_staff(Client(), staff_user("auditor"))


def act(user, action="look.desk", subject="", store=""):
    token = audit.reader.set(lambda: (audit.actor(user), user.roles[0], store))
    try:
        detail = {"area": "desk"} if action == "look.desk" else {}
        return audit.record(actor=audit.actor(user), action=action, object="page", subject=subject, detail=detail)
    finally:
        audit.reader.reset(token)


def found(own_of=lambda actor: []):
    return [(one.kind, one.actor, one.count) for one in rules.find(since=DAY, until=DAY, own_of=own_of)]


def search(auditor, **fields):
    answer = auditor.get(reverse("portal:audit"), fields)
    return [row.pk for row, *_rest in answer.context["rows"]], answer


def test_the_search_narrows_by_each_field(auditor):
    line = make.line(make.customer())
    agent, clerk = staff_user("agent"), staff_user("clerk")
    one = act(agent, subject=line.customer_id)
    two = act(clerk, subject="C-other", store="S-0001")
    three = act(clerk, "note.written", subject=line.customer_id)
    many = audit.record(actor="staff:0", action="look.desk", object="list", customers=[line.customer_id, "C-other"])
    assert search(auditor, customer=line.customer_id)[0] == [many.pk, three.pk, one.pk]
    by_line = search(auditor, customer=line.pk)[0]  # the first search stands in it too
    assert by_line[1:] == [many.pk, three.pk, one.pk]
    assert search(auditor, staff="clerk")[0] == [three.pk, two.pk]
    assert search(auditor, kind="note")[0] == [three.pk]
    assert search(auditor, store="S-0001")[0] == [three.pk, two.pk]
    assert one.pk in search(auditor, since="2026-01-16", until="2026-01-16")[0]
    assert search(auditor, since="2026-01-17")[0] == []
    assert "이 조건에 맞는 기록이 없습니다" in search(auditor, since="2026-01-17")[1].content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"staff": "nobody-here"}, "그런 직원 계정이 없습니다."),
        ({"since": "2026-01-17", "until": "2026-01-16"}, "시작한 날보다 뒤의 날을 적어 주세요."),
    ],
)
def test_a_wrong_search_says_what_is_wrong(auditor, fields, sentence):
    answer = auditor.get(reverse("portal:audit"), fields)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_the_search_is_a_look_too(auditor):
    holder = make.customer()
    act(staff_user("agent"), subject=holder.pk)
    search(auditor, customer=holder.pk)
    entry = AuditEntry.objects.filter(role="auditor", action="look.admin").latest("id")
    assert (entry.object, entry.subject) == ("audit", holder.pk)


@pytest.mark.parametrize(("customers", "unusual"), [(29, []), (30, ["walk"])])
def test_a_walk_through_customers_in_one_hour(january, customers, unusual):
    for n in range(customers):
        act(staff_user("agent"), subject=f"C{n}")
    assert [kind for kind, _actor, _count in found()] == unusual


@pytest.mark.parametrize(
    ("moment", "unusual"),
    [
        ("2026-01-16T06:59:59+09:00", ["night"]),
        ("2026-01-16T07:00:00+09:00", []),
        ("2026-01-16T21:59:00+09:00", []),
        ("2026-01-16T22:00:30+09:00", ["night"]),
    ],
)
def test_a_look_at_night(at, moment, unusual):
    at(moment)
    act(staff_user("agent"), subject="C1")
    assert [kind for kind, _actor, _count in found()] == unusual


def test_own_looks_reveals_exports_and_searches_without_an_act(january):
    agent, maker = staff_user("agent"), staff_user("maker")
    for n in range(15):
        act(agent, "customer.searched", subject=f"C{n}")
    for _n in range(10):
        act(maker, "reveal.account", subject="C1")
    for _n in range(5):
        act(maker, "list.exported")
    kinds = found(lambda actor: ["C3"] if actor == audit.actor(agent) else [])
    assert kinds == [
        ("own", audit.actor(agent), 1),
        ("reveals", audit.actor(maker), 10),
        ("searches", audit.actor(agent), 15),
        ("exports", audit.actor(maker), 5),
    ]
    act(agent, "note.written", subject="C3")  # something was done for one of them
    assert ("searches", audit.actor(agent), 15) not in found()


def test_the_auditor_marks_a_finding_after_checking_it(auditor, at):
    at("2026-01-16T23:00+09:00")
    entry = act(staff_user("agent"), subject="C1")
    at("2026-01-17T10:00+09:00")
    page = auditor.get(reverse("portal:audit-unusual"))
    assert "업무 시간이 아닌 때 봄" in page.content.decode()
    ((_finding, _who, key, _url),) = page.context["rows"]
    assert auditor.post(reverse("portal:audit-unusual"), {"finding": key, "reason": ""}).status_code == 422
    assert auditor.post(reverse("portal:audit-unusual"), {"finding": "night:x", "reason": "봄"}).status_code == 404
    for _n in range(2):
        assert auditor.post(reverse("portal:audit-unusual"), {"finding": key, "reason": "확인"}).status_code == 302
    assert LookMark.objects.get().entry == entry


def test_nothing_unusual_says_so(auditor):
    assert "평소와 다른 조회가 없습니다" in auditor.get(reverse("portal:audit-unusual")).content.decode()


def test_a_finished_month_is_signed_once_with_a_fresh_factor_and_sealed(auditor, at):
    act(staff_user("agent"), subject="C1")
    reviews_page, january = reverse("portal:audit-reviews"), reverse("portal:audit-review", args=[2026, 1])
    assert auditor.get(january).status_code == 404
    at("2026-02-02T10:00+09:00")
    heads.give()
    assert "서명 기다림" in auditor.get(reviews_page).content.decode()
    assert "2026-01 월간 점검에 서명하기" in auditor.get(reverse("admin:index")).content.decode()
    assert auditor.get(january).context["figures"]["looks"] == 1
    assert auditor.post(january, {"words": ""}).status_code == 422
    session = auditor.session
    session["account_authentication_methods"][-1]["at"] = time.time() - 3600
    session.save()
    assert auditor.post(january, {"words": "이상 없음"})["Location"].startswith("/staff/second-factor/")
    session["account_authentication_methods"][-1]["at"] = time.time()
    session.save()
    assert auditor.post(january, {"words": "이상 없음"}).status_code == 302
    review = MonthlyReview.objects.get()
    entry = AuditEntry.objects.get(action="review.signed")
    assert entry.detail["sha256"] == review.digest
    chain.seal_entries()
    assert chain.verify().faults == []
    with pytest.raises(Refused, match="이미 서명한"):
        reviews.sign(month=dt.date(2026, 1, 1), user=staff_user("auditor"), words="x", seen={})
    assert "이상 없음" in auditor.get(january).content.decode()


def test_the_heads_are_on_the_home_and_in_a_file_that_the_proof_reads(auditor, tmp_path):
    act(staff_user("agent"), subject="C1")
    given = heads.give()
    assert given.digest in auditor.get(reverse("admin:index")).content.decode()
    file = tmp_path / "heads.csv"
    file.write_bytes(auditor.get(reverse("portal:audit-heads")).content)
    assert heads.read(file) == [chain.Head(given.position, given.digest, "of 2026-01-16")]
