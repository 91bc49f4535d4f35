"""The programme file: what it says, and that whatever it cannot mean is refused by the name of its key."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from kt_remedy.core import programme

TEXT = programme.DEFAULT_FILE.read_text(encoding="utf-8")


def document() -> dict[str, Any]:
    return tomllib.loads(TEXT)


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(programme.ProgrammeError) as error:
        programme.parse(data)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("surprise", 1), "surprise is not a known key"),
        (("waiver.surprise", 1), "waiver.surprise is not a known key"),
        (("perk.0.surprise", 1), "perk[1].surprise is not a known key"),
        (("waiver.terminated_to", "2026-01-13"), "waiver.terminated_to must be a date"),
        (("waiver.terminated_to", None), "waiver.terminated_to is missing"),
        (("waiver.exclude_rejoined", 1), "waiver.exclude_rejoined must be true or false"),
        (("waiver.excluded_events", "NEW"), "waiver.excluded_events must be a list"),
        (("waiver.review_events", ["TRANSFER", "NEW"]), "NEW stands in both waiver.excluded_events and waiver.review"),
        (("waiver.non_refundable_items", ["DISCOUNT_CLAWBACK"]), "DISCOUNT_CLAWBACK stands in both"),
        (("penalty.grace_days", {"24": 180}), "penalty.grace_days.12 is missing"),
        (("penalty.grace_days", {"12": -1, "24": 180}), "penalty.grace_days.12 must be a whole number"),
        (("penalty.grace_days", {"12": True, "24": 180}), "penalty.grace_days.12 must be a whole number"),
        (("programme.timezone", "Asia/Nowhere"), "programme.timezone (Asia/Nowhere) is not a known time zone"),
        (("notices.send_from", "25:00"), "notices.send_from must be a time of day"),
        (("notices.send_from", "21:00"), "notices.send_from (21:00:00) is after notices.send_until"),
        (("supplementary_payouts.weekday", "THURSDAY"), "supplementary_payouts.weekday must be one of"),
        (("payout.1.applied_from", "x"), "payout[2].applied_from must be a date"),
        (("reminder.1.round", 1), "reminder.round 1 stands there twice"),
        (("perk.0.mode", "MAYBE"), "perk[1].mode must be one of"),
        (("perk.0.months", None), "perk[1].months or perk[1].ends must stand there"),
    ],
)
def test_a_wrong_key_is_refused_by_its_name(change: tuple[str, Any], sentence: str) -> None:
    data: Any = document()
    target = data
    *path, last = change[0].split(".")
    for key in path:
        target = target[int(key)] if isinstance(target, list) else target[key]
    if change[1] is None:
        del target[last]
    else:
        target[last] = change[1]
    assert refused(data).startswith(sentence)


def test_from_after_to_is_refused() -> None:
    data = document()
    data["waiver"]["terminated_from"] = data["waiver"]["terminated_to"].replace(year=2027)
    assert "waiver.terminated_from (2027-01-13) is after waiver.terminated_to" in refused(data)


def test_lists_may_be_empty_and_perks_have_any_code() -> None:
    data = document()
    for key in ("payout", "reminder", "perk"):
        data[key] = []
    for key, value in data["waiver"].items():
        if isinstance(value, list):
            data["waiver"][key] = []
    data["perk"] = [{"code": f"PERK-{n}", "mode": "AUTOMATIC", "unit": "LINE", "starts": d, "months": 1}
                    for n, d in enumerate([data["rewards"]["base_date"]] * 30)]  # fmt: skip
    read = programme.parse(data)
    assert (read.payouts, read.reminders, len(read.perks), read.waiver.excluded_events) == ((), (), 30, ())


def test_the_version_is_that_of_the_verdicts_only() -> None:
    first = programme.parse(document()).version
    data = document()
    data["waiver"]["excluded_events"].reverse()
    data["notices"]["sender"] = "114"
    assert programme.parse(data).version == first
    data["penalty"]["grace_days"]["24"] = 181
    second = programme.parse(data).version
    data["waiver"]["exclude_rejoined"] = True
    assert len({first, second, programme.parse(data).version}) == 3


def test_a_file_that_is_no_programme_is_one_sentence(tmp_path: Path) -> None:
    for content, sentence in ((b"\xff", "is not UTF-8"), (b"[", "is not TOML"), (b"", "programme is missing")):
        file = tmp_path / "programme.toml"
        file.write_bytes(content)
        with pytest.raises(programme.ProgrammeError, match=sentence) as error:
            programme.load(file)
        assert str(file) in str(error.value)
    with pytest.raises(programme.ProgrammeError, match="cannot be read"):
        programme.load(tmp_path / "missing.toml")


def test_every_section_of_the_installed_file_is_read() -> None:
    read = programme.load(programme.DEFAULT_FILE)
    assert {field.name for field in fields(read)} >= {"waiver", "penalty", "payouts", "reminders", "perks", "version"}
    assert [payout.pay_on.isoformat() for payout in read.payouts] == ["2026-01-22", "2026-02-05", "2026-02-19"]
    assert read.penalty.grace_days == {12: 90, 24: 180}
    assert len(read.version) == 64
