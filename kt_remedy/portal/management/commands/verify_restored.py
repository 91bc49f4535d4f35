"""`manage.py verify_restored`: whether the keys fit this database and each of its documents is there, as JSON."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from kt_remedy.portal.backup import checks


class Command(BaseCommand):
    help = "Try the keys on this database and read each of its documents; prints JSON. `backup_drill` runs it."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(asdict(checks.look())))
