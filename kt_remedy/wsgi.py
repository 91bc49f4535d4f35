"""The web server's entry: `gunicorn kt_remedy.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kt_remedy.settings")

application = get_wsgi_application()
