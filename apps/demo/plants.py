"""The demo portal's three plants as data: how they are built, what happens to them, and what is written about them.

Every name, address and number is invented; every label says that the plant is simulated.
"""

from dataclasses import dataclass
from decimal import Decimal

from apps.plants.models import Component

from .blueprint import (
    Battery,
    Charger,
    Climate,
    Effect,
    HeatPump,
    Incident,
    Inverter,
    Load,
    Model,
    Monthly,
    Profile,
    Site,
    Tracker,
)

INVERTER_CHANNELS = (
    "ProdPac ProdEtotal ProdPdc ProdUdc ProdIdc ProdUac ProdIac Temp".split()  # noqa: SIM905
)
DC_CHANNELS = ["ProdPdc", "ProdUdc", "ProdIdc"]
_PHASES = ("One", "Two", "Three")
_CONSUMER_CHANNELS = ("ConsPac", "ConsEtotal")
_CONSUMPTION_CHANNELS = (
    *_CONSUMER_CHANNELS,
    *(f"Cons{kind}Phase{phase}" for kind in ("Uac", "Pac", "Iac") for phase in _PHASES),
)
_GRID_CHANNELS = ("GridPacIn", "GridPacOut", "GridEtotalIn", "GridEtotalOut")
_BATTERY_CHANNELS = (
    "BatPacCharge",
    "BatPacDischarge",
    "BatEtotalCharge",
    "BatEtotalDischarge",
    "BatSoc",
    "BatUdc",
    "BatTemp",
)
_SENSOR_CHANNELS = ("Irradiation", "Insolation", "TempModule", "TempAmbient", "WindVelocity")


@dataclass(frozen=True, slots=True)
class Device:
    """A component other than an inverter; `key` is its name in the simulation."""

    key: str
    type: Component.Type
    classes: tuple[str, ...]
    name: str
    vendor: str
    serial: str
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoPlant:
    """A plant of the demo portal. `identifier` is how a later start finds it again."""

    identifier: str
    label: str
    timezone: str
    model: Model
    devices: tuple[Device, ...]
    address: tuple[str, str, str, str, str]  # street, number, postal code, city, country
    contact: tuple[str, str, str, str]  # last name, first name, company, e-mail
    cost: Decimal
    electricity_cost: Decimal
    feed_in_tariff: Decimal
    currency: str
    emission_factor: float
    yearly_target: float
    monthly_shares: Monthly
    logger: str
    firmware: str
    health: str = "OK"

    @property
    def size(self) -> int:
        """Installed Wp: of the inverters that are there today."""
        return sum(inverter.size for inverter in self.model.inverters if inverter.until is None)


# --- Parts -----------------------------------------------------------------------------------------------

VENDOR = "Simulated"


def _logger(identifier: str) -> Device:
    return Device("logger", Component.Type.LOGGER, ("intern",), "Data logger", VENDOR, identifier)


def _consumption_meter(name: str, serial: str) -> Device:
    classes = ("consumption", "meter")
    return Device("consumption", Component.Type.METER, classes, name, VENDOR, serial, _CONSUMPTION_CHANNELS)


def _grid_meter(serial: str) -> Device:
    return Device("grid", Component.Type.METER, ("meter",), "Grid meter", VENDOR, serial, _GRID_CHANNELS)


def _consumer(key: str, kind: Component.Type, name: str, serial: str) -> Device:
    return Device(key, kind, ("consumption",), name, VENDOR, serial, _CONSUMER_CHANNELS)


def _sensor_box(serial: str) -> Device:
    return Device("sensor", Component.Type.SENSOR, ("sensors",), "Sensor box", VENDOR, serial, _SENSOR_CHANNELS)


_MPP = (3, "MPP")
_DERATING = (4, "Derating")
_WAITING = (5, "Grid monitoring")
_FAULT = (6, "Fault")
_OFFLINE = (255, "Offline")

# --- A house with everything -----------------------------------------------------------------------------

_HOUSE_CLIMATE = Climate(
    turbidity=(2.7, 3.0, 3.7, 3.4, 4.4, 4.3, 4.9, 5.0, 4.6, 3.5, 3.1, 2.8),
    cloudiness=(0.74, 0.68, 0.58, 0.50, 0.48, 0.47, 0.45, 0.44, 0.50, 0.62, 0.74, 0.78),
    temperature=(0.5, 1.2, 4.8, 9.2, 13.6, 16.8, 18.9, 18.5, 14.2, 9.6, 4.8, 1.6),
)

HOUSEHOLD = DemoPlant(
    identifier="SIM-1001",
    label="Sonnenweg household (simulated)",
    timezone="Europe/Berlin",
    model=Model(
        seed=1001,
        site=Site(50.93, 11.32, 320, _HOUSE_CLIMATE),
        inverters=(
            Inverter(
                "inverter",
                "Hybrid inverter",
                VENDOR,
                "SIM-10K-0412",
                8_000,
                (Tracker(38, 145, (14,)), Tracker(38, 235, (10,))),
            ),
        ),
        load=Load(260, Profile.HOME, appliances=9),
        heat_pump=HeatPump(loss=105),
        charger=Charger(11_000, 11_000, workdays=0.35, weekends=0.5),
        battery=Battery(10_200, 5_000),
        incidents=(
            Incident(
                "inverter", 0.21, 12.25, Effect.STOPPED, _WAITING, (301, "Grid voltage too high"), "warning", 0.75
            ),
            Incident("battery", 0.32, 10, Effect.NONE, (9, "Calibration"), (0, ""), "info", 6),
            Incident("heat-pump", 0.70, 1, Effect.NONE, (10, "Hot water disinfection"), (0, ""), "info", 1.5),
            Incident("logger", 0.88, 21, Effect.NONE, (12, "Firmware update"), (0, ""), "info", 0.25),
        ),
    ),
    devices=(
        Device("battery", Component.Type.BATTERY, ("battery",), "Battery", VENDOR, "SIM-BAT-77", _BATTERY_CHANNELS),
        _consumption_meter("House meter", "SIM-EM-201"),
        _grid_meter("SIM-EM-202"),
        _consumer("charger", Component.Type.EV_CHARGER, "Wallbox", "SIM-EV-31"),
        _consumer("heat-pump", Component.Type.HEAT_PUMP, "Heat pump", "SIM-HP-18"),
        _logger("SIM-1001"),
    ),
    address=("Sonnenweg", "7", "00001", "Musterstadt", "DE"),
    contact=("Beispiel", "Berta", "", "berta.beispiel@example.org"),
    cost=Decimal(27_400),
    electricity_cost=Decimal("0.3390"),
    feed_in_tariff=Decimal("0.0786"),
    currency="EUR",
    emission_factor=0.36,
    yearly_target=940,
    monthly_shares=(2.6, 4.4, 8.0, 11.5, 13.3, 13.7, 13.5, 12.0, 9.2, 6.3, 3.3, 2.2),
    logger="Demo Logger Home",
    firmware="6.2.0",
)

# --- A workshop's roof: a replaced inverter, a broken string, a silent logger -----------------------------

_ROOF_CLIMATE = Climate(
    turbidity=(2.9, 3.4, 3.6, 3.9, 4.2, 4.3, 4.4, 4.4, 4.2, 3.6, 3.1, 2.9),
    cloudiness=(0.64, 0.58, 0.50, 0.44, 0.43, 0.41, 0.36, 0.36, 0.43, 0.56, 0.66, 0.68),
    temperature=(0.3, 1.3, 5.2, 9.6, 13.9, 17.4, 19.2, 18.8, 14.3, 9.6, 4.3, 1.1),
)
_REPLACED = 0.6


def _roof_inverter(key: str, number: int, serial: str, since: float = 0.0, until: float | None = None) -> Inverter:
    trackers = (Tracker(12, 105, (18, 18)), Tracker(12, 285, (18, 18)))
    return Inverter(key, f"Roof inverter {number}", VENDOR, serial, 27_000, trackers, True, since, until)


ROOF = DemoPlant(
    identifier="SIM-2001",
    label="Werkhalle roof (simulated)",
    timezone="Europe/Berlin",
    model=Model(
        seed=2001,
        site=Site(48.14, 11.62, 530, _ROOF_CLIMATE),
        inverters=(
            _roof_inverter("inverter-1", 1, "SIM-27K-0101"),
            _roof_inverter("inverter-2", 2, "SIM-27K-0102"),
            _roof_inverter("inverter-3", 3, "SIM-27K-0103", until=_REPLACED),
            _roof_inverter("inverter-4", 4, "SIM-27K-0104"),
            _roof_inverter("inverter-3-new", 3, "SIM-27K-0933", since=_REPLACED),
        ),
        load=Load(9_500, Profile.WORKSHOP),
        sensor_plane=(12, 105),
        incidents=(
            Incident(
                "inverter-1", 0.12, 11.5, Effect.STOPPED, _WAITING, (302, "Grid frequency too high"), "warning", 0.5
            ),
            Incident(
                "inverter-2", 0.35, 9.75, Effect.STRING_OPEN, _MPP, (3302, "String 2: no current"), until=0.42, string=2
            ),
            Incident(
                "inverter-3", _REPLACED, -59, Effect.STOPPED, _FAULT, (3501, "Insulation resistance too low"), hours=59
            ),
            Incident("inverter-3-new", _REPLACED, 0, Effect.NONE, (2, "Commissioning"), (0, ""), "info", 8),
            Incident("logger", 0.75, 15.5, Effect.SILENT, _OFFLINE, (9001, "Logger cannot be reached"), hours=34),
            Incident(
                "inverter-4", 0.91, 10, Effect.LIMITED, _DERATING, (205, "Limited by the grid operator"), "warning", 4
            ),
        ),
    ),
    devices=(
        _consumption_meter("Workshop meter", "SIM-EM-301"),
        _grid_meter("SIM-EM-302"),
        _sensor_box("SIM-SB-41"),
        _logger("SIM-2001"),
    ),
    address=("Beispielallee", "120", "00002", "Musterhausen", "DE"),
    contact=("Probst", "Paul", "Werkhalle Beispiel eG", "technik@werkhalle.example.org"),
    cost=Decimal(128_000),
    electricity_cost=Decimal("0.2140"),
    feed_in_tariff=Decimal("0.0635"),
    currency="EUR",
    emission_factor=0.36,
    yearly_target=930,
    monthly_shares=(2.4, 4.3, 8.1, 11.7, 13.6, 14.1, 13.9, 12.1, 9.0, 5.7, 3.0, 2.1),
    logger="Demo Logger Pro",
    firmware="6.2.0",
)

# --- A field in another hemisphere, whose clocks change at midnight ----------------------------------------

_FIELD_CLIMATE = Climate(
    turbidity=(1.8, 1.8, 1.8, 1.8, 1.8, 1.8, 1.8, 2.1, 2.1, 2.1, 1.8, 1.8),
    cloudiness=(0.06, 0.08, 0.12, 0.24, 0.38, 0.44, 0.42, 0.38, 0.32, 0.24, 0.14, 0.08),
    temperature=(21.0, 20.3, 18.4, 14.8, 11.4, 8.9, 8.3, 9.8, 12.1, 14.9, 17.6, 19.9),
    swing=8.0,
    wind=3.5,
)


def _field_inverter(number: int) -> Inverter:
    trackers = (Tracker(25, 0, (20, 20, 20)),) * 4
    serial = f"SIM-80K-05{number:02}"
    return Inverter(f"inverter-{number}", f"Field inverter {number}", VENDOR, serial, 80_000, trackers)


FIELD = DemoPlant(
    identifier="SIM-3001",
    label="Campo Sol field (simulated)",
    timezone="America/Santiago",
    model=Model(
        seed=3001,
        site=Site(-32.92, -70.86, 620, _FIELD_CLIMATE),
        inverters=tuple(_field_inverter(number) for number in range(1, 6)),
        load=Load(420, Profile.FIELD),
        sensor_plane=(25, 0),
        consumption_metered=False,
        incidents=(
            Incident("inverter-2", 0.15, 13, Effect.STOPPED, _WAITING, (301, "Grid voltage too high"), "warning", 1),
            Incident("inverter-5", 0.48, 10.5, Effect.STOPPED, _FAULT, (601, "Surge arrester tripped"), hours=29),
            Incident("sensor", 0.66, 12, Effect.NONE, _MPP, (801, "Irradiance sensor soiled"), "warning", 72),
            Incident("inverter-4", 0.93, 14, Effect.LIMITED, _DERATING, (501, "Fan fault"), "warning"),
        ),
    ),
    devices=(_grid_meter("SIM-EM-401"), _sensor_box("SIM-SB-42"), _logger("SIM-3001")),
    address=("Camino Ejemplo", "s/n", "0000003", "Villa Ejemplo", "CL"),
    contact=("Ejemplo", "Elena", "Campo Sol Ejemplo SpA", "operaciones@campo-sol.example.org"),
    cost=Decimal(352_000_000),
    electricity_cost=Decimal("118.40"),
    feed_in_tariff=Decimal("56.20"),
    currency="CLP",
    emission_factor=0.24,
    yearly_target=1800,
    monthly_shares=(11.4, 9.6, 9.2, 7.1, 5.3, 4.4, 4.9, 6.2, 7.9, 10.0, 11.5, 12.5),
    logger="Demo Logger Max",
    firmware="6.2.0",
    health="WARNING",
)

PLANTS = (HOUSEHOLD, ROOF, FIELD)
