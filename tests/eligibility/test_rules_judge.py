"""`manage.py judge` as a process: output bytes, exit status, error sentence and memory."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eligibility.feed.rows import BILL_COLUMNS, LINE_COLUMNS

pytestmark = pytest.mark.slow  # each test starts processes

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "judge"


def judge(*arguments: object, cwd: Path = GOLDEN) -> subprocess.CompletedProcess[bytes]:
    """Run the command as after `make install`: no settings, no server."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "judge", *map(str, arguments)],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"},
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_prints_what_it_always_printed() -> None:
    run = judge("lines.csv", "bills.csv")
    assert (run.returncode, run.stdout, run.stderr) == (
        0,
        (GOLDEN / "verdicts.csv").read_bytes(),
        (GOLDEN / "rejects.csv").read_bytes(),
    )


def test_another_programme_and_rejects_in_a_file(tmp_path: Path) -> None:
    programme, report = ROOT / "tests" / "cases" / "skt-2025.toml", tmp_path / "rejects.csv"
    # The same delivery of the other carrier, whose own code stands in its programme file.
    (tmp_path / "lines.csv").write_bytes((GOLDEN / "lines.csv").read_bytes().replace(b",KT,", b",SKT,"))
    shutil.copy(GOLDEN / "bills.csv", tmp_path)
    run = judge("lines.csv", "bills.csv", "--programme", programme, "--rejects", report, cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, (GOLDEN / "verdicts-skt.csv").read_bytes(), b"")
    assert report.read_bytes() == (GOLDEN / "rejects.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing.csv", "bills.csv"), "nothing.csv cannot be read: No such file or directory"),
        (("bills.csv", "lines.csv"), "bills.csv has the wrong header: the column customer_no is missing"),
        (("lines.csv", "bills.csv", "--programme", "x.toml"), "programme file x.toml cannot be read: No such file"),
        (("lines.csv", "bills.csv", "--rejects", "no/where.csv"), "--rejects no/where.csv cannot be written"),
        (("lines.csv", "bills.csv", "--rejects", "lines.csv"), "--rejects lines.csv would overwrite a file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_status_2(arguments: tuple[str, ...], sentence: str) -> None:
    run = judge(*arguments)
    text = run.stderr.decode()
    assert (run.returncode, run.stdout, text.count("\n")) == (2, b"", 1)
    assert text.startswith(sentence)


def test_all_faults_of_a_programme_are_named_one_a_line(tmp_path: Path) -> None:
    text = (ROOT / "tests" / "cases" / "skt-2025.toml").read_text(encoding="utf-8")
    file = tmp_path / "x.toml"
    file.write_text(text.replace('"MON"', '"MONDAY"').replace("review_events = []", ""), encoding="utf-8")
    run = judge("lines.csv", "bills.csv", "--programme", file)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr.decode().splitlines() == [
        f"programme file {file}: waiver.review_events is missing",
        f"programme file {file}: supplementary_payouts.weekday must be one of MON, TUE, WED, THU, FRI, SAT, SUN",
    ]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """100,000 lines and as many bills in the opposite order, each last row repeating the first key."""
    folder = tmp_path_factory.mktemp("large")
    lines, bills = folder / "lines.csv", folder / "bills.csv"
    rest = (
        ",U1,,,PERSON,홍길동,1980-01-15,01012345678,,KT,HANDSET,2024-05-01T10:00+09:00,DISCOUNT,NEW,"
        "2024-05-01T10:00+09:00,2024-05-01T10:00+09:00,24,0,0,100000,0,TERMINATED,2025-11-01T12:00+09:00,PORT_OUT,,\n"
    )
    with open(lines, "w", encoding="utf-8") as out:
        out.write(",".join(LINE_COLUMNS) + "\n")
        out.writelines(f"C{number}{rest}" for number in [*range(100_000), 0])
    with open(bills, "w", encoding="utf-8") as out:
        out.write(",".join(BILL_COLUMNS) + "\n")
        out.writelines(
            f"C{number},DISCOUNT_CLAWBACK,2026-01-10,32727,32727,0,0\n" for number in [*range(99_999, -1, -1), 99_999]
        )
    return lines, bills


def measured(lines: Path, bills: Path, out: Path) -> tuple[int, "subprocess.CompletedProcess[str]"]:
    """Kilobytes of the largest process of a judge that ends well, and what it said."""
    measure = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), stderr=subprocess.PIPE)\n"
        "sys.stderr.buffer.write(code.stderr)\n"
        "print(code.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, str(ROOT / "manage.py"), "judge", str(lines), str(bills)]
    run = subprocess.run(
        [sys.executable, "-c", measure, str(out), *command], capture_output=True, text=True, timeout=300, check=True
    )
    status, kilobytes = map(int, run.stdout.split())
    assert status == 0
    return kilobytes, run


def test_memory_is_bounded_and_the_order_is_that_of_the_lines(large: tuple[Path, Path], tmp_path: Path) -> None:
    small = []
    for whole in large:
        small.append(tmp_path / whole.name)
        small[-1].write_text("".join(whole.read_text(encoding="utf-8").splitlines(keepends=True)[:2]), encoding="utf-8")
    little, _run = measured(small[0], small[1], tmp_path / "little.csv")
    kilobytes, run = measured(*large, tmp_path / "out.csv")
    # The libraries of watching, which tests have and production may not, weigh a few megabytes in both.
    assert kilobytes - little < 60_000, "100,000 lines took 60 MB more than one"
    assert [row.split(",", 2)[1:] for row in run.stderr.splitlines()[1:]] == [
        ["100002", "contract_no,C0,this key stood earlier in the file"],
        ["100002", "contract_no,C99999,this key stood earlier in the file"],
    ]
    with open(tmp_path / "out.csv", encoding="ascii") as out:
        assert next(out) == "contract_no,outcome,reasons,expected_penalty_krw,refundable_krw\n"
        assert all(text == f"C{number},ELIGIBLE,,32727,32727\n" for number, text in enumerate(out))


def test_a_reader_that_has_seen_enough_is_no_error(large: tuple[Path, Path]) -> None:
    lines, bills = large
    command = f"{sys.executable} {ROOT / 'manage.py'} judge {lines} {bills} --rejects /dev/null"
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 1"], capture_output=True, timeout=300, check=False
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.startswith(b"contract_no,outcome")
