"""The portal's frame; see docs/architecture.md for the packages."""

from kt_remedy.celery import app as celery_app

__all__ = ["celery_app"]
