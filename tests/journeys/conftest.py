import pytest
from playwright.sync_api import Page

from tests.journeys.cast import Visitor


@pytest.fixture
def visitor(page: Page, live_server, subtests: pytest.Subtests) -> Visitor:
    """The cast, one after another, in front of one telephone."""
    return Visitor(page, live_server.url, subtests)
