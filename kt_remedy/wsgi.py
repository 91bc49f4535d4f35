"""The web server's entry: `gunicorn kt_remedy.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ["REMEDY_PROCESS"] = "web"  # the settings leave the key of the audit's chain out
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kt_remedy.settings")

application = get_wsgi_application()

from kt_remedy import checks  # noqa: E402  (needs the applications)

checks.refuse_demonstration()
