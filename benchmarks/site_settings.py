"""The portal's own settings with the floors' routes beside its own, and static files that need no collecting."""

from kt_remedy.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.site_urls"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
