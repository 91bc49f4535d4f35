"""Names of holders as billing systems send them: the register keeps them clean, and no name makes a row bad (D-73)."""

import datetime as dt
import io
import unicodedata
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from eligibility import search, service
from eligibility.feed import encode, load
from eligibility.models import Customer, Line
from kt_remedy.core import crypto, masking, programme, text
from tests.eligibility.test_register import LINE, Deliveries

CASES = Path(__file__).parent.parent / "cases"
DAY = dt.date(2026, 1, 20)

BLANK = ["\u200b", "\u3164\u3164", " \u00a0 ", "\n", "\u2028\ufeff", "\u202e"]


@pytest.fixture
def deliveries(tmp_path: Path) -> Deliveries:
    return Deliveries(tmp_path)


def test_short_and_long_names_of_hangul_have_keys_by_the_same_rule() -> None:
    for code in range(ord("가"), ord("힣") + 1):
        for name in (chr(code), f"{chr(code)}각힣"):
            key = search.clean_name_key(name)
            assert key == search.clean_name_key(f"{name} (주)")  # takes the long way
            assert key == name == text.clean(f"{name}\u200b")


@pytest.mark.django_db
def test_the_register_keeps_clean_names_and_masks_them() -> None:
    feed = load.load(lines=CASES / "names-lines.csv", bills=CASES / "names-bills.csv", as_of=DAY)

    assert (feed.lines_new, feed.lines_rejected, feed.customers_new, feed.blank_names) == (6, 0, 6, 0)
    names = {line.pk: line.customer.holder_name for line in Line.objects.select_related("customer")}
    long = "주식회사 대한전국생활협동조합연합회농수산물유통가공수출입판매사업본부서울경인지역총괄지점"
    assert names == {
        "F-01": "홍길동",
        "F-02": "김하늘",
        "F-03": "안나·마리",
        "F-04": "NGUYỄN THỊ HƯƠNG",
        "F-05": long,
        "F-06": "이몽룡",
    }
    assert {key: masking.name(name) for key, name in names.items()} == {
        "F-01": "홍*동",
        "F-02": "김*늘",
        "F-03": "안 ***",
        "F-04": "NGUY ***",
        "F-05": "주식회사 대***",
        "F-06": "이*룡",
    }


@pytest.mark.parametrize(
    "name", ["홍길\n동", "홍길\t동", "홍길\u2028동", "홍길\u200b동", unicodedata.normalize("NFD", "홍길동")]
)
def test_a_name_kept_as_it_was_sent_before_is_masked_right_too(name: str) -> None:
    assert masking.name(name) == "홍*동"


@pytest.mark.django_db
@pytest.mark.parametrize("name", BLANK)
def test_a_name_of_which_nothing_is_seen_is_kept_as_sent_and_flagged(deliveries: Deliveries, name: str) -> None:
    feed = deliveries.load("2026-01-20", [LINE | {"holder_name": name}])

    customer = Customer.objects.get()
    assert (feed.lines_rejected, feed.blank_names) == (0, 1)
    assert (customer.holder_name, customer.name_is_blank) == (name, True)
    assert masking.name(name) == "*"
    assert not service.find_lines(contract_no="A-1", name="주식회사").exists()
    feed = deliveries.load("2026-01-21", [LINE])
    customer = Customer.objects.get()
    assert (feed.customers_changed, feed.blank_names, customer.name_is_blank) == (1, 0, False)


@pytest.mark.django_db
def test_another_spelling_of_the_same_name_is_a_change_because_other_bytes_were_sent(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE])
    digest = bytes(Customer.objects.get().digest)
    feed = deliveries.load("2026-01-21", [LINE | {"holder_name": unicodedata.normalize("NFD", LINE["holder_name"])}])

    customer = Customer.objects.get()
    assert (feed.customers_changed, customer.holder_name) == (1, LINE["holder_name"])
    assert bytes(customer.digest) != digest


@pytest.mark.django_db
def test_a_name_loaded_under_an_earlier_normal_form_gets_its_present_one(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE | {"holder_name": "JEAN-PIERRE"}])
    Customer.objects.update(name_index=b"x" * 16)

    assert deliveries.load("2026-01-21", [LINE | {"holder_name": "JEAN-PIERRE"}]).customers_changed == 1
    assert bytes(Customer.objects.get().name_index) == search.name_index("Jean Pierre")


@pytest.mark.django_db
def test_the_command_says_how_many_customers_changed(deliveries: Deliveries) -> None:
    deliveries.load("2026-01-20", [LINE])
    deliveries.write([LINE | {"holder_name": "고길순"}, LINE | {"contract_no": "A-2", "customer_no": "C-2"}], [])
    output = io.StringIO()
    call_command("load_feed", str(deliveries.lines), str(deliveries.bills), "--as-of", "2026-01-21", stdout=output)
    assert "1 new and 1 changed customers" in output.getvalue()
    assert "Blank names" not in output.getvalue()

    deliveries.write([LINE | {"holder_name": "\u200b"}], [])
    call_command("load_feed", str(deliveries.lines), str(deliveries.bills), "--as-of", "2026-01-22", stdout=output)
    assert "Blank names, kept as sent: 1." in output.getvalue()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_no_name_makes_a_row_bad(name: str) -> None:
    encoder = encode.Encoder(
        CASES / "names-lines.csv", CASES / "names-bills.csv", as_of=DAY, programme=programme.current()
    )
    try:
        batch = encoder.lines([(2, list((LINE | {"holder_name": name}).values()))])
    finally:
        encoder.close()
    assert (len(batch.lines), len(batch.customers), batch.bad) == (1, 1, [])
    row = dict(zip(encode.CUSTOMER_ORDER, batch.customers[0].rstrip("\n").split("\t"), strict=True))
    assert row["name_is_blank"] == str(not text.clean(name))
    kept = crypto.decrypt(
        bytes.fromhex(row["holder_name_enc"].removeprefix("\\\\x")), "eligibility_customer:holder_name_enc:C-1"
    )
    assert kept == (text.clean(name) or name)
