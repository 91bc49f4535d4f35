"""The portal's frame; see README for the rooms."""

from kt_remedy.celery import app as celery_app

__all__ = ["celery_app"]
