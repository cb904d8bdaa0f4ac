"""Who reads the documentation: of which API, with which package, and whether calls can be tried."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.accounts.access import Role
from apps.packages import subscriptions
from apps.packages.catalog import Api, Function, Package, granted
from apps.packages.models import Subscription
from apps.web.session import PortalRequest

Status = Subscription.Status

WHY_NOT: dict[Status, str | Promise] = {
    Status.OFF: _("API access is not switched on yet. Calls can be tried once it is."),
    Status.SUSPENDED: _("API access is suspended, so calls cannot be tried."),
    Status.AWAITING: _("API access awaits approval. Calls can be tried once a manager has approved it."),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """An API somebody may use, as it stands. `subscription` is None where it was never asked for."""

    api: Api
    subscription: Subscription | None

    @property
    def status(self) -> Status:
        return Status(self.subscription.status) if self.subscription else Status.OFF

    @property
    def active(self) -> bool:
        return self.status is Status.ACTIVE

    @property
    def why_not(self) -> str | Promise | None:
        """Why calls cannot be tried; None where they can."""
        return WHY_NOT.get(self.status)

    @property
    def package(self) -> Package:
        """That of the subscription; the smallest where there is none."""
        if self.subscription is None or self.status is Status.OFF:
            return next(iter(Package))
        return Package(self.subscription.package)

    @property
    def larger(self) -> Package | None:
        """The package that holds everything of this one and more, if there is one."""
        own = set(self.functions)
        return next((one for one in Package if set(granted(self.api, one)) > own), None)

    @property
    def functions(self) -> tuple[Function, ...]:
        return granted(self.api, self.package)


def apis_of(request: PortalRequest) -> list[Api]:
    """The APIs somebody may use: managers also that of the portal."""
    return [Api.USER, Api.PORTAL] if request.access.role is Role.MANAGER else [Api.USER]


def reader_of(request: PortalRequest, api: Api) -> Reader:
    """The reader as a user of that API, which must be one of `apis_of`."""
    member = request.membership if api is Api.USER else None
    return Reader(api, subscriptions.find(request.portal, member))


def chosen(request: PortalRequest) -> Reader:
    """The reader as `?api=` says; else with an API that is active, that of the portal first."""
    possible = apis_of(request)
    asked = request.GET.get("api")
    if asked in possible:
        return reader_of(request, Api(asked))
    readers = [reader_of(request, api) for api in reversed(possible)]
    return next((one for one in readers if one.active), readers[0])
