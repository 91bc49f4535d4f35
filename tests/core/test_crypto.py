"""Personal values at rest: bound to their place, refused when changed, searched by keys that are apart by purpose."""

import pytest

from kt_remedy.core import crypto

PLACE = "refunds_account:number_enc:1"


def test_a_value_opens_at_its_own_place_alone() -> None:
    stored = crypto.encrypt("11022033044", PLACE)
    assert crypto.decrypt(stored, PLACE) == "11022033044"
    with pytest.raises(crypto.DecryptError, match="does not belong to its row") as refused:
        crypto.decrypt(stored, "refunds_account:number_enc:2")
    assert "11022033044" not in str(refused.value)


@pytest.mark.parametrize("at", [1, 12, 13, -1])
def test_a_changed_byte_is_refused(at: int) -> None:
    stored = bytearray(crypto.encrypt("11022033044", PLACE))
    stored[at] ^= 1
    with pytest.raises(crypto.DecryptError):
        crypto.decrypt(bytes(stored), PLACE)


@pytest.mark.parametrize("stored", [b"", b"\xff" + b"0" * 40])
def test_a_value_of_an_unknown_key_is_named_and_not_guessed(stored: bytes) -> None:
    with pytest.raises(crypto.DecryptError, match="is not in FIELD_KEYS"):
        crypto.decrypt(stored, PLACE)


def test_the_same_value_is_never_stored_alike_and_found_by_purpose_alone() -> None:
    assert crypto.encrypt("홍길동", PLACE) != crypto.encrypt("홍길동", PLACE)
    assert len(crypto.blind_index("홍길동", "name")) == 32
    assert crypto.blind_index("홍길동", "name") == crypto.indexer("name")("홍길동")
    assert crypto.blind_index("홍길동", "name") != crypto.blind_index("홍길동", "account")
