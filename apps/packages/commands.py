"""What the operators' commands about the APIs share: whose subscription `--user`, `--portal` and `--by` mean."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from apps.accounts.changes import ChangeRefused
from apps.accounts.commands import OperatorCommand, find_portal, find_user
from apps.accounts.models import Membership, Portal

from .errors import OWNER, NotActive, NotManager
from .models import Subscription
from .offers import check_manager


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose API: a member's, or (without one) the portal's. `by` is who wants it: that member, or a manager."""

    portal: Portal
    member: Membership | None
    by: Membership

    def subscription(self) -> Subscription:
        """What it has; NotActive where it never had any."""
        rows = Subscription.objects.select_related("portal", "membership__user")
        found = rows.filter(portal=self.portal, membership=self.member).first()
        if found is None:
            raise NotActive("API access is not active.")
        return found


class ApiCommand(OperatorCommand):
    """A command about one API: of a user (`--user`), or of a portal (`--portal` and `--by`)."""

    _named = "user"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", metavar="EMAIL", help="User API: whose")
        parser.add_argument(
            "--portal", metavar="SLUG", help="Portal API: of which portal; with --user, which of the user's portals"
        )
        parser.add_argument("--by", metavar="EMAIL", help="Portal API: the portal's manager who wants it")

    def act_for(self, *args: Any, **options: Any) -> dict[str, Any]:
        """The command's work; `owner: Owner` says for whom."""
        raise NotImplementedError

    def act(self, *, user: str | None, portal: str | None, by: str | None, **options: Any) -> dict[str, Any]:
        self._named = "user" if user else "portal"
        return self.act_for(owner=find_owner(user, portal, by), **options)

    def _option(self, field: str) -> str:
        return super()._option(self._named if field == OWNER else field)


class StatusCommand(ApiCommand):
    """A command that changes the status of one API, for a reason that is recorded."""

    reason_required: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", required=self.reason_required, default="", help="its owner reads this")

    def change(self, subscription: Subscription, reason: str) -> Subscription:
        """The function of subscriptions.py that does it."""
        raise NotImplementedError

    def act_for(self, *, owner: Owner, reason: str, **options: Any) -> dict[str, Any]:
        if self.reason_required and not reason.strip():
            raise ChangeRefused("reason", "Say why.")
        changed = self.change(owner.subscription(), reason.strip())
        return {"portal": owner.portal.slug, "api": changed.api.value, "status": changed.status}


def find_owner(user: str | None, portal: str | None, by: str | None) -> Owner:
    """Whom the three selectors mean; ChangeRefused names the one at fault."""
    if user and by:
        raise ChangeRefused("by", "It goes with --portal alone: --user is for a User API, --by for a Portal API.")
    if user:
        member = _membership(user, portal)
        return Owner(member.portal, member, member)
    if not portal:
        raise ChangeRefused("user", "Say whose API: --user EMAIL, or --portal SLUG --by EMAIL.")
    if not by:
        raise ChangeRefused("by", "Say which manager of the portal wants this: --by EMAIL.")
    found = find_portal(portal)
    return Owner(found, None, _manager(found, by))


def parse_moment(text: str, field: str) -> datetime:
    """A day (its beginning, UTC) or a moment in ISO 8601; a moment without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ChangeRefused(field, f"“{text}” is not a day such as 2027-01-31, or a moment in ISO 8601.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _membership(email: str, slug: str | None) -> Membership:
    user = find_user(email, "user")
    memberships = user.memberships.select_related("portal", "user").order_by("portal__slug")
    if slug:
        memberships = memberships.filter(portal=find_portal(slug))
    found = list(memberships)
    if not found:
        raise ChangeRefused("user", f"{user} is not a member of {f'the portal {slug}' if slug else 'any portal'}.")
    if len(found) > 1:
        slugs = ", ".join(member.portal.slug for member in found)
        raise ChangeRefused("portal", f"{user} belongs to several portals; choose one of {slugs}.")
    return found[0]


def _manager(portal: Portal, email: str) -> Membership:
    user = find_user(email, "by")
    member = portal.memberships.select_related("user").filter(user=user).first()
    if member is None:
        raise NotManager(f"{user} is not a manager of the portal {portal}.")
    check_manager(portal, member)
    return member
