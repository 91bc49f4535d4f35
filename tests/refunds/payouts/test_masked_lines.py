"""A name is masked in bank files and a bank's words however it is spelled there (D-74)."""

import io
import unicodedata
import zipfile
from xml.sax.saxutils import escape

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from eligibility import rotation
from kt_remedy.core import crypto, masking
from refunds.accounts import name_masks
from refunds.models.bank_answers import AnswerLine
from refunds.payouts import audit_bundle
from tests.owner import as_owner
from tests.refunds.payouts import money
from tests.sessions import as_staff

KOREAN = "홍길동"
NFD = unicodedata.normalize("NFD", KOREAN)


@pytest.mark.parametrize(
    ("known", "written"),
    [
        (KOREAN, KOREAN),
        (KOREAN, "홍 길 동"),
        (KOREAN, "홍\u3000길\u200b동"),
        (KOREAN, NFD),
        (NFD, KOREAN),
        (KOREAN, "홍·길·동"),
        ("김철수 ", "김철\u00a0수"),
        ("NGUYỄN THỊ HỒNG", "NGUYEN THI HONG"),
        ("NGUYEN THI HONG", unicodedata.normalize("NFD", "Nguyễn Thị Hồng")),
        ("NGUYEN THI HONG", "HONG,NGUYEN THI"),
        ("NGUYEN THI HONG", "ＮＧＵＹＥＮ ＴＨＩ ＨＯＮＧ"),
        ("ĐẶNG LAN", "DANG LAN"),
        ("주식회사 케이피디", "(주)케이피디"),
        ("주식회사 케이피디", "케이피디㈜"),
        ("㈜케이피디", "케이 피디 유한회사"),
        ("LEE", "LEE"),
    ],
)
def test_a_name_is_found_in_any_spelling(known: str, written: str) -> None:
    masked = name_masks.mask_names(f"예금주 상이: {written}, 확인 요망", [known])
    assert masked.startswith("예금주 상이: ")
    assert masked.endswith(", 확인 요망")
    assert "*" in masked
    letters = unicodedata.normalize("NFKC", written).replace(" ", "")
    assert letters not in unicodedata.normalize("NFKC", masked).replace(" ", "")


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("홍길도", "홍길동"),  # another name
        ("홍길도", NFD),
        ("LEE", "FLEET 3"),
        ("AN", "AN ACCOUNT"),  # too short to be told from a word
        ("", "홍길동"),
        ("***", "***"),
    ],
)
def test_other_words_stay(known: str, text: str) -> None:
    assert name_masks.mask_names(text, [known]) == text


@given(st.text(max_size=30), st.sampled_from([KOREAN, "NGUYEN THI HONG", "주식회사 케이피디"]))
def test_whatever_stands_before_a_name_it_is_masked(before: str, name: str) -> None:
    masked = name_masks.mask_names(f"{before} / {name}", [name])
    assert name not in masked
    assert masked.endswith(masking.name(name))


def bundle(row, **options) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(audit_bundle.build_bundle(application_id=row.pk, **options))) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.mark.django_db
@pytest.mark.usefixtures("cut_off")
@pytest.mark.parametrize(
    ("layout", "in_file"),
    [
        ("pain001", "홍 길 동"),
        ("pain001", NFD),
        ("pain001", "HONG & SON"),
        ("pain001", "홍길동(대표)"),
        ("sheet", "홍 길 동"),
        ("sheet", "ＨＯＮＧ ＧＩＬ"),
        ("sheet", "(주)홍길동상사"),
    ],
)
def test_a_line_of_a_file_shows_no_spelling_of_the_holder(settings, layout: str, in_file: str) -> None:
    """The stored file has one spelling and the account another one, as after another answer of the bank."""
    settings.BANK_FILE_FORMAT = layout
    account = money.due(name="김철수").account
    money.spell(account, in_file)
    _batch, (made,) = money.filed(0)
    money.spell(account, KOREAN)
    item = made.items.get()
    line = f"lines/{item.reference}-part01.txt"
    clear, masked = bundle(item.application, clear=True)[line], bundle(item.application, clear=False)[line].decode()
    as_written = escape(in_file) if layout == "pain001" else in_file
    assert as_written.encode("utf-8" if layout == "pain001" else "cp949") in clear
    plain = unicodedata.normalize("NFKC", masked).replace(" ", "")
    assert not any(word in plain for word in (KOREAN, "HONG&", "HONGGIL"))
    assert masking.name(as_written.strip()) in masked
    assert account.number not in masked
    assert item.reference in masked


@pytest.fixture
def forget_keys(settings):
    """Read the old keys again once the settings are back."""
    old = settings.FIELD_KEYS
    yield
    settings.FIELD_KEYS = old
    crypto.forget_keys()


@pytest.mark.django_db
@pytest.mark.usefixtures("cut_off")
def test_a_bank_that_names_the_holder_in_its_words_is_masked_and_encrypted(settings, forget_keys) -> None:
    batch, file = money.handed_over(1)
    [item] = money.items(batch)
    money.spell(item.account, "(주)홍길동상사")
    words = "예금주는 홍길동상사 주식회사"
    answer = money.pain002(file, [(item, "RJCT", "BE01")])
    answer = answer.replace(b"</Rsn></StsRsnInf>", f"</Rsn><AddtlInf>{words}</AddtlInf></StsRsnInf>".encode())
    money.load(answer)
    item.refresh_from_db()
    assert (item.bank_code, item.words) == ("BE01", words)
    assert AnswerLine.objects.get().words == words
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM refunds_item UNION ALL SELECT words FROM refunds_answer_line")
        stored = [value for (value,) in cursor.fetchall()]
    assert stored[0] == stored[1], "statements copy it as it is stored"
    assert "홍길동" not in stored[0]
    settings.FIELD_KEYS = {max(settings.FIELD_KEYS) + 1: bytes(range(32)), **settings.FIELD_KEYS}
    crypto.forget_keys()
    with as_owner():
        assert rotation.rotate()
    assert AnswerLine.objects.get().words == words  # its key has two columns
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM refunds_answer_line")
        assert cursor.fetchone()[0] != stored[0]
    page = as_staff(Client(), money.maker()).get(reverse("admin:payouts:item", args=[item.pk]))
    assert "BE01 예금주는" in page.content.decode()
    clear, masked = bundle(item.application, clear=True), bundle(item.application, clear=False)
    for name in ("items.json", "answers.json"):
        assert words.encode() in clear[name]
        assert "예금주는 홍".encode() in masked[name]
    for name, part in masked.items():
        assert "홍길동상사".encode() not in part, name
