"""The bank of these tests answers what a test tells it to; no network."""

from collections.abc import Callable

import pytest


class Bank:
    """Answers every question with `outcome`, and counts the questions."""

    outcome, reason = "MATCH", "EXACT"
    asked = 0

    def ask(self, account: object) -> tuple[str, str, str]:
        self.asked += 1
        return self.outcome, self.reason if self.outcome in {"MATCH", "MISMATCH"} else "", "check-1"


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    from refunds.accounts import service as accounts  # models cannot be loaded when this file is

    answering = Bank()
    monkeypatch.setattr(accounts, "request_holder_check", answering.ask)
    return answering


@pytest.fixture
def no_sample(settings: object) -> Callable[[], None]:
    settings.QA_SAMPLE_PERCENT = 0
    return lambda: None
