"""Refusals: every code that is raised alone has a sentence for the reader."""

import inspect
import re
from pathlib import Path

import pytest
from django.utils import translation

from eligibility.service import NotDecidable
from kt_remedy.core.errors import Refused
from kt_remedy.notices.mailings import MailingError
from kt_remedy.notices.unreached import ReachedError
from kt_remedy.staff.service import NotAllowed
from refunds.accounts.service import AccountRefused
from refunds.applications.file_types import WrongFile
from refunds.applications.transitions import Refused as ApplicationRefused
from rewards.service import PerkRefused

KINDS = (
    AccountRefused, ApplicationRefused, NotAllowed, NotDecidable, PerkRefused, ReachedError, MailingError, WrongFile,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_code_that_is_raised_alone_has_a_sentence(kind: type[Refused]) -> None:
    package = Path(inspect.getfile(kind)).parent
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py")))
    alone = set(re.findall(rf'raise {kind.__name__}\("([A-Z_]+)"\)', source))
    assert alone - set(kind.sentences) == set()


def test_the_message_is_a_sentence_in_the_language_of_the_page() -> None:
    refused = PerkRefused("NOT_OPEN")
    with translation.override("ko"):
        assert refused.message == "아직 고르는 기간이 아닙니다."
    with translation.override("en"):
        assert refused.message != "아직 고르는 기간이 아닙니다."
    assert ApplicationRefused("OVER", "이미 끝난 신청입니다.").message == "이미 끝난 신청입니다."
