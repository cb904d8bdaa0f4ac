"""Celery's side of accounts: cleaning up."""

from celery import shared_task
from django.utils import timezone

from . import invitations, sessions


@shared_task(name="accounts.clear_sessions")
def clear_sessions() -> int:
    """Delete browser sessions that have expired."""
    return sessions.clear_expired()


@shared_task(name="accounts.forget_invitations")
def forget_invitations() -> int:
    """Delete invitations that expired long ago."""
    return invitations.forget_expired(timezone.now())
