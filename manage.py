#!/usr/bin/env python
"""Django's command line for the portal: `python manage.py help` lists the commands."""

import os
import sys

# Commands that read no database, and the one that names every fault.
WITHOUT_DATABASE = {"check", "collectstatic", "compilemessages", "diffsettings", "help", "judge", "sample_feed"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kt_remedy.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        if sys.argv[1:] and sys.argv[1] not in WITHOUT_DATABASE:
            django.setup()
            from kt_remedy import checks  # needs the applications

            checks.refuse_demonstration()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    except OperationalError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
        sys.exit(f"The database does not answer: {reason}. Start it with `make run`, or mend DATABASE_URL.")


if __name__ == "__main__":
    main()
