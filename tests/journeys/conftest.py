import pytest


@pytest.fixture
def visitor(page, live_server, subtests: pytest.Subtests):
    """The cast, one after another, in front of one telephone."""
    from tests.journeys.cast import Visitor  # models cannot be loaded when this file is

    return Visitor(page, live_server.url, subtests)
