"""What channels are called in plain words, once for charts, tables, choices and documentation."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .channels import Category, Level

_CHANNELS: dict[str, Promise] = {
    "ProdPac": _("Production, power"),
    "ProdEtotal": _("Production, energy"),
    "ProdPdc": _("DC power"),
    "ProdUdc": _("DC voltage"),
    "ProdIdc": _("DC current"),
    "ProdUac": _("AC voltage"),
    "ProdIac": _("AC current"),
    "Temp": _("Inverter temperature"),
    "ProdPacFeed": _("Feed-in, power"),
    "ProdPacSelf": _("Self-consumed production, power"),
    "ProdEtotalSelf": _("Self-consumed production, energy"),
    "ProdEtotalFeed": _("Feed-in, energy"),
    "ConsPac": _("Consumption, power"),
    "ConsEtotal": _("Consumption, energy"),
    "ConsPacCov": _("Consumption covered by the plant, power"),
    "ConsEtotalCov": _("Consumption covered by the plant, energy"),
    "ConsPacUncov": _("Consumption from the grid, power"),
    "ConsEtotalUncov": _("Consumption from the grid, energy"),
    "ConsUacPhaseOne": _("Consumption, voltage of phase 1"),
    "ConsUacPhaseTwo": _("Consumption, voltage of phase 2"),
    "ConsUacPhaseThree": _("Consumption, voltage of phase 3"),
    "ConsPacPhaseOne": _("Consumption, power of phase 1"),
    "ConsPacPhaseTwo": _("Consumption, power of phase 2"),
    "ConsPacPhaseThree": _("Consumption, power of phase 3"),
    "ConsIacPhaseOne": _("Consumption, current of phase 1"),
    "ConsIacPhaseTwo": _("Consumption, current of phase 2"),
    "ConsIacPhaseThree": _("Consumption, current of phase 3"),
    "GridPacIn": _("Drawn from the grid, power"),
    "GridPacOut": _("Fed into the grid, power"),
    "GridEtotalIn": _("Drawn from the grid, energy"),
    "GridEtotalOut": _("Fed into the grid, energy"),
    "BatPacCharge": _("Battery charging, power"),
    "BatPacDischarge": _("Battery discharging, power"),
    "BatEtotalCharge": _("Battery charging, energy"),
    "BatEtotalDischarge": _("Battery discharging, energy"),
    "BatSoc": _("Battery, state of charge"),
    "BatUdc": _("Battery voltage"),
    "BatTemp": _("Battery temperature"),
    "Irradiation": _("Irradiance"),
    "Insolation": _("Insolation, energy"),
    "TempModule": _("Module temperature"),
    "TempAmbient": _("Ambient temperature"),
    "WindVelocity": _("Wind speed"),
    "TechAv": _("Technical availability"),
    "ProdPacNorm": _("AC power per installed power"),
    "ProdPdcNorm": _("DC power per installed power"),
    "Autarky": _("Autarky"),
    "SelfConsumption": _("Self-consumption rate"),
    "ProdEtotalFinancialYield": _("Financial yield of the production"),
    "ProdEtotalFeedFinancialYield": _("Financial yield of the feed-in"),
    "ConsEtotalCovFinancialYield": _("Savings by self-consumption"),
}

CATEGORIES: dict[Category, Promise] = {
    Category.PRODUCTION: _("Production"),
    Category.CONSUMPTION: _("Consumption"),
    Category.BATTERY: _("Battery"),
    Category.METER: _("Meters"),
    Category.SENSOR: _("Sensors"),
    Category.KPI: _("Key figures"),
}

LEVELS: dict[Level, Promise] = {
    Level.PLANT: _("plant"),
    Level.INVERTER: _("inverter"),
    Level.TRACKER: _("MPP tracker"),
    Level.STRING: _("string"),
    Level.METER: _("meter"),
    Level.BATTERY: _("battery"),
    Level.SENSOR: _("sensor"),
}


def label(channel: str) -> Promise:
    """A channel's name for people, in the language of whoever reads it; KeyError where there is no such channel."""
    return _CHANNELS[channel]
