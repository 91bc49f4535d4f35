"""Load of deliveries: merge by key, history, refused and repeated deliveries, no personal data as plaintext."""

import csv
import datetime as dt
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from eligibility import service
from eligibility.feed import encode, load, rows, staging
from eligibility.feed.records import FeedError
from eligibility.models import (
    Bill,
    BillHistory,
    Customer,
    CustomerHistory,
    Feed,
    Line,
    LineHistory,
    Outcome,
    Reject,
    VerdictChange,
)
from kt_remedy.core import persons
from kt_remedy.devtools import sample_contracts, sample_people, sample_register
from kt_remedy.staff.models import User
from tests import people

pytestmark = pytest.mark.django_db

CI = sample_contracts.ci_of("somebody")
LINE = {
    "contract_no": "A-1",
    "customer_no": "C-1",
    "ci": CI,
    "guardian_ci": "",
    "holder_kind": "PERSON",
    "holder_name": "고길동",
    "birth_date": "1980-01-02",
    "msisdn": "01030001234",
    "contact_msisdn": "",
    "network": "KT",
    "product": "HANDSET",
    "opened_at": "2024-01-10T10:00+09:00",
    "contract_type": "DISCOUNT",
    "contract_event": "NEW",
    "contract_started_at": "2025-01-10T10:00+09:00",
    "commitment_started_at": "2025-01-10T10:00+09:00",
    "contract_months": "24",
    "subsidy_krw": "0",
    "extra_subsidy_krw": "0",
    "discount_krw": "267000",
    "suspended_days": "0",
    "status": "TERMINATED",
    "terminated_at": "2026-01-13T10:00+09:00",
    "termination_reason": "PORT_OUT",
    "port_requested_at": "",
    "rejoined_at": "",
}
BILL = {
    "contract_no": "A-1",
    "item": "DISCOUNT_CLAWBACK",
    "billed_on": "2026-02-06",
    "billed_krw": "175240",
    "paid_krw": "175240",
    "waived_krw": "0",
    "refunded_krw": "0",
}


class Deliveries:
    """Writes a pair of files and loads it."""

    def __init__(self, folder: Path) -> None:
        self.lines, self.bills = folder / "lines.csv", folder / "bills.csv"

    def write(self, lines: list[dict], bills: list[dict]) -> None:
        for path, columns, table in (
            (
                self.lines,
                (*rows.LINE_COLUMNS, *(c for c in rows.LINE_OPTIONAL_COLUMNS if any(c in r for r in lines))),
                lines,
            ),
            (self.bills, rows.BILL_COLUMNS, bills),
        ):
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(table)

    def load(self, as_of: str, lines: list[dict] = (), bills: list[dict] = ()) -> Feed:
        self.write(lines, bills)
        return load.load(lines=self.lines, bills=self.bills, as_of=dt.date.fromisoformat(as_of))


@pytest.fixture
def deliveries(tmp_path: Path) -> Deliveries:
    return Deliveries(tmp_path)


def rejected(feed: Feed) -> list[tuple]:
    return [(Path(r.file).name, r.line, r.column, r.value, r.reason) for r in load.rejects_of(feed)]


# Stored values ----------------------------------------------------------------------------------------


def test_a_line_is_stored_as_sent_and_found_again(deliveries: Deliveries) -> None:
    feed = deliveries.load("2026-01-20", [LINE | {"contact_msisdn": "01099998888", "guardian_ci": CI}], [BILL])

    line = service.lines_of(persons.ci_index(CI)).get()
    assert (line.msisdn, line.contact_msisdn, line.customer.holder_name) == ("01030001234", "01099998888", "고길동")
    assert (line.customer.ci, line.customer.guardian_ci, line.customer.birth_date) == (CI, CI, dt.date(1980, 1, 2))
    assert line.terminated_at == dt.datetime(2026, 1, 13, 1, tzinfo=dt.UTC)
    assert (line.terminated_on, line.opened_on) == (dt.date(2026, 1, 13), dt.date(2024, 1, 10))
    assert (line.outcome, line.reasons) == (Outcome.ELIGIBLE, "")
    assert (line.expected_penalty_krw, line.refundable_krw) == (175_249, 175_240)  # S24-6 of the worked examples
    assert line.programme_version == feed.programme_version
    assert list(service.lines_of_wards(persons.ci_index(CI))) == [line]
    assert (feed.lines_new, feed.customers_new, feed.bills_new, feed.state) == (1, 1, 1, Feed.State.LOADED)


def test_a_price_plan_is_stored_clean_replaced_and_unknown_where_it_is_not_sent(deliveries: Deliveries) -> None:
    def stored() -> tuple[str, str]:
        return Line.objects.values_list("plan_name", "plan_data").get()

    deliveries.load("2026-01-20", [LINE | {"plan_name": "\u200b넉넉한\\t 80\n", "plan_data": "UNLIMITED"}])
    assert stored() == ("넉넉한\\t 80", "UNLIMITED")
    feed = deliveries.load("2026-01-21", [LINE | {"plan_name": "알뜰한 5", "plan_data": "LIMITED"}])
    assert (stored(), feed.lines_changed, feed.verdicts_changed) == (("알뜰한 5", "LIMITED"), 1, 0)
    assert deliveries.load("2026-01-22", [LINE | {"plan_name": "알뜰한 5", "plan_data": "LIMITED"}]).lines_changed == 0
    deliveries.load("2026-01-23", [LINE])
    assert stored() == ("", "")
    assert list(LineHistory.objects.order_by("id").values_list("plan_name", flat=True)) == ["넉넉한\\t 80", "알뜰한 5"]


def test_the_date_is_that_of_seoul(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE | {"terminated_at": "2026-01-13T15:00Z"}])

    line = Line.objects.get()
    assert line.terminated_on == dt.date(2026, 1, 14)
    assert line.reason_codes == ["TERMINATED_AFTER_PERIOD", "NOT_BILLED_YET"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("0001-01-01T00:00+09:00", dt.date(1, 1, 1)),
        ("9999-12-31T23:59:59.123456789Z", dt.date(9999, 12, 31)),
        ("2026-01-13T10:00+23:59", dt.date(2026, 1, 12)),
        ("2026-01-13T23:59:59.9999999999+09:00", dt.date(2026, 1, 13)),
    ],
)
def test_times_the_database_cannot_hold_keep_their_day(deliveries: Deliveries, text: str, day: dt.date) -> None:
    feed = deliveries.load("2026-01-20", [LINE | {"terminated_at": text, "rejoined_at": text}])

    assert (rejected(feed), Line.objects.get().terminated_on) == ([], day)
    assert service.facts_of(Line.objects.get()).terminated_on == day


def test_stored_verdicts_are_those_of_the_judge_command(tmp_path: Path, capsys) -> None:
    sample_register.write(tmp_path, lines=400, seed=9)
    day = dt.date(2025, 12, 31)
    files = [tmp_path / str(day) / name for name in ("lines.csv", "bills.csv")]
    load.load(lines=files[0], bills=files[1], as_of=day)

    call_command("judge", *map(str, files))
    printed = {row["contract_no"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert len(printed) > 350
    assert printed == {
        line.contract_no: {
            "contract_no": line.contract_no,
            "outcome": line.outcome,
            "reasons": line.reasons,
            "expected_penalty_krw": str(line.expected_penalty_krw),
            "refundable_krw": str(line.refundable_krw),
        }
        for line in Line.objects.all()
    }


# Later deliveries --------------------------------------------------------------------------------------


def test_a_later_delivery_replaces_by_key_and_keeps_what_stood_there(deliveries: Deliveries) -> None:
    first = deliveries.load("2026-01-20", [LINE, LINE | {"contract_no": "A-2"}], [BILL | {"paid_krw": "0"}])
    assert Line.objects.get(pk="A-1").reasons == "UNPAID"

    second = deliveries.load(
        "2026-02-03",
        [LINE | {"holder_name": "고길순", "suspended_days": "10"}, LINE | {"contract_no": "A-3"}],
        [BILL],
    )

    line = Line.objects.get(pk="A-1")
    assert (line.outcome, line.reasons, line.suspended_days, line.as_of) == ("ELIGIBLE", "", 10, second.as_of)
    assert line.customer.holder_name == "고길동"  # the later row of the same customer, A-3, has the old name
    assert (second.lines_new, second.lines_changed, second.bills_changed, second.customers_changed) == (1, 1, 1, 0)
    old = LineHistory.objects.get()
    assert (old.contract_no, old.reasons, old.suspended_days, old.as_of) == ("A-1", "UNPAID", 0, first.as_of)
    assert (old.replaced_by, BillHistory.objects.get().paid_krw) == (second, 0)
    change = VerdictChange.objects.get()
    assert (change.contract_no, change.old_reasons, change.new_reasons) == ("A-1", "UNPAID", "")
    assert (change.old_refundable_krw, change.new_refundable_krw, change.feed) == (0, 175_240, second)


def test_bills_alone_change_the_verdict_of_a_known_line(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE], [BILL | {"billed_on": "2026-01-05", "billed_krw": "10", "paid_krw": "10"}])

    feed = deliveries.load("2026-02-10", [], [BILL])

    line = Line.objects.get()
    assert (line.refundable_krw, feed.verdicts_changed, feed.bills_new) == (175_250, 1, 1)
    assert LineHistory.objects.get().refundable_krw == 10


def test_a_line_sent_again_keeps_the_bills_of_before(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE], [BILL])

    deliveries.load("2026-02-10", [LINE | {"suspended_days": "1"}], [])

    assert Line.objects.get().refundable_krw == 175_240


def test_a_changed_holder_is_kept_as_history(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE])

    feed = deliveries.load("2026-01-21", [LINE | {"holder_name": "고 길동"}])

    assert Customer.objects.get().holder_name == "고 길동"
    old = CustomerHistory.objects.get()
    assert (old.replaced_by, feed.customers_changed, feed.lines_changed) == (feed, 1, 0)
    # The old ciphertext keeps its associated data, so the register can decrypt it.
    customer = Customer.objects.get()
    customer.holder_name_enc = old.holder_name_enc
    assert customer.holder_name == "고길동"


def test_the_same_pair_twice_changes_nothing(deliveries: Deliveries) -> None:
    bad = LINE | {"contract_no": "A-9", "msisdn": "5"}
    feed = deliveries.load("2026-01-20", [LINE, bad], [BILL])
    stored = [bytes(Line.objects.get().msisdn_enc), bytes(Customer.objects.get().holder_name_enc)]

    again = load.load(lines=deliveries.lines, bills=deliveries.bills, as_of=feed.as_of)
    renamed = deliveries.load("2026-01-21", [LINE, bad], [BILL])

    assert (again, len(rejected(again))) == (feed, 1)
    assert (renamed.lines_changed, renamed.customers_changed, renamed.bills_changed, renamed.lines_new) == (0, 0, 0, 0)
    assert [bytes(Line.objects.get().msisdn_enc), bytes(Customer.objects.get().holder_name_enc)] == stored
    assert not LineHistory.objects.exists()
    assert not VerdictChange.objects.exists()


def test_an_older_delivery_is_refused(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE])

    with pytest.raises(load.LoadRefusedError, match="2026-01-14 is older than that of 2026-01-20"):
        deliveries.load("2026-01-14", [LINE | {"suspended_days": "7"}])
    assert Line.objects.get().suspended_days == 0


def test_a_decision_stands_above_what_deliveries_say(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE | {"contract_event": "TRANSFER", "contract_started_at": "2025-09-02T10:00Z"}])
    reviewer = User.objects.create_user("reviewer", roles=["reviewer"], person_index=b"reviewer".ljust(32))
    assert list(service.awaiting_decision()) == [Line.objects.get()]
    service.record_decision(contract_no="A-1", outcome="ELIGIBLE", reason="승계 확인", decided_by=reviewer)

    deliveries.load("2026-02-10", [LINE | {"termination_reason": "FORCED"}], [BILL])

    line = Line.objects.get()
    assert (line.outcome, line.effective_outcome) == ("NOT_ELIGIBLE", "ELIGIBLE")
    assert not service.awaiting_decision().exists()
    assert [change.new_outcome for change in VerdictChange.objects.order_by("id")] == ["ELIGIBLE", "NOT_ELIGIBLE"]


# Bad rows ----------------------------------------------------------------------------------------------


def test_bad_rows_stay_out_and_are_told_in_order(deliveries: Deliveries) -> None:
    known = LINE | {"contract_no": "A-5"}
    deliveries.load("2026-01-14", [known])

    feed = deliveries.load(
        "2026-01-20",
        [
            LINE,
            LINE | {"contract_no": "A-2", "holder_name": "", "msisdn": "1"},
            LINE | {"suspended_days": "3"},
            LINE | {"contract_no": "A-2"},
            known | {"msisdn": "0"},
            LINE | {"contract_no": "A-6", "terminated_at": ""},
        ],
        [
            BILL,
            BILL | {"paid_krw": "0"},
            BILL | {"contract_no": "A-2"},
            BILL | {"contract_no": "A-5", "item": "x" * 41},
            BILL | {"contract_no": "A-5", "billed_on": "2026-02-30"},
            BILL | {"contract_no": "A-5"},
        ],
    )

    assert [row[:4] for row in rejected(feed)] == [
        ("lines.csv", 3, "holder_name", ""),
        ("lines.csv", 4, "contract_no", "A-1"),
        ("lines.csv", 5, "contract_no", "A-2"),
        ("lines.csv", 6, "msisdn", "*"),
        ("lines.csv", 7, "terminated_at", ""),
        ("bills.csv", 3, "contract_no", "A-1"),
        ("bills.csv", 4, "contract_no", "A-2"),
        ("bills.csv", 5, "item", "x" * 41),
        ("bills.csv", 6, "billed_on", "2026-02-30"),
    ]
    assert (feed.lines_rejected, feed.bills_rejected, feed.lines_read, feed.bills_read) == (5, 4, 6, 6)
    assert sorted(Line.objects.values_list("pk", flat=True)) == ["A-1", "A-5"]
    assert Line.objects.get(pk="A-5").msisdn == LINE["msisdn"]
    assert Line.objects.get(pk="A-5").refundable_krw == 175_240
    assert Bill.objects.count() == 2


def test_the_holder_of_a_repeated_row_does_not_count(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE, LINE | {"holder_name": "엉뚱한"}, LINE | {"customer_no": "C-2"}])

    assert Customer.objects.get().holder_name == "고길동"


def test_numbers_beyond_the_register_reject_their_row_only(deliveries: Deliveries) -> None:
    huge = str(encode.LARGEST_AMOUNT + 1)
    feed = deliveries.load(
        "2026-01-20",
        [
            LINE,
            LINE | {"contract_no": "A-2", "subsidy_krw": huge},
            LINE | {"contract_no": "A-3", "suspended_days": huge},
        ],
        [BILL | {"item": "USAGE", "paid_krw": huge}, BILL | {"waived_krw": "0" * 500}],
    )

    assert [row[:3] for row in rejected(feed)] == [
        ("lines.csv", 3, "subsidy_krw"),
        ("lines.csv", 4, "suspended_days"),
        ("bills.csv", 2, "paid_krw"),
    ]
    assert Line.objects.get().refundable_krw == 175_240


def test_text_that_copy_would_read_is_kept(deliveries: Deliveries) -> None:
    item = 'a\\N\t"b"\nc, \r\x01'
    deliveries.load("2026-01-20", [LINE | {"holder_name": 'O\'Neil, "Bob"\n\\.'}], [BILL | {"item": item}])

    assert Bill.objects.get().item == item
    assert Line.objects.get().customer.holder_name == 'O\'Neil, "Bob"\\.'  # a name is cleaned (D-73), a key is not
    assert Line.objects.get().reasons == "REVIEW_UNKNOWN_ITEM;NOT_BILLED_YET"


def test_keys_with_a_nul_are_repeated_like_others(deliveries: Deliveries) -> None:
    feed = deliveries.load("2026-01-20", [LINE | {"contract_no": "A\0"}, LINE | {"contract_no": "A\0"}, LINE], [])

    assert [row[1:3] for row in rejected(feed)] == [(2, "contract_no"), (3, "contract_no")]
    assert [row[4] for row in rejected(feed)][1] == rows.REPEATED_KEY


def test_a_file_that_breaks_off_changes_nothing(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-14", [LINE])
    deliveries.write([LINE | {"contract_no": f"B-{number}"} for number in range(900)], [])
    with deliveries.lines.open("ab") as file:
        file.write(b"\xff\n")

    with pytest.raises(FeedError, match="not UTF-8: line 902"):
        load.load(lines=deliveries.lines, bills=deliveries.bills, as_of=dt.date(2026, 1, 20))

    failed = Feed.objects.latest("id")
    assert (failed.state, "not UTF-8" in failed.fault) == (Feed.State.FAILED, True)
    assert Line.objects.get().pk == "A-1"
    assert not staging.existing()


# The command -------------------------------------------------------------------------------------------


def test_the_command_loads_and_reports(deliveries: Deliveries, tmp_path: Path, capsys) -> None:
    deliveries.write([LINE, LINE | {"contract_no": "A-2", "holder_name": "x" * 61}], [BILL])
    report = tmp_path / "rejects.csv"

    arguments = [str(deliveries.lines), str(deliveries.bills), "--as-of", "2026-01-20", "--rejects", str(report)]
    call_command("load_feed", *arguments)

    assert "2 lines (1 new, 0 changed, 1 rejected), 1 bills (1 new" in capsys.readouterr().out
    rejects = list(csv.DictReader(report.open(encoding="utf-8")))
    assert rejects[0]["file"] == str(deliveries.lines)
    assert (rejects[0]["line"], rejects[0]["column"], rejects[0]["value"]) == ("3", "holder_name", "*" * 60)


@pytest.mark.parametrize("fault", ["missing", "header", "older"])
def test_the_command_refuses_with_one_sentence_and_status_2(deliveries: Deliveries, fault: str) -> None:
    deliveries.load("2026-01-20", [LINE])
    if fault == "missing":
        deliveries.bills.unlink()
    elif fault == "header":
        deliveries.lines.write_text("contract_no\nA-1\n", encoding="utf-8")

    day = "2026-01-01" if fault == "older" else "2026-01-21"
    with pytest.raises(CommandError) as refused:
        call_command("load_feed", str(deliveries.lines), str(deliveries.bills), "--as-of", day)
    assert refused.value.returncode == 2
    assert str(refused.value).count("\n") == 0
    assert Feed.objects.count() == 1


# No plaintext ----------------------------------------------------------------------------------------


def test_neither_staging_nor_the_register_holds_personal_values_in_clear(monkeypatch) -> None:
    dumps: list[str] = []
    merge = load.merge.merge

    def dump() -> str:
        text = io.StringIO()
        with connection.cursor() as cursor:
            register = [name for name in connection.introspection.table_names() if name.startswith("eligibility_")]
            for name in (*register, *staging.existing()):
                cursor.copy_expert(f"COPY {name} TO STDOUT", text)
        return text.getvalue()

    def spy(feed, tables):
        assert {tables.line, tables.customer, tables.bill} <= set(staging.existing())
        dumps.append(dump())
        return merge(feed, tables)

    monkeypatch.setattr(load.merge, "merge", spy)
    people.load_cast()
    dumps.append(dump())

    assert not staging.existing()
    for text in dumps:
        assert "CAST-101-1" in text
        for person in sample_people.CAST:
            for value in (
                person.name,
                person.phone,
                person.ci,
                person.name.encode().hex(),
                person.phone.encode().hex(),
            ):
                assert not value or value not in text, person.key


def test_the_whole_cast_arrives(db) -> None:
    feeds = people.load_cast()

    assert [feed.state for feed in feeds] == ["LOADED"] * 3
    assert {line.pk: line.effective_outcome for line in service.lines_of(people.index_of("hong"))} == {
        "CAST-101-1": "ELIGIBLE",
        "CAST-101-2": "NOT_ELIGIBLE",
        "CAST-101-3": "NOT_ELIGIBLE",
    }
    assert not Reject.objects.exists()
    assert staging.LINE[0] == "msisdn_enc"
