"""The programme file: its values, and errors that name the wrong key."""

import datetime as dt
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from kt_remedy.core import programme

TEXT = programme.DEFAULT_FILE.read_text(encoding="utf-8")
PAST = dt.date(2026, 1, 13)
LATER = dt.datetime(2026, 1, 22, 15, 0, tzinfo=dt.UTC)  # midnight in Seoul: the next day


def document() -> dict[str, Any]:
    return tomllib.loads(TEXT)


def refused(data: dict[str, Any]) -> list[str]:
    with pytest.raises(programme.ProgrammeError) as error:
        programme.parse(data)
    return error.value.faults


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
        (("notices.send_from", "21:00"), "notices.send_from (21:00) is after notices.send_until (20:00)"),
        (("supplementary_payouts.weekday", "THURSDAY"), "supplementary_payouts.weekday must be one of"),
        (("payout.1.applied_from", "x"), "payout[2].applied_from must be a date"),
        (("reminder.1.round", 1), "reminder[2].round (1) is the same as reminder[1].round"),
        (("perk.4.code", "OTT"), "perk[5].code (OTT) is the same as perk[3].code"),
        (("perk.2.choices.1.code", "TVING"), "perk[3].choices[2].code (TVING) is the same as perk[3].choices[1].code"),
        (("perk.2.choices.1.minimum_age", -1), "perk[3].choices[2].minimum_age must be a whole number, 0 or more"),
        (("perk.2.choices", {"code": "TVING"}), "perk[3].choices must be a list of tables"),
        (("waiver.excluded_events", ["NEW", "new"]), "waiver.excluded_events[2] must be a code of capital letters"),
        (("waiver", []), "waiver must be a table"),
        (("waiver.two words", 1), 'waiver."two words" is not a known key'),
        (
            ("penalty.grace_days", {"12": 1, "24": 1, "x": 1}),
            "penalty.grace_days.x must be named by a number",
        ),
        (("penalty.grace_days", 90), "penalty.grace_days must be a table of months and days"),
        (("payout.0.cut_off", LATER.replace(tzinfo=None)), "payout[1].cut_off must be a time with its offset"),
        (("payout.0.cut_off", LATER), "payout[1].cut_off (2026-01-23) is after payout[1].pay_on (2026-01-22)"),
        (
            ("payout.0.applied_to", PAST),
            "payout[1].applied_from (2026-01-14) is after payout[1].applied_to",
        ),
        (("applications.closes", PAST), "applications.opens (2026-01-14) is after applications.closes (2026-01-13)"),
        (("notices.sender", "080-470"), "notices.sender must be a telephone number"),
        (("programme.hotline", " "), "programme.hotline must be a text that is not empty"),
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
    faults = refused(data)
    assert len(faults) == 1, faults
    assert faults[0].startswith(sentence)


def test_all_faults_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    """A fault of a value hides no other fault and no contradiction, in its own table or another one."""
    changes = {
        'excluded_networks = ["MVNO"]             # A': 'excluded_networks = "MVNO"',
        'review_events = ["AUTO_RENEWAL", "TRANSFER"]': 'review_events = ["NEW", "RECONTRACT"]',
        "pay_on = 2026-02-05": "pay_on = 2026-02-02\nsurprise = 1",
        "until = 2026-06-25": "",
        "round = 3": "round = 0",
        "round = 2": "round = 1",
    }
    text = TEXT
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = tmp_path / "programme.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(programme.ProgrammeError) as error:
        programme.load(file)
    expected = [
        "waiver.excluded_networks must be a list of codes",
        "supplementary_payouts.until is missing",
        "payout[2].surprise is not a known key",
        "reminder[3].round must be a whole number, 1 or more",
        "NEW stands in both waiver.excluded_events and waiver.review_events",
        "RECONTRACT stands in both waiver.excluded_events and waiver.review_events",
        "payout[2].cut_off (2026-02-03) is after payout[2].pay_on (2026-02-02)",
        "reminder[2].round (1) is the same as reminder[1].round",
    ]
    assert error.value.faults == [f"programme file {file}: {sentence}" for sentence in expected]
    assert str(error.value).splitlines() == error.value.faults


def test_from_after_to_is_refused() -> None:
    data = document()
    data["waiver"]["terminated_from"] = data["waiver"]["terminated_to"].replace(year=2027)
    assert refused(data) == ["waiver.terminated_from (2027-01-13) is after waiver.terminated_to (2026-01-13)"]


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


def test_a_file_that_is_no_programme_is_refused_by_its_name(tmp_path: Path) -> None:
    for content, sentence in ((b"\xff", "is not UTF-8"), (b"[", "is not TOML"), (b"", "programme is missing")):
        file = tmp_path / "programme.toml"
        file.write_bytes(content)
        with pytest.raises(programme.ProgrammeError, match=sentence) as error:
            programme.load(file)
        assert all(str(file) in fault for fault in error.value.faults)
    with pytest.raises(programme.ProgrammeError, match="cannot be read"):
        programme.load(tmp_path / "missing.toml")


def test_every_section_of_the_installed_file_is_read() -> None:
    read = programme.load(programme.DEFAULT_FILE)
    assert {field.name for field in fields(read)} >= {"waiver", "penalty", "payouts", "reminders", "perks", "version"}
    assert [payout.pay_on.isoformat() for payout in read.payouts] == ["2026-01-22", "2026-02-05", "2026-02-19"]
    assert read.penalty.grace_days == {12: 90, 24: 180}
    assert len(read.version) == 64
