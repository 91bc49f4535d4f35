"""The rehearsal of the whole programme: its pure parts, and whole runs with real servers in `make soak`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from benchmarks.rehearse import place, report
from benchmarks.rehearse.bank import _debits, _returned, _statuses
from benchmarks.rehearse.channels import Phones, Visitor, _shape
from benchmarks.rehearse.figures import Figure, contracts_in, file_rows
from benchmarks.rehearse.filing import account_number
from benchmarks.rehearse.meter import Meter, folder_bytes
from benchmarks.rehearse.receipts import Receipts
from kt_remedy.devtools.processes import ProcessGroup
from kt_remedy.devtools.sandbox import bank_answers, bank_book, portone, solapi
from tests.conftest import ROOT, wait_until

STAGE = {"seconds": 1.5, "memory_mb": {"web": 200}, "disk": {"database": 10**9, "files": 10**8}}


def state_of(*figures: Figure) -> dict:
    kept = [figure.kept() for figure in figures]
    return {"lines": 500, "refunds": 25, "starts": 1, "stages": {"base": STAGE | {"figures": kept}}}


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(tmp_path):
    needed = sum(place.bytes_needed(13_000_000, 6))
    assert place.require_disk(tmp_path, 13_000_000, 6, free=needed).endswith(".")
    with pytest.raises(place.Unfinished, match=r"13,000,000 lines need about [\d.]+ GB of deliveries"):
        place.require_disk(tmp_path, 13_000_000, 6, free=needed - 1)


def test_a_full_run_needs_some_4_gb_of_deliveries():
    assert 3e9 < place.bytes_needed(13_000_000, 1)[0] < 5e9


def test_a_figure_that_does_not_close_is_named(tmp_path):
    kept = state_of(Figure("lines", "files", 500, "SQL", 499), Figure("base", "rows", 7, "SQL", 7))
    said, open_ones = report.write(tmp_path, kept)
    assert open_ones == ["base: lines"]
    assert "lines: 500 (files) DOES NOT CLOSE WITH 499 (SQL)" in said
    assert "2 figures, 1 that do not close." in said
    assert json.loads((tmp_path / "report.json").read_text())["open_figures"] == ["base: lines"]


def test_a_state_outlives_its_process_and_a_half_written_one(tmp_path):
    state = place.State(tmp_path)
    state.stages["base"] = {"seconds": 1}
    state.save(lines=500)
    (tmp_path / "state.new").write_text("{")
    again = place.State(tmp_path)
    assert (again.kept["lines"], list(again.stages)) == (500, ["base"])


def test_receipts_outlive_a_half_written_line(tmp_path):
    receipts = Receipts(tmp_path / "receipts.csv")
    receipts.add("WEB", [("C-1", "KT-2346-79AC"), ("C-2", "KT-2346-79AC")])
    receipts.add("STORE", [("C-2", "KT-9999-9999")])  # a line has one receipt
    with receipts.path.open("a") as file:
        file.write("C-3,STO")
    assert Receipts(receipts.path).by_channel() == Counter(WEB=2)


def test_contracts_are_counted_once_over_all_files(tmp_path):
    for name, rows in (("a.csv", "C1,x\nC2,x\n"), ("b.csv", "C2,y\nC3,y\n")):
        (tmp_path / name).write_text(f"contract_no,other\n{rows}")
    assert contracts_in(sorted(tmp_path.glob("*.csv"))) == 3
    assert file_rows(tmp_path / "a.csv") == 2


def test_no_telephone_and_no_account_meets_a_fault_of_the_stand_ins():
    ends = {visitor.phone[-4:] for visitor in (Visitor(n, "", "", "", ()) for n in range(0, 100_000, 7))}
    accounts = {account_number(str(300_000_000 + n), turn)[-4:] for n in range(500) for turn in (0, 1)}
    assert not ends & (portone.PHONE_MODES.keys() | solapi.PHONE_STATES.keys())
    assert not accounts & portone.ACCOUNT_MODES.keys()


def test_the_stand_in_knows_whose_telephone_it_is(monkeypatch):
    monkeypatch.setitem(portone.state.people, "01090000010", "the CI of the register")
    customer = {"name": "김가나", "phoneNumber": "01090000010", "identityNumber": "8503151"}
    given = portone._verified("key", portone._Verification(customer, "SKT", "SMS", "", ""))["verifiedCustomer"]
    assert (given["ci"], given["birthDate"]) == ("the CI of the register", "1985-03-15")


def test_a_code_is_read_once_and_as_soon_as_it_comes(tmp_path):
    inbox = tmp_path / "inbox.jsonl"
    inbox.write_text(json.dumps({"to": "01090000010", "text": "인증번호 111111"}) + "\n")  # of an earlier person
    phones = Phones(inbox)
    with inbox.open("a") as file:
        file.write(json.dumps({"to": "01090000010", "text": "[본인확인] 인증번호 222222 를 넣어 주세요"}) + "\n{")
    assert phones.code("01090000010") == "222222"
    assert phones.codes == {}


def test_an_error_names_a_page_without_keys():
    assert _shape("/desk/s/Ab3x9/prove/card/") == "/desk/s/…/prove/card/"


def test_what_the_bank_did_is_counted_from_its_own_files(tmp_path):
    rows = [[f"KT-{n:04}-1", "088", "0000", "홍길동", 1000 + n] for n in range(300)]
    payment = {"format": "pain001", "message_id": "M", "count": 300, "won": sum(row[4] for row in rows), "rows": rows}
    payment |= {"execution_on": "2026-01-22", "payer": "1005"}
    chosen = _returned([row[0] for row in rows])
    assert 0 < len(chosen) < 30
    (tmp_path / "result.xml").write_bytes(bank_answers.answer(payment, b"", chosen))
    assert Counter(_statuses(tmp_path / "result.xml")) == {"RJCT": len(chosen), "ACSC": 300 - len(chosen)}
    entries = [{"day": "2026-01-22", "way": "D", "won": 7, "reference": "A", "code": ""},
               {"day": "2026-01-22", "way": "C", "won": 5, "reference": "B", "code": ""}]  # fmt: skip
    (tmp_path / "statement.xml").write_bytes(bank_book._camt053(1, "2026-01-22", "1005", 100, 98, entries))
    assert _debits(tmp_path / "statement.xml") == 7


def test_a_meter_measures_every_process(tmp_path):
    group = ProcessGroup(record=tmp_path / "children.json", logs=tmp_path)
    for name in ("worker-money", "worker-perks", "web"):
        group.spawn(name, [sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with Meter(group) as meter:
            wait_until(lambda: meter.look() or meter.peaks.get("worker", 0) > 2, what="the memory of the workers")
            assert meter.end()["memory_mb"].keys() == {"web", "worker", "people"}
    finally:
        group.stop_all()
    assert folder_bytes(tmp_path) > 0


# Whole runs


def rehearse(folder, *arguments: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "benchmarks.rehearse", "--folder", str(folder), *arguments]
    return subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def closed(folder, process: "subprocess.Popen[str]") -> dict:
    said, _none = process.communicate()
    assert process.returncode == 0, said[-4000:]
    kept = json.loads((folder / "report.json").read_text())
    assert kept["open_figures"] == []
    return kept


@pytest.mark.soak
def test_a_killed_run_goes_on(tmp_path):
    """Killed at three places, it ends with every figure closed, and does no stage twice that had ended."""
    tmp_path.chmod(0o755)
    sizes, done = ("--lines", "2000", "--each-channel", "2"), {}
    try:
        for stage in ("base of the perks", "applications over HTTP", "payout 1 to the bank"):
            process = rehearse(tmp_path, *sizes)
            wait_until(lambda: stage in ended(tmp_path) or process.poll() is not None, seconds=900, what=stage)  # noqa: B023
            assert process.poll() is None, process.communicate()[0][-4000:]
            time.sleep(1.5)  # into the next one
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            done |= {name: kept["ended"] for name, kept in ended(tmp_path).items()}
        kept = closed(tmp_path, rehearse(tmp_path, *sizes))
    finally:
        place.remove(tmp_path)
    assert kept["starts"] == 4
    assert done.items() <= {name: stage["ended"] for name, stage in kept["stages"].items()}.items()


def ended(folder) -> dict:
    """The stages that ended."""
    return place.State(folder).stages


@pytest.mark.soak
def test_200_000_lines(tmp_path, record_property):
    """The whole programme with 200,000 lines."""
    tmp_path.chmod(0o755)
    try:
        kept = closed(tmp_path, rehearse(tmp_path, "--lines", "200000", "--each-channel", "50", "--months", "2"))
        record_property("report", (tmp_path / "report.txt").read_text())
    finally:
        place.remove(tmp_path)
    assert sum(len(stage["figures"]) for stage in kept["stages"].values()) > 60
