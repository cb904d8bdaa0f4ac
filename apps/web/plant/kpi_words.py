"""Key performance indicators in plain words: their names, their formulas, and what goes into them.

An indicator that is not here is shown all the same, by the name and formula id that the computation gives it.
"""

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.measurements import labels
from apps.measurements.channels import BY_NAME
from apps.measurements.kpis import CLEAR_SKY_BOUND, Kpi
from apps.plants.models import Plant
from apps.web import units

_KPIS: dict[str, tuple[Promise, Promise]] = {
    "PerformanceRatio": (
        _("Performance ratio"),
        _(
            "Energy produced, divided by what the modules would give under the measured irradiance without any loss, "
            "both over the same five-minute intervals."
        ),
    ),
    "SpecificYield": (_("Specific yield"), _("Energy produced, divided by the size of the plant.")),
    "SelfConsumptionRate": (
        _("Self-consumption rate"),
        _("The part of the energy produced that was used on site."),
    ),
    "Autarky": (_("Autarky"), _("The part of the energy consumed that the plant itself covered.")),
    "Availability": (
        _("Availability"),
        _(
            "The part of the time in which the inverters produced, of that in which they could: there was light enough "
            "by the sensor or, without one, another inverter produced. Weighted by size."
        ),
    ),
    "CapacityFactor": (
        _("Capacity factor"),
        _("Energy produced, divided by what the size of the plant would give in all hours elapsed."),
    ),
    "TargetFulfilment": (
        _("Target fulfilment"),
        _("Energy produced, divided by what was planned for the days until today."),
    ),
    "Co2Avoided": (_("CO₂ avoided"), _("Energy produced, times the emission factor of the grid.")),
    "FinancialYield": (
        _("Financial yield"),
        _("Energy fed in times its tariff, plus energy that need not be bought times its price."),
    ),
}
_BOUND = _(
    "Energy produced, divided by what the modules would give under a clear sky without any loss. There is no "
    "irradiance sensor. The sun gave less than a clear sky gives, so the true value is higher."
)
_INPUTS: dict[str, tuple[Promise, str]] = {
    "size": (_("Size of the plant"), "Wp"),
    "hours": (_("Hours elapsed"), "h"),
    "target": (_("Planned yield"), "Wh"),
    "feedInTariff": (_("Feed-in tariff"), "currency/kWh"),
    "electricityCost": (_("Price of electricity"), "currency/kWh"),
    "emissionFactor": (_("Emission factor"), "kg/kWh"),
    "energy": (_("Production in these intervals"), "Wh"),
    "referenceEnergy": (_("Without any loss"), "Wh"),
    "clearSkyEnergy": (_("Without any loss under a clear sky"), "Wh"),
    "temperatureCorrected": (_("Performance ratio at 25 °C"), "%"),
    "moduleTemperature": (_("Module temperature, weighted by irradiance"), "degC"),
    "temperatureCoefficient": (_("Temperature coefficient"), "%/K"),
    "availableHours": (_("Hours produced"), "h"),
    "possibleHours": (_("Hours in which production was possible"), "h"),
}


def label(name: str) -> str:
    """What an indicator is called."""
    return str(_KPIS[name][0]) if name in _KPIS else name


def formula(kpi: Kpi) -> str:
    """Its formula in words; empty where nobody has written them."""
    if is_bound(kpi):
        return str(_BOUND)
    return str(_KPIS[kpi.name][1]) if kpi.name in _KPIS else ""


def is_bound(kpi: Kpi) -> bool:
    """Whether the true value is higher than the one computed."""
    return kpi.formula == CLEAR_SKY_BOUND


def given(name: str, value: float, plant: Plant) -> tuple[str, str]:
    """An input of a formula: what it is, and its value with unit."""
    if name in BY_NAME:
        return str(labels.label(name)), _written(value, BY_NAME[name].unit, plant)
    words, unit = _INPUTS.get(name, (name, ""))
    return str(words), _written(value, unit, plant)


def in_currency(unit: str, plant: Plant) -> str:
    """A unit with the plant's own currency in the place of the word."""
    return unit.replace("currency", plant.currency)


def _written(value: float, unit: str, plant: Plant) -> str:
    if unit in units.SCALED:
        return str(units.quantity(value, unit))
    small = 4 if unit.startswith("currency") else 2  # tariffs have four digits behind the point
    decimals = 0 if value == int(value) else small if abs(value) < 10 else 1
    number = number_format(value, decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return f"{number} {in_currency(units.SIGNS.get(unit, unit), plant)}".strip()
