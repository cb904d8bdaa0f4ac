"""The members of a portal as a list: who they are, found by a part of their name, by role or by state."""

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q, QuerySet
from django.utils import timezone

from .invitations import State
from .models import Membership, Portal


def members(portal: Portal) -> QuerySet[Membership]:
    """Everybody in the portal by e-mail address, with what `state_of` and a list need."""
    rows = Membership.objects.filter(portal=portal).select_related("user", "invitation")
    return rows.order_by("user__email")


def matching(
    memberships: QuerySet[Membership], text: str = "", role: str = "", state: str = ""
) -> QuerySet[Membership]:
    """Those with the text in name or address, this role and this state; an empty value asks for nothing."""
    if text:
        memberships = memberships.filter(Q(user__email__icontains=text) | Q(user__name__icontains=text))
    if role:
        memberships = memberships.filter(role=role)
    return memberships.filter(_in_state(State(state))) if state else memberships


def _in_state(state: State) -> Q:
    """The condition that `state_of` has in words, for the database."""
    if state is State.DISABLED:
        return Q(user__is_active=False)
    waiting = Q(user__is_active=True, user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    if state is State.ACTIVE:
        return Q(user__is_active=True) & ~Q(user__password__startswith=UNUSABLE_PASSWORD_PREFIX)
    if state is State.UNINVITED:
        return waiting & Q(invitation=None)
    now = timezone.now()
    return waiting & (
        Q(invitation__expires_at__gt=now) if state is State.INVITED else Q(invitation__expires_at__lte=now)
    )
