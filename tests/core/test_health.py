"""/livez and /readyz."""

import pytest
from django.db import OperationalError, connection

from kt_remedy.core import health
from tests.owner import as_owner


def test_livez_asks_no_database(client):
    assert client.get("/livez").json() == {"status": "ok"}


@pytest.mark.django_db
def test_readyz_is_ready_on_a_migrated_database(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "keys": "ok", "database": "ok", "migrations": "ok", "cache": "ok"}
    assert "no-cache" in answer["Cache-Control"]


@pytest.mark.django_db
def test_readyz_refuses_without_keys(client, settings):
    settings.FIELD_KEYS = {}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["keys"] == "missing"


@pytest.mark.django_db
def test_readyz_refuses_with_a_migration_to_come(client, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'core'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "pending"


@pytest.mark.django_db
def test_readyz_refuses_without_the_table_of_the_cache(client):
    with as_owner(), connection.cursor() as cursor:
        cursor.execute('DROP TABLE "cache"')
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "keys": "ok",
        "database": "ok",
        "migrations": "ok",
        "cache": "unreachable",
    }


@pytest.mark.django_db
def test_readyz_leaves_nothing_in_the_cache(client):
    client.get("/readyz")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM \"cache\" WHERE cache_key LIKE '%%readyz%%'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_readyz_refuses_a_database_that_takes_no_writes(client):
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "read-only"


@pytest.mark.django_db
def test_readyz_refuses_without_a_database(client, monkeypatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", fail)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "unreachable"
