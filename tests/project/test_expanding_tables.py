"""Migrations since the release before only add, so that its code works on the tables of today (docs/operations.md).

`tests/cases/released.csv` names the last migration of the release before; it is moved on with each release. A migration
that drops what the release before has stopped to read says so: `contracts = "since 2027.1 nobody reads …"`.

The rule reads operations. It does not see a trigger or a constraint that refuses what the old code writes, nor rows
that the old code misreads: `tests/recovery/test_old_and_new.py` runs the old code for that.
"""

import csv
import re
from collections.abc import Iterable, Iterator

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from tests.conftest import ROOT

OWN = {row["app"]: row["migration"] for row in csv.DictReader((ROOT / "tests/cases/released.csv").open())}
GONE = (migrations.DeleteModel, migrations.RemoveField, migrations.RenameField, migrations.RenameModel)
NARROW = (migrations.AddConstraint, migrations.AlterModelTable, migrations.AlterUniqueTogether)
DROPS = re.compile(
    r"\bDROP\s+(TABLE|COLUMN|VIEW|SCHEMA)\b|\bRENAME\b|\bSET\s+NOT\s+NULL\b|\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\b",
    re.IGNORECASE,
)


def narrowing(app: str, operations: Iterable[Operation], state: ProjectState, new: set[str]) -> Iterator[str]:
    """Operations that the old code would not survive. `state` is moved on; models in `new` are unknown to old code."""
    for operation in operations:
        name = getattr(operation, "model_name", None) or getattr(operation, "name", "")
        if isinstance(operation, migrations.CreateModel):
            new.add(f"{app}.{operation.name_lower}")
        elif isinstance(operation, migrations.RunSQL):
            if any(DROPS.search(statement) for statement in texts(operation.sql)):
                yield "RunSQL drops or narrows"
        elif isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from narrowing(app, operation.database_operations, state.clone(), new)
        elif f"{app}.{name.lower()}" not in new and narrows(app, operation, state):
            yield operation.describe()
        operation.state_forwards(app, state)


def texts(sql: object) -> list[str]:
    """The statements of RunSQL, which takes a text or a list of texts and of pairs of text and values."""
    return [sql] if isinstance(sql, str) else [part if isinstance(part, str) else part[0] for part in sql]


def narrows(app: str, operation: Operation, state: ProjectState) -> bool:
    """Whether a table that the old code knows loses something, or takes less than before."""
    if isinstance(operation, GONE + NARROW):
        return True
    if isinstance(operation, migrations.AddField):
        field = operation.field
        return not (field.null or field.has_db_default() or field.many_to_many)
    if isinstance(operation, migrations.AlterField):
        before = state.models[app, operation.model_name_lower].fields[operation.name_lower]
        after = operation.field
        longer = isinstance(after, models.CharField) and (before.max_length or 0) <= (after.max_length or 0)
        same = before.get_internal_type() == after.get_internal_type()
        return not same or (before.null and not after.null) or (after.unique and not before.unique) or (
            isinstance(after, models.CharField) and not longer
        )  # fmt: skip
    return False


def since_the_release() -> Iterator[tuple[str, str, list[str]]]:
    """App, name and faults of each migration that came after the release before."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    plan, state, new = [], ProjectState(), set()
    for leaf in sorted(loader.graph.leaf_nodes()):
        plan += [node for node in loader.graph.forwards_plan(leaf) if node not in plan]
    for app, name in plan:
        migration = loader.get_migration(app, name)
        if app in OWN and name[:4] > OWN[app][:4]:
            faults = list(narrowing(app, migration.operations, state, new))
            yield app, name, [] if getattr(migration, "contracts", "") else faults
        else:
            migration.mutate_state(state, preserve=False)


def test_the_release_before_has_its_migrations() -> None:
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    assert [row for row in OWN.items() if row not in known] == []


def test_no_migration_since_the_release_takes_anything_away() -> None:
    assert [f"{app} {name}: {fault}" for app, name, faults in since_the_release() for fault in faults] == []


CHAR = models.CharField(max_length=20)
NAME_GONE = migrations.RemoveField("Line", "name")
CASES: dict[str, tuple[Operation, bool]] = {
    "a column that may be empty": (migrations.AddField("Line", "note", models.TextField(null=True)), False),
    "a default of the database": (migrations.AddField("Line", "n", models.IntegerField(db_default=0)), False),
    "a default of the code alone": (migrations.AddField("Line", "n", models.IntegerField(default=0)), True),
    "a column gone": (NAME_GONE, True),
    "a column renamed": (migrations.RenameField("Line", "name", "title"), True),
    "a table gone": (migrations.DeleteModel("Line"), True),
    "a longer text": (migrations.AlterField("Line", "name", models.CharField(max_length=30)), False),
    "other words for people": (migrations.AlterField("Line", "name", models.CharField("n", max_length=20)), False),
    "a shorter text": (migrations.AlterField("Line", "name", models.CharField(max_length=10)), True),
    "another type": (migrations.AlterField("Line", "name", models.IntegerField()), True),
    "no longer empty": (migrations.AlterField("Line", "hint", models.CharField(max_length=20)), True),
    "an index": (AddIndexConcurrently("Line", models.Index(fields=["name"], name="line_name")), False),
    "one of a kind": (migrations.AddConstraint("Line", models.UniqueConstraint(fields=["name"], name="one")), True),
    "SQL that adds": (migrations.RunSQL("CREATE INDEX CONCURRENTLY a ON line (name)"), False),
    "SQL that drops": (migrations.RunSQL([("ALTER TABLE line DROP COLUMN name", None)]), True),
    "SQL that narrows": (migrations.RunSQL("ALTER TABLE line ALTER name SET NOT NULL"), True),
    "dropped outside the state": (migrations.SeparateDatabaseAndState([NAME_GONE]), True),
    "dropped in the state alone": (migrations.SeparateDatabaseAndState(state_operations=[NAME_GONE]), False),
}


@pytest.mark.parametrize(("operation", "refused"), CASES.values(), ids=CASES)
def test_an_operation_that_old_code_would_not_survive_is_named(operation: Operation, refused: bool) -> None:
    state = ProjectState()
    fields = [("id", models.BigAutoField(primary_key=True)), ("name", CHAR), ("hint", CHAR.clone())]
    state.add_model(ModelState("shop", "Line", fields))
    state.models["shop", "line"].fields["hint"].null = True
    assert bool(list(narrowing("shop", [operation], state, set()))) is refused


def test_a_table_that_is_new_may_be_changed() -> None:
    made = migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True)), ("text", CHAR)])
    assert list(narrowing("shop", [made, migrations.RemoveField("Note", "text")], ProjectState(), set())) == []
