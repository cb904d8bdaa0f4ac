"""What a plant's chart calls its series, and in which colour it draws them. The longer names are in labels.py.

A colour has one meaning; its name is that of a variable of portal.css or plant.css.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.measurements import labels
from apps.measurements.channels import Category, Channel

_SHORT: dict[str, Promise] = {
    "Prod": _("Production"),
    "ProdFeed": _("Feed-in"),
    "ProdSelf": _("Self-consumed"),
    "Cons": _("Consumption"),
    "ConsCov": _("Covered by the plant"),
    "ConsUncov": _("Drawn for consumption"),
    "GridIn": _("Drawn from the grid"),
    "GridOut": _("Fed into the grid"),
    "BatCharge": _("Battery charging"),
    "BatDischarge": _("Battery discharging"),
    "BatSoc": _("State of charge"),
    "Insolation": _("Insolation"),
}
_COLOURS = {
    "Prod": "production",
    "ProdFeed": "grid-export",
    "ProdSelf": "self-consumption",
    "Cons": "consumption",
    "ConsCov": "self-consumption",
    "ConsUncov": "grid-import",
    "GridIn": "grid-import",
    "GridOut": "grid-export",
    "BatCharge": "battery-charge",
    "BatDischarge": "battery-discharge",
    "BatSoc": "battery-charge",
    "SelfConsumption": "self-consumption",
    "Autarky": "self-consumption",
    "Irradiation": "irradiance",
    "Insolation": "irradiance",
}
_OF_UNITS = {"V": "voltage", "A": "current", "degC": "temperature", "m/s": "wind"}
_OF_CATEGORIES = {
    Category.CONSUMPTION: "consumption",
    Category.METER: "consumption",
    Category.BATTERY: "battery-charge",
}


def short(channel: Channel) -> str:
    """The name in a legend, where the unit tells power and energy apart."""
    return str(_SHORT.get(_stem(channel)) or labels.label(channel.name))


def colour(channel: Channel) -> str:
    """The meaning a series is coloured by."""
    known = _COLOURS.get(_stem(channel)) or _OF_UNITS.get(channel.unit)
    return known or _OF_CATEGORIES.get(channel.category, "production")


def _stem(channel: Channel) -> str:
    """What power and energy of the same thing have in common."""
    return channel.name.replace("Pac", "", 1).replace("Etotal", "", 1)
