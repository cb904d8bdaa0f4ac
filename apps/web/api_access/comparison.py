"""What the packages of an API hold, side by side, and what changes between them: drawn from the catalog alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts.models import Portal
from apps.packages import subscriptions
from apps.packages.catalog import CATEGORIES, FUNCTIONS, Api, Approval, Depth, Function, Package, readable
from apps.packages.models import PackageSettings, Subscription
from apps.packages.offers import settings_of
from apps.packages.usage import KEPT
from apps.web.units import whole

DATA: Mapping[str, str | Promise] = {
    "production": gettext_lazy("Production values"),
    "consumption": gettext_lazy("Consumption values"),
    "battery": gettext_lazy("Battery storage values"),
    "meter": gettext_lazy("Meter values"),
    "sensor": gettext_lazy("Sensor values"),
    "kpi": gettext_lazy("Key performance indicators"),
}
DATA_AT: Mapping[Depth, str | Promise] = {
    Depth.PLANT: gettext_lazy("totals of the plant"),
    Depth.DEVICE: gettext_lazy("single devices"),
}


def name_of(package: Package) -> str:
    """A package as people read it."""
    return package.capitalize()


def api_name(api: Api) -> str:
    """An API as people read it."""
    return _("User API") if api is Api.USER else _("Portal API")


# --- The table ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """What a package says to a row: yes, no, or in words (then `has` colours nothing)."""

    has: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; `note` says where it is to be had if not here."""

    label: str
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that belong together."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table: a column for each package, in the order of the catalog."""

    offers: tuple[PackageSettings, ...]
    sections: tuple[Section, ...]


def compare(portal: Portal, api: Api) -> Comparison:
    """What each package of `api` holds in this portal. Two statements."""
    offers = tuple(settings_of(portal, package) for package in Package)
    return Comparison(
        offers,
        (
            Section(_("Limits"), tuple(_limits(api, offers))),
            Section(_("Data"), tuple(_data(api, category) for category in _categories())),
            Section(_("Calls"), tuple(_function(api, row) for row in FUNCTIONS)),
        ),
    )


def _limits(api: Api, offers: tuple[PackageSettings, ...]) -> Iterator[Row]:
    yield from _counts(offers)
    yield _words(_("Starts"), [_start(api, offer) for offer in offers])
    yield _words(_("History"), [_("all data since the start")] * len(offers))
    yield _words(_("Records of your calls"), [_("kept for %(days)d days") % {"days": KEPT.days}] * len(offers))


def _counts(offers: tuple[PackageSettings, ...]) -> Iterator[Row]:
    yield _words(_("Calls per minute"), [whole(offer.per_minute) for offer in offers])
    yield _words(_("Calls per day"), [whole(offer.per_day) for offer in offers])
    yield _words(_("Clients at most"), [whole(offer.max_clients) for offer in offers])


def _words(label: str, texts: list[str]) -> Row:
    return Row(label, tuple(Cell(None, text) for text in texts))


def waits_for_manager(api: Api, offer: PackageSettings) -> bool:
    """Whether a manager has to say yes before a package begins to work."""
    return api is Api.USER and offer.approval == Approval.MANAGER


def _start(api: Api, offer: PackageSettings) -> str:
    return _("after approval by a manager") if waits_for_manager(api, offer) else _("at once")


def _categories() -> list[str]:
    return list(dict.fromkeys(category for category, _depth in CATEGORIES))


def _data(api: Api, category: str) -> Row:
    return Row(str(DATA[category]), tuple(_depths(api, package, category) for package in Package))


def _depths(api: Api, package: Package, category: str) -> Cell:
    depths = {depth for name, depth in readable(api, package) if name == category}
    if depths == set(Depth):
        return Cell(True, _("plant totals and single devices"))
    if depths == {Depth.PLANT}:
        return Cell(True, _("plant totals only"))
    return Cell(bool(depths), _("single devices only") if depths else _("no"))


def _function(api: Api, function: Function) -> Row:
    has = [(api, package) in function.packages for package in Package]
    cells = tuple(Cell(one, _("yes") if one else _("no")) for one in has)
    return Row(_(function.summary), cells, "" if any(has) else _only_in(function))


def _only_in(function: Function) -> str:
    holders = sorted(f"{api_name(api)} {name_of(package)}" for api, package in function.packages)
    return _("Only in: %(packages)s") % {"packages": ", ".join(holders)}


# --- From one package to another ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lost:
    """A function that goes, and how often it was called lately."""

    summary: str
    calls: int


@dataclass(frozen=True, slots=True)
class Change:
    """What another package means for a subscription, for people who are about to confirm it."""

    gained: tuple[str, ...]
    gained_data: tuple[str, ...]
    lost: tuple[Lost, ...]
    lost_data: tuple[str, ...]
    limits: tuple[Row, ...]
    needs_manager: bool

    @property
    def called(self) -> tuple[Lost, ...]:
        """What goes and was used."""
        return tuple(one for one in self.lost if one.calls)


def change(subscription: Subscription, package: Package) -> Change:
    """The honest difference, from the statistics of the last 30 days."""
    by_name = {function.name: _(function.summary) for function in FUNCTIONS}
    found, api = subscriptions.difference(subscription, package), subscription.api
    now, then = readable(api, Package(subscription.package)), readable(api, package)
    offers = settings_of(subscription.portal, Package(subscription.package)), settings_of(subscription.portal, package)
    lost = (Lost(by_name[name], found.lost_calls[name]) for name in found.lost)
    return Change(
        gained=tuple(by_name[name] for name in found.gained),
        gained_data=tuple(_kind(kind) for kind in then if kind not in now),
        lost=tuple(sorted(lost, key=lambda one: -one.calls)),
        lost_data=tuple(_kind(kind) for kind in now if kind not in then),
        limits=tuple(_counts(offers)),
        needs_manager=bool(found.gained) and waits_for_manager(api, offers[1]),
    )


def _kind(kind: tuple[str, Depth]) -> str:
    return f"{DATA[kind[0]]}: {DATA_AT[kind[1]]}"


def own_limits_hold(subscription: Subscription, now: datetime) -> bool:
    """Whether limits given to this subscription alone hold now; they do in every package."""
    given = subscription.override_per_minute or subscription.override_per_day
    return bool(given) and (subscription.override_until is None or subscription.override_until > now)
