"""Browser sessions: which of them live, when and from where they were used last, and their end."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from .models import User

UNKNOWN = "0.0.0.0"  # noqa: S104  (the server was told no address)


def seen(user: User, key: str, address: str | None, device: str) -> None:
    """Note that a session was used, in one statement."""
    width = UserSession._meta.get_field("user_agent").max_length
    row = UserSession(
        user=user, session_key=key, ip=address or UNKNOWN, user_agent=device[:width], last_seen_at=timezone.now()
    )
    UserSession.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["session_key"],
        update_fields=["user", "ip", "user_agent", "last_seen_at"],
    )


def living(user: User) -> list[UserSession]:
    """The sessions that still open something, the last used first."""
    return list(UserSession.objects.filter(user=user, session_key__in=_valid_keys()).order_by("-last_seen_at"))


def end(user: User, *, only: int | None = None, keep: str | None = None) -> int:
    """End all sessions of a user, or `only` the one with this id, save that with the key `keep`. Returns how many."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=keep)
    if only is not None:
        rows = rows.filter(pk=only)
    keys = list(rows.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    return ended


def clear_expired() -> int:
    """Delete the sessions that open nothing any more, and what is known of them. Returns how many."""
    deleted, _kinds = Session.objects.filter(expire_date__lte=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return deleted


def _valid_keys() -> object:
    return Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
