"""The throw-away servers behind every test."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db


def test_the_tests_run_on_postgresql():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        assert cursor.fetchone()[0] >= 150000


def test_business_time_is_set_by_the_fixture(at):
    from kt_remedy.core import clock

    instant = at("2026-02-05T09:30+09:00")
    assert 0 <= (clock.now() - instant).total_seconds() < 5
    assert str(clock.today()) == "2026-02-05"
