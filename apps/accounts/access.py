"""Access: who asks, from which portal, through what. Made once per request; imports nothing of ours.

Everything that decides (policy, quota, `visible_to`) takes this one frozen value, so a page and an API
call that carry the same rights cannot be judged differently.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Via(StrEnum):
    """The door somebody came through. It decides which plants exist for them."""

    BROWSER = "browser"
    USER_API = "user"
    PORTAL_API = "portal"


class Role(StrEnum):
    """What somebody is in a portal."""

    MANAGER = "manager"
    MONITORING = "monitoring"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a program came with: its client's name and limits, and until when client and token work."""

    client_name: str
    networks: tuple[str, ...]
    client_expires: datetime | None
    token_expires: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """Plain values of one request. `user` and `role` are None for the Portal API, which belongs to nobody."""

    portal: UUID
    portal_slug: str
    via: Via
    user: UUID | None = None
    role: Role | None = None
    package: str | None = None  # a name in the catalog; None in the browser
    subscription: UUID | None = None
    client: int | None = None  # primary key of the API client
    plant_subset: frozenset[UUID] | None = None  # a client limited to some of its owner's plants
    per_minute: int | None = None  # limits of this subscription; None = the catalog's for the package
    per_day: int | None = None
    credentials: Credentials | None = None  # None in the browser

    @property
    def sees_whole_portal(self) -> bool:
        """Managers in the browser and the Portal API see every plant; everybody else the assigned ones."""
        return self.via is Via.PORTAL_API or (self.via is Via.BROWSER and self.role is Role.MANAGER)
