"""Calls about what exists: administration, data source and the client itself. Series are in series.py.

Rules live elsewhere: who may call (base, policy), which plants exist (visible_to), which parameters (parameters).
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound

from apps.accounts.access import Credentials
from apps.events import log
from apps.events.models import ComponentEvent
from apps.measurements import grid, performance
from apps.packages import catalog, policy, quota
from apps.packages.catalog import MOST_EVENTS, MOST_PLANTS_A_PAGE
from apps.plants import epochs
from apps.plants.filters import CLASSES, narrowed
from apps.plants.models import Component, Fleet, Plant

from . import parameters as p
from . import serializers, shapes
from .base import ApiView
from .errors import InvalidParameters
from .parameters import Parameter

DAY = dt.timedelta(days=1)


# --- Administration -----------------------------------------------------------------------------------------


class PlantListView(ApiView):
    """What calls 1 and 7 share: the list form of plants."""

    answer = serializers.PlantSerializer
    many = True

    def listed(self, plants: Iterable[Plant]) -> list[dict[str, Any]]:
        """Plants in list form; three statements, whatever their number."""
        found = list(plants)
        context = {"kinds": epochs.kinds_on(found, self.now.date()), "fleet_counts": self.fleet_counts(found)}
        return list(self.answer(found, many=True, context=context).data)

    def fleet_counts(self, plants: Sequence[Plant]) -> dict[Any, int]:
        """How many fleets hold each plant, as far as this access sees fleets at all."""
        fleets = Fleet.objects.visible_to(self.access).filter(plants__in=plants)
        return dict(fleets.values_list("plants").annotate(Count("pk")))


class PlantsView(PlantListView):
    path = "administration/plants"
    parameters = (
        Parameter("search", p.words, "Part of label, city or serial number.", {"type": "string"}),
        Parameter("status", p.one_of(*Plant.Status.values), "Status of the plant.", {"enum": Plant.Status.values}),
        Parameter("health", p.one_of(*Plant.Health.values), "State of health.", {"enum": Plant.Health.values}),
        Parameter("sizeMin", p.number(0, 999_999_999), "At least this many Wp.", {"type": "integer", "minimum": 0}),
        Parameter("sizeMax", p.number(0, 999_999_999), "At most this many Wp.", {"type": "integer", "minimum": 0}),
        Parameter("country", p.words, "ISO 3166-1 alpha-2 code.", {"type": "string", "maxLength": 200}),
        Parameter("componentsClass", p.one_of(*CLASSES), "Has components of this class.", {"enum": list(CLASSES)}),
        Parameter("fleet", p.parse_uuid, "Id of a fleet.", {"type": "string", "format": "uuid"}),
        Parameter("page", p.number(1, 999_999), "Page number, from 1.", {"type": "integer", "minimum": 1}),
        Parameter(
            "pageSize",
            p.number(1, MOST_PLANTS_A_PAGE),
            "Plants a page (100 where only `page` is given).",
            {"type": "integer", "minimum": 1, "maximum": MOST_PLANTS_A_PAGE},
        ),
    )

    def get(self, request: HttpRequest) -> HttpResponseBase:
        given = {name: value for name, value in self.query.items() if value is not None}
        visible = Plant.objects.visible_to(self.access).select_related("address")
        plants = narrowed(visible, given).order_by("label", "id")
        if "page" not in given and "pageSize" not in given:
            return self.json(self.listed(plants))
        return self.paged(plants, given.get("page", 1), given.get("pageSize", 100))

    def paged(self, plants: QuerySet[Plant], page: int, size: int) -> HttpResponseBase:
        """One page, with links to the others (RFC 8288)."""
        total = plants.count()
        last = max(1, -(-total // size))
        response = self.json(self.listed(plants[(page - 1) * size : page * size]))
        targets = {"first": 1, "prev": page - 1 if page > 1 else None, "next": page + 1 if page < last else None}
        links = {relation: number for relation, number in {**targets, "last": last}.items() if number}
        response["Link"] = ", ".join(f'<{self._page(number, size)}>; rel="{name}"' for name, number in links.items())
        response["X-Total-Count"] = str(total)
        return response

    def _page(self, number: int, size: int) -> str:
        others = [(key, value) for key, values in self.request.GET.lists() for value in values]
        kept = [(key, value) for key, value in others if p.bare(key) not in ("page", "pageSize")]
        query = urlencode([*kept, ("page", number), ("pageSize", size)])
        return f"{settings.BASE_URL}{self.request.path}?{query}"


class PlantView(PlantListView):
    path = "administration/plant/{plantId}"
    answer = serializers.PlantDetailSerializer
    many = False

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        return self.json(self.listed([self.plant(plantId, "address")])[0])


class PlantAddressView(ApiView):
    path = "administration/plants/{plantId}/address"
    answer = serializers.AddressSerializer

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        return self.json(serializers.address_of(self.plant(plantId, "address")))


class PlantContactsView(ApiView):
    path = "administration/plants/{plantId}/contacts"
    answer = serializers.ContactSerializer
    many = True

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        contacts = self.plant(plantId).contacts.select_related("address")
        return self.json(self.answer(contacts, many=True).data)


class FleetsView(ApiView):
    path = "administration/fleets"
    answer = serializers.FleetSerializer
    many = True

    def fleets(self) -> QuerySet[Fleet]:
        """The fleets that exist for this access, each with the number and total size of its visible plants."""
        plants = Plant.objects.visible_to(self.access).filter(fleets=OuterRef("pk")).order_by().values("fleets")
        counted = Subquery(plants.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
        summed = Subquery(plants.annotate(wp=Sum("size")).values("wp"), output_field=IntegerField())
        return Fleet.objects.visible_to(self.access).annotate(
            plant_count=Coalesce(counted, Value(0)), size=Coalesce(summed, Value(0))
        )

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.json(self.answer(self.fleets(), many=True).data)


class FleetView(FleetsView):
    path = "administration/fleet/{fleetId}"
    many = False

    def get(self, request: HttpRequest, fleetId: str) -> HttpResponseBase:  # type: ignore[override]
        fleet = self.fleets().filter(pk=self.uuid(fleetId)).first()
        if fleet is None:
            raise NotFound
        return self.json(self.answer(fleet).data)


class FleetPlantsView(PlantListView):
    path = "administration/fleet/{fleetId}/plants"

    def get(self, request: HttpRequest, fleetId: str) -> HttpResponseBase:
        fleet = Fleet.objects.visible_to(self.access).filter(pk=self.uuid(fleetId)).first()
        if fleet is None:
            raise NotFound
        plants = Plant.objects.visible_to(self.access).filter(fleets=fleet).select_related("address")
        return self.json(self.listed(plants.order_by("label", "id")))


# --- Data source --------------------------------------------------------------------------------------------


class ComponentListView(ApiView):
    """What calls 8 and 10 share: the components built in on a day."""

    answer = serializers.ComponentSerializer
    many = True

    def components(self, plant: Plant, day: dt.date) -> QuerySet[Component]:
        found = epochs.components_on([plant], day)
        return found.prefetch_related("trackers__strings", "strings")

    def parsed_day(self, text: str) -> str | dt.date:
        try:
            return p.parse_date(text)
        except ValueError as error:
            raise InvalidParameters({"date": str(error)}) from None


class ComponentsView(ComponentListView):
    path = "datasource/plant/{plantId}/components/{day}"

    def get(self, request: HttpRequest, plantId: str, day: str) -> HttpResponseBase:
        plant = self.plant(plantId)
        on = self.day(plant, self.parsed_day(day))
        return self.json(self.answer(self.components(plant, on), many=True).data)


class InvertersView(ComponentListView):
    path = "datasource/plant/{plantId}/inverters"
    parameters = (p.date_parameter("date", "Day of interest; today where absent."),)

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        plant = self.plant(plantId)
        found = self.components(plant, self.day(plant, self.query["date"] or "today"))
        return self.json(self.answer(found.filter(type=Component.Type.INVERTER), many=True).data)


class EpochRangeView(ApiView):
    path = "datasource/plant/{plantId}/epochrange"
    parameters = (p.date_parameter("date", "Day of interest; today where absent."),)
    answer = serializers.EpochSerializer

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        plant = self.plant(plantId)
        epoch = epochs.epoch_on(plant, self.day(plant, self.query["date"] or "today"))
        if epoch is None:
            raise NotFound
        return self.json(self.answer(epoch).data)


class EventsView(ApiView):
    path = "datasource/plant/{plantId}/events"
    parameters = (
        p.date_parameter("dateFrom", "First day; 30 days before the last where absent."),
        p.date_parameter("dateTo", "Last day, inclusive; today where absent."),
        p.ids("componentIds", "Only events of these components."),
        Parameter(
            "severity",
            p.one_of(*ComponentEvent.Severity.values),
            "Only events of this severity.",
            {"enum": ComponentEvent.Severity.values},
        ),
    )
    answer = serializers.EventSerializer
    many = True

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        query, plant = self.query, self.plant(plantId)
        last = self.day(plant, query["dateTo"] or "today")
        first = self.day(plant, query["dateFrom"]) if query["dateFrom"] else last - dt.timedelta(days=30)
        p.ordered(first, last)
        begin, end = grid.start(plant.zone, first), grid.start(plant.zone, last + DAY)
        events = log.during(plant, begin, end)
        if query["componentIds"]:
            events = events.filter(self.belonging(plant, query["componentIds"]))
        if query["severity"]:
            events = events.filter(severity=query["severity"])
        found = list(events[: MOST_EVENTS + 1])
        if len(found) > MOST_EVENTS:
            most = _("There are more than %(most)d events; ask in parts.") % {"most": MOST_EVENTS}
            raise InvalidParameters({"dateFrom": most})
        return self.json(self.described(plant, found))

    def belonging(self, plant: Plant, ids: Sequence[UUID]) -> Q:
        """Events of these components, each limited to the days on which its device was that component."""
        spans = {epoch.id: epoch for epoch in epochs.epochs_of(plant)}
        wanted = Q()
        for component in p.all_of(Component.objects.filter(epoch__plant=plant), ids):
            span = spans[component.epoch_id]
            during = Q(device_id=component.cross_epoch_id, started_at__gte=grid.start(plant.zone, span.first_day))
            if span.last_day:
                during &= Q(started_at__lt=grid.start(plant.zone, span.last_day + DAY))
            wanted |= during
        return wanted

    def described(self, plant: Plant, events: Iterable[ComponentEvent]) -> list[dict[str, Any]]:
        """Events with the id their device had in the configuration of that day."""
        rows = Component.objects.filter(epoch__plant=plant).order_by("-epoch__active_from")
        history: dict[UUID, list[tuple[dt.date, UUID]]] = {}
        for device, since, pk in rows.values_list("cross_epoch_id", "epoch__active_from", "pk"):
            history.setdefault(device, []).append((since, pk))
        return [_event(plant, event, history.get(event.device_id, [])) for event in events]


def _event(plant: Plant, event: ComponentEvent, history: list[tuple[dt.date, UUID]]) -> dict[str, Any]:
    def local(moment: dt.datetime | None) -> str | None:
        return moment.astimezone(plant.zone).isoformat(timespec="seconds") if moment else None

    day = event.started_at.astimezone(plant.zone).date()
    return {
        "id": event.pk,
        "componentId": next((pk for since, pk in history if since <= day), None),
        "crossEpochId": event.device_id,
        "from": local(event.started_at),
        "to": local(event.ended_at),
        "status": {"code": event.status_code, "text": event.status_text},
        "error": {"code": event.error_code, "text": event.error_text},
        "severity": event.severity,
    }


# --- Plant in short, and the client itself --------------------------------------------------------------------


class PlantSummaryView(ApiView):
    path = "visualization/plant/{plantId}"
    answer = serializers.PlantSummarySerializer

    def get(self, request: HttpRequest, plantId: str) -> HttpResponseBase:
        plant = self.plant(plantId)
        return self.json(
            {
                "id": plant.pk,
                "label": plant.label,
                "vendor": plant.vendor,
                "fleets": [{"id": pk} for pk in self.fleet_ids(plant)],
                "healthStatus": plant.health,
                "deviceFullName": plant.device_name,
                "targetPercentage": self.target_percentage(plant),
                "migrationInProgress": False,
                "size": plant.size,
                "componentsClasses": epochs.kinds_on([plant], self.day(plant, "today"))[plant.pk].classes,
            }
        )

    def fleet_ids(self, plant: Plant) -> list[UUID]:
        """Fleets are told only to those whose package has the function that lists them."""
        if not policy.decide(self.access, catalog.function("fleets")).allowed:
            return []
        fleets = Fleet.objects.visible_to(self.access).filter(plants=plant)
        return list(fleets.values_list("pk", flat=True))

    def target_percentage(self, plant: Plant) -> float | None:
        """This year's yield so far as a part of what was planned until yesterday."""
        today = self.day(plant, "today")
        spans = list(performance.periods(today.replace(month=1, day=1), today - DAY, "total"))
        if not plant.yearly_target or spans[0].last < spans[0].first:
            return None
        [this_year] = performance.of_energies(plant, spans, self.now)
        return next(kpi.value for kpi in this_year.kpis if kpi.name == "TargetFulfilment")


class MeView(ApiView):
    path = "me"
    answer = shapes.MeSerializer

    def get(self, request: HttpRequest) -> HttpResponseBase:
        api, package = catalog.Api(self.access.via), catalog.Package(self.access.package or "")
        functions = catalog.granted(api, package)
        return self.json(
            {
                "portal": self.access.portal_slug,
                "api": api,
                "package": package,
                "functions": [row.name for row in functions],
                "costs": [{"name": row.name, "cost": row.cost, "daysPerCost": row.days_per_cost} for row in functions],
                "quota": [self.window(window) for window in quota.WINDOWS],
                "client": self.client(),
            }
        )

    def client(self) -> dict[str, Any]:
        """What limits this client beyond its package; told by the statement that checked its token."""
        known, plants = cast(Credentials, self.access.credentials), self.access.plant_subset
        return {
            "name": known.client_name,
            "expires": known.client_expires and known.client_expires.isoformat(timespec="seconds"),
            "tokenExpires": known.token_expires.isoformat(timespec="seconds"),
            "plants": None if plants is None else sorted(plants),
            "networks": known.networks,
        }

    def window(self, window: quota.Window) -> dict[str, Any]:
        spent = self.spent
        reset = self.now.replace(microsecond=0) + dt.timedelta(seconds=window.resets_in(self.now))
        return {
            "window": window.name,
            "limit": spent.limit(window),
            "used": spent.used(window),
            "remaining": spent.remaining(window),
            "reset": reset.isoformat(),
        }
