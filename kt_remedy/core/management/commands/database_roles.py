"""`manage.py database_roles`: the SQL that a database administrator runs once for a new server."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from kt_remedy.core import roles

PASSWORDS = """
-- Give each role a password of its own, which no file should hold: in psql, \\password remedy_web and so on. Then run
-- `manage.py migrate` as remedy_migrate (MIGRATE_DATABASE_URL), which grants each role what it needs.
"""


class Command(BaseCommand):
    help = "Print the SQL that makes the database roles and gives the database to its owner; a superuser runs it once."
    requires_system_checks: list[str] = []  # they would ask the database, which has no roles yet

    def handle(self, *args: Any, **options: Any) -> None:
        database = str(connection.settings_dict["NAME"])
        self.stdout.write(
            roles.roles_sql() + roles.limits_sql(settings.STATEMENT_TIMEOUTS) + roles.database_sql(database) + PASSWORDS
        )
