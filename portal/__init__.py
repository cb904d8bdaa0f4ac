"""Wiring only. The Celery app is made with the package, so that every process sends to the same broker."""

from .celery import app as celery_app

__all__ = ["celery_app"]
