"""What an operator of the server does about somebody's ways in: ends their sessions, takes lost second factors away."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from . import audit, sessions
from .audit import Actor
from .models import User


@transaction.atomic
def end_sessions(user: User, actor: Actor, reason: str) -> int:
    """Log somebody out everywhere; how many sessions that were alive."""
    return _end(user, actor, reason, None)


@transaction.atomic
def end_session(session: UserSession, actor: Actor, reason: str) -> int:
    """Log somebody out of one browser; whether that was alive."""
    return _end(session.user, actor, reason, session.pk)


def _end(user: User, actor: Actor, reason: str, only: int | None) -> int:
    ended = sessions.end(user, only=only)
    audit.record(actor, "user.sessions_ended", user, portal=None, after={"sessions": ended}, reason=reason)
    return ended


@transaction.atomic
def remove_second_factors(user: User, actor: Actor, reason: str) -> int:
    """Delete every second factor, recovery codes and passkeys included, and log them out; how many there were.

    Their password alone opens the account from now on: be sure who asks for this.
    """
    found = Authenticator.objects.filter(user=user)
    kinds = sorted(found.values_list("type", flat=True))
    found.delete()
    sessions.end(user)
    audit.record(actor, "user.second_factors_removed", user, portal=None, before={"factors": kinds}, reason=reason)
    return len(kinds)
