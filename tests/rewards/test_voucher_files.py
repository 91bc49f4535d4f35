"""Lists of voucher codes as people have them: what is read, what is refused, and what is suspected."""

import contextlib
import importlib
import io
import random
import re
import uuid

import openpyxl
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from kt_remedy.core import clock, crypto
from rewards import service, voucher_files
from rewards.models import Entitlement, Voucher
from tests import sessions
from tests.conftest import ROOT

CASES = ROOT / "tests" / "cases"
CODES = [f"TVX-{number:04d}-{number * 7919 % 65536:04X}" for number in range(100)]
_draw = random.Random(13)
NUMBERS = [f"{_draw.randrange(10**10):010d}" for _ in range(200)]
LONG = [str(_draw.randrange(10**15, 10**16)) for _ in range(50)]
MIXED = ["".join(_draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(12)) for _ in range(300)]


def listed(lines: list[str], end: str = "\n") -> bytes:
    return end.join(lines).encode()


def suspects(lines: list[str]) -> list[tuple[str, int]]:
    return [(suspect.kind, suspect.line) for suspect in voucher_files.read(listed(lines)).suspects]


@pytest.mark.parametrize(
    ("content", "heading"),
    [
        (listed(CODES), 0),
        (listed(["code", *CODES]), 1),
        (listed(["", "Voucher Code", *CODES]), 2),
        (listed(["이용권 번호", *CODES], "\r\n"), 1),
        (listed(["2월 이용권 목록", *CODES]), 1),
        (listed(["SERVICE-LIST", *CODES]), 1),
        (listed(["code,", *[f"{code}," for code in CODES]]), 1),
        (listed(["번호;", *[f'"{code}";' for code in CODES]]), 1),
        (listed([f"{code}\t" for code in CODES], "\r\n"), 0),
        (listed([f'="{code}"' for code in CODES]), 0),
        (b"\xef\xbb\xbf" + listed(CODES), 0),
        ("\r\n".join(["번호", *CODES]).encode("cp949"), 1),
        ("\r\n".join(["번호", *CODES]).encode("utf-16"), 1),
        (listed([f"\u200b{code.replace('-', chr(0x2011))}\u00a0" for code in CODES]), 0),
    ],
)
def test_a_list_is_read_however_it_was_saved(content, heading):
    found = voucher_files.read(content)
    assert (found.codes, found.heading, found.doubles, found.suspects) == (CODES, heading, [], [])


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("ＴＶＸ－０００１－ＡＢ", "TVX-0001-AB"),
        ("ｔｖｘ＿0001", "tvx_0001"),
        ("TVXㅡ0001", "TVX-0001"),
        ("1234 5678 9012", "123456789012"),
        ("abcd\u3000EFGH", "abcdEFGH"),
        ("１２３４ ５６７８", "12345678"),
        ('"1234 5678"', "12345678"),
    ],
)
def test_wide_letters_and_groups_are_made_plain_and_named(written: str, code: str) -> None:
    found = voucher_files.read(listed(["code", "TVX-9999", written]))
    assert (found.codes, found.mended) == (["TVX-9999", code], [3])
    assert any(sentence.endswith("줄: 3") and "공백" in sentence for sentence in voucher_files.summary(found))
    assert voucher_files.read(listed([written, code])).doubles == [2]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("TVX 0002", "NO_CODE"),  # or TVX-0002
        ("TVX-0001 2026-02-01", "NO_CODE"),  # a date behind it
        ("TVX-0001 TVX-0002", "NO_CODE"),  # two codes
        ("1 2 3 4", "NO_CODE"),
        ("①②③④", "NO_CODE"),
        ("㎏㎏㎏", "NO_CODE"),
        ("１．０２Ｅ＋０９", "SPREADSHEET"),
    ],
)
def test_what_could_mean_two_things_is_still_refused(written: str, code: str) -> None:
    with pytest.raises(voucher_files.ListRefused) as refused:
        voucher_files.read(listed(["TVX-9999", written]))
    assert (refused.value.code, refused.value.line) == (code, 2)


def test_a_dry_run_names_the_lines_that_are_mended(db, tmp_path, capsys) -> None:
    file = tmp_path / "codes.txt"
    file.write_bytes(listed(["1234 5678 9012", "223456789012", "３２３４５６７８９０１２"]))
    call_command("import_vouchers", "OTT", "TVING", str(file), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "Codes that are taken without their spaces or in plain instead of full-width letters: 2. Lines: 1, 3",
        "An import would add 3 new codes of 3 in the file.",
    ]
    call_command("import_vouchers", "OTT", "TVING", str(file))
    assert "Lines: 1, 3" in capsys.readouterr().out
    assert {voucher.code for voucher in Voucher.objects.all()} == {"123456789012", "223456789012", "323456789012"}


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["TVX-0001"])
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"code,service\nTVX-0001,TVING", "COLUMNS", 1),
        (b"TVX-0001\nTVX-0002;2026-02-01\n", "COLUMNS", 2),
        (b"TVX-0001\n\nTVX 0002", "NO_CODE", 3),
        ("TVX-0001\n홍길동".encode(), "NO_CODE", 2),
        (b"code\n1.02E+09", "SPREADSHEET", 2),
        (b"1,02E+09\n", "SPREADSHEET", 1),
        (b"1E+15", "SPREADSHEET", 1),
        (b"1234567.0", "SPREADSHEET", 1),
        ("TVX-0001".encode("utf-16-le"), "BINARY", 0),
        (b"\x00\x01\x02", "BINARY", 0),
        (workbook(), "SHEET", 0),
        (b"TVX-0001\n" + b"A" * 200_000, "NO_CODE", 2),
    ],
)
def test_what_is_no_list_is_refused_with_its_line_and_no_code_is_quoted_whole(content, code, line):
    with pytest.raises(voucher_files.ListRefused) as refused:
        voucher_files.read(content)
    assert (refused.value.code, refused.value.line) == (code, line)
    assert "TVX" not in refused.value.message
    assert "홍길동" not in refused.value.message


def test_the_shape_is_learnt_from_the_file_and_an_outlier_is_named():
    assert suspects(CODES) == suspects(MIXED) == suspects(NUMBERS) == []
    assert suspects([f"TV-{number}" for number in range(1, 26)]) == []
    assert suspects([*CODES[:10], "TVX-12-3"]) == [("SHAPE", 11)]
    assert suspects([*CODES, "TVX-12-3", "TVX0000000000"]) == [("SHAPE", 101), ("SHAPE", 102)]
    assert suspects(["TVX-O001-0000", *CODES]) == [("SHAPE", 1)]
    assert suspects([*NUMBERS, "12345O7890"]) == [("SHAPE", 201)]
    assert suspects([*NUMBERS[:9], "12345O7890"]) == [("SHAPE", 10)]
    assert suspects(["ABCDE-FGH1J", "12-34", "XY9", "A_2"]) == []


def test_numbers_that_a_spreadsheet_changed_are_suspected():
    lost = [str(int(number)) for number in NUMBERS]
    assert suspects(lost) == [("ZEROS", at) for at, number in enumerate(NUMBERS, 1) if number.startswith("0")]
    assert len(suspects(lost)) > 5
    assert suspects(LONG) == []
    assert suspects([f"{number[:15]}0" for number in LONG]) == [("ROUNDED", at) for at in range(1, 51)]
    shown = [f"{float(f'{float(number):.2E}'):.0f}" for number in NUMBERS if number[0] != "0"]
    assert {kind for kind, _line in suspects(shown)} == {"ROUNDED"}
    assert suspects([*LONG, "1230000", "1230000"])[-2:] == [("ROUNDED", 51), ("ROUNDED", 52)]


def test_a_suspect_is_named_with_its_line_and_a_mask():
    [suspect] = voucher_files.read(listed([*CODES, "TVX-12345"])).suspects
    assert suspect.message == "101번째 줄 TV****45: 다른 번호와 모양이 다릅니다."


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_of_codes_or_are_refused(content):
    codes = []
    with contextlib.suppress(voucher_files.ListRefused):
        codes = voucher_files.read(content).codes
    assert all(voucher_files.VOUCHER_CODE.fullmatch(code) for code in codes)


# 1E-15 can be a code, but it is a number that a spreadsheet wrote.
BOUGHT = st.from_regex(voucher_files.VOUCHER_CODE, fullmatch=True).filter(
    lambda code: not re.fullmatch(r"\d[Ee]-\d+", code)
)


@given(st.lists(BOUGHT, min_size=1, max_size=20), st.randoms())
def test_codes_come_back_as_they_were_bought_and_case_makes_no_second_code(codes, order):
    again = [code.swapcase() for code in codes]
    order.shuffle(again)
    found = voucher_files.read(listed(["code", *codes, *again]))
    assert found.codes == codes + again
    assert len({voucher_files.key(code) for code in found.codes}) == len(found.codes) - len(found.doubles)


def given_file(name: str, tmp_path):
    """A list of the cases, at a place that is not in the repository."""
    file = tmp_path / name
    file.write_bytes((CASES / name).read_bytes())
    return str(file)


def test_a_heading_is_no_code(db, tmp_path, capsys):
    call_command("import_vouchers", "OTT", "TVING", given_file("vouchers-header.txt", tmp_path))
    assert sorted(voucher.code for voucher in Voucher.objects.all()) == [f"TVX-AAAA-000{n}" for n in range(5)]
    out = capsys.readouterr().out
    assert out.splitlines() == ["Line 1 is a heading and is skipped.", "5 new codes of 5 in the file."]


def test_lower_and_upper_case_are_one_code_in_the_file_and_against_what_is_stored(db, tmp_path, capsys):
    file = given_file("vouchers-lower_dup.txt", tmp_path)
    call_command("import_vouchers", "OTT", "TVING", file, "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "Codes that stand on an earlier line (lower and upper case are one code): 1. Lines: 2",
        "An import would add 1 new codes of 2 in the file.",
    ]
    assert not Voucher.objects.exists()
    call_command("import_vouchers", "OTT", "TVING", file)
    assert [voucher.code for voucher in Voucher.objects.all()] == ["TVX-AAAA-0000"]
    assert service.import_vouchers(perk_code="OTT", choice_code="DISNEY", codes=["tvx-aaaa-0000"]) == 0


def test_suspects_are_imported_only_when_somebody_accepts_them(db, tmp_path, capsys):
    file = tmp_path / "codes.txt"
    file.write_bytes(listed([*CODES, "TVX-1"]))
    with pytest.raises(CommandError, match=r"Line 101, T\*\*\*\*1: it does not look like .*\n.*Nothing was imported"):
        call_command("import_vouchers", "OTT", "TVING", str(file))
    call_command("import_vouchers", "OTT", "TVING", str(file), "--dry-run")
    assert not Voucher.objects.exists()
    call_command("import_vouchers", "OTT", "TVING", str(file), "--accept-suspects")
    assert capsys.readouterr().out.splitlines()[-1] == "101 new codes of 101 in the file."


def post(client: Client, content: bytes | None, **given: str):
    body: dict = {"service": "OTT:TVING", "reason": "2월 구매분", **given}
    if content is not None:
        body["file"] = SimpleUploadedFile("codes.csv", content)
    return client.post(reverse("admin:rewards_voucher_upload"), body, follow=True)


def test_the_page_shows_what_an_import_would_do_and_keeps_the_file(client: Client, db):
    client = sessions.as_staff(client, sessions.staff_user("administrator"))
    service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=[CODES[0].lower()])
    looked = post(client, listed(["code", *CODES, CODES[1].lower()]), act="check")
    page = looked.content.decode()
    assert looked.status_code == 200
    assert "번호 101개 가운데 새 번호가 99개, 이미 있거나 두 번 적힌 번호가 2개입니다" in page
    assert "1번째 줄은 제목이어서 건너뜁니다" in page
    assert "줄: 102" in page
    assert Voucher.objects.count() == 1
    kept = looked.context["form"]["kept"].value()
    assert "새 번호 99개를 올렸습니다" in post(client, None, kept=kept).content.decode()
    assert "파일을 다시 골라 주세요" in post(client, None, kept=kept).content.decode()  # it is forgotten


def test_the_page_asks_before_it_imports_a_suspect_and_loses_no_file(client: Client, db):
    client = sessions.as_staff(client, sessions.staff_user("administrator"))
    asked = post(client, listed([*CODES, "TVX-1"]), reason="")
    assert "이유를 적어 주세요" in asked.content.decode()
    asked = post(client, None, kept=asked.context["form"]["kept"].value())
    assert asked.status_code == 400
    assert "101번째 줄 T****1: 다른 번호와 모양이 다릅니다." in asked.content.decode()
    assert not Voucher.objects.exists()
    kept = asked.context["form"]["kept"].value()
    other = sessions.as_staff(Client(), sessions.staff_user("supervisor"))
    assert "파일을 다시 골라 주세요" in post(other, None, kept=kept, accept="on").content.decode()
    assert "새 번호 101개를 올렸습니다" in post(client, None, kept=kept, accept="on").content.decode()


def test_stored_codes_get_the_index_of_their_capital_letters(take_base, make_line):
    def store(code: str) -> Voucher:
        row = Voucher(id=uuid.uuid4(), perk="OTT", choice="TVING", imported_at=clock.now())
        row.code, row.code_index = code, crypto.blind_index(code, "voucher")
        row.save()
        return row

    adult = make_line()
    take_base()
    spare, issued, alone = store("TVX-1"), store("tvx-1"), store("abc-9")
    Entitlement.objects.create(
        perk="OTT",
        kind="CHOICE",
        contract_no=adult.pk,
        person_index=adult.customer.person_index,
        choice="TVING",
        made_at=clock.now(),
        voucher=issued,
        starts_on=clock.today(),
    )
    first, second = store("Both-1"), store("BOTH-1")
    for number, voucher in enumerate((first, second)):
        Entitlement.objects.create(
            perk=f"OTHER{number}",
            kind="CHOICE",
            person_index=adult.customer.person_index,
            choice="TVING",
            made_at=clock.now(),
            voucher=voucher,
            starts_on=clock.today(),
        )
    migration = importlib.import_module("rewards.migrations.0003_voucher_code_index")
    for _turn in range(2):
        migration.index_capital_letters(apps, None)
        assert set(Voucher.objects.values_list("pk", flat=True)) == {issued.pk, alone.pk, first.pk, second.pk}
        assert spare.pk not in Voucher.objects.values_list("pk", flat=True)
        for row, code in ((issued, "TVX-1"), (alone, "ABC-9"), (first, "BOTH-1")):
            row.refresh_from_db()
            assert row.code_index == crypto.blind_index(code, "voucher")
        assert {voucher.code for voucher in Voucher.objects.all()} == {"tvx-1", "abc-9", "Both-1", "BOTH-1"}
        assert service.import_vouchers(perk_code="OTT", choice_code="TVING", codes=["Abc-9", "TVX-1", "both-1"]) == 0
