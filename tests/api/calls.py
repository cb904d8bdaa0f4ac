"""One call for every function of the API, written down by hand, and the ids to fill in."""

from dataclasses import dataclass, replace

from apps.plants.models import Component, Fleet, ModuleString, MppTracker, Plant

UNKNOWN = "5f0c6f1e-9d5e-4b8e-8a65-1f1f3d0f0001"
MALFORMED = "not-an-id"
_DAY = "dateFrom=2025-06-21&dateTo=2025-06-21"

CALLS: dict[str, str] = {
    "plants": "administration/plants",
    "plants_by_fleet": "administration/plants?fleet={fleet}",
    "plant": "administration/plant/{plant}",
    "plant_address": "administration/plants/{plant}/address",
    "plant_contacts": "administration/plants/{plant}/contacts",
    "fleets": "administration/fleets",
    "fleet": "administration/fleet/{fleet}",
    "fleet_plants": "administration/fleet/{fleet}/plants",
    "components": "datasource/plant/{plant}/components/2025-06-21",
    "epoch_range": "datasource/plant/{plant}/epochrange?date=2025-06-21",
    "inverters": "datasource/plant/{plant}/inverters?date=2025-06-21",
    "events": f"datasource/plant/{{plant}}/events?{_DAY}",
    "plant_summary": "visualization/plant/{plant}",
    "plant_channels": f"visualization/plant/{{plant}}/channels?{_DAY}&channelNames[]=ProdPac",
    "component_channels": (
        f"visualization/plant/{{plant}}/channels?{_DAY}&channelNames[]=ProdPac&componentIds[]={{component}}"
    ),
    "tracker_channels": (
        f"visualization/plant/{{plant}}/channels?{_DAY}&channelNames[]=ProdPdc&mppTrackerIds[]={{tracker}}"
    ),
    "cross_epoch_channels": (
        f"visualization/plant/{{plant}}/cross-epoch/channels?{_DAY}&channelNames[]=ProdPac&xComponentIds[]={{device}}"
    ),
    "plant_month": "visualization/plant/{plant}/year/2025/month/6?channelNames[]=ProdEtotal",
    "component_month": (
        "visualization/plant/{plant}/year/2025/month/6?channelNames[]=ProdEtotal&xComponentIds[]={device}"
    ),
    "plant_year": "visualization/plant/{plant}/year/2025?channelNames[]=ProdEtotal",
    "component_year": "visualization/plant/{plant}/year/2025?channelNames[]=ProdEtotal&xComponentIds[]={device}",
    "plant_lifetime": "visualization/plant/{plant}/lifetime?channelNames[]=ProdEtotal",
    "component_lifetime": "visualization/plant/{plant}/lifetime?channelNames[]=ProdEtotal&xComponentIds[]={device}",
    "kpis": f"visualization/plant/{{plant}}/kpis?{_DAY}",
    "me": "me",
}
# The same functions with ids of children that are not what selects the function.
MORE_CALLS: dict[str, str] = {
    "events of a component": f"{CALLS['events']}&componentIds[]={{component}}",
    "channels of a string": CALLS["tracker_channels"].replace("{tracker}", "{string}"),
}


@dataclass(frozen=True, slots=True)
class Ids:
    """What to fill into a call."""

    plant: str = UNKNOWN
    fleet: str = UNKNOWN
    component: str = UNKNOWN
    device: str = UNKNOWN
    tracker: str = UNKNOWN
    string: str = UNKNOWN

    def fill(self, call: str) -> str:
        """The path of a call below the portal's base."""
        names = ("plant", "fleet", "component", "device", "tracker", "string")
        return call.format(**{name: getattr(self, name) for name in names})

    def with_children_of(self, other: "Ids") -> "Ids":
        """The same plant and fleet, somebody else's devices."""
        return replace(other, plant=self.plant, fleet=self.fleet)


MALFORMED_IDS = Ids(*[MALFORMED] * 6)


def ids_of(plant: Plant, fleet: Fleet) -> Ids:
    """A plant, a fleet, and the plant's inverter with one of its trackers and strings."""
    inverter = Component.objects.get(epoch__plant=plant, type="Inverter")
    return Ids(
        plant=str(plant.pk),
        fleet=str(fleet.pk),
        component=str(inverter.pk),
        device=str(inverter.cross_epoch_id),
        tracker=str(MppTracker.objects.get(component=inverter, index=1).pk),
        string=str(ModuleString.objects.get(component=inverter, index=1).pk),
    )
