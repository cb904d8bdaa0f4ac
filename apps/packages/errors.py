"""Why a wish about subscriptions, clients or secrets was refused. The text is for a human, and nothing was changed.

`field` names the input at fault as everywhere: forms mark it, commands print it as an option and end with status 1.
`OWNER` stands for whoever the subscription belongs to, a user or a portal.
"""

from typing import ClassVar

from apps.accounts.changes import ChangeRefused

OWNER = "owner"


class Refused(ChangeRefused):
    """Any refusal below."""

    about: ClassVar[str] = OWNER

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(field or self.about, message)


class UnknownPackage(Refused):
    """No such package in the catalog."""

    about = "package"


class NotManager(Refused):
    """Only a manager of the portal may do this."""

    about = "by"


class UserDisabled(Refused):
    """The account behind the subscription is switched off."""


class AlreadyActive(Refused):
    """A second activation; the first one stays as it is."""


class NotActive(Refused):
    """There is no active subscription to act on."""


class Suspended(NotActive):
    """An administrator stopped the subscription: its owner cannot get round that."""


class TermsNotAccepted(Refused):
    """The portal has terms of use, and these are not the ones that were accepted."""

    about = "accept_terms"


class NeedsApproval(Refused):
    """The package is given by a manager of the portal only."""

    about = "package"


class NotAwaiting(Refused):
    """There is nothing to approve or to reject."""


class InvalidSettings(Refused):
    """A limit, or the day until which it holds, cannot be used; `field` says which."""

    about = "per_minute"


class InvalidTerms(Refused):
    """Terms of use that cannot be published; `field` says why."""

    about = "version"


class InvalidClient(Refused):
    """A client's name, plants, networks, expiry or overlap cannot be used; `field` says which."""

    about = "name"


class TooManyClients(Refused):
    """The subscription has as many clients as its package allows."""

    about = "name"


class TooManySecrets(Refused):
    """A client has at most two live secrets."""

    about = "client"


class AlreadyRotated(Refused):
    """The secret to be replaced is no longer the newest one: the form was sent before."""

    about = "replaces"


class DeadSecret(Refused):
    """The secret was revoked or has expired before."""

    about = "secret"
