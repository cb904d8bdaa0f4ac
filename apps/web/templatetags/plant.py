"""Tags of the pages of a plant: what the header above all of them says."""

import datetime as dt
import re
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.events import codes, log
from apps.events.models import ComponentEvent
from apps.measurements import labels
from apps.measurements.channels import BY_NAME
from apps.plants import health
from apps.plants.models import Component, ModuleString, Plant
from apps.web.units import SIGNS

register = template.Library()


@register.filter
def error_words(event: ComponentEvent) -> str:
    """What an error is: in the reader's language where Helioport found it."""
    return codes.error_text(event)


@register.filter
def status_words(event: ComponentEvent) -> str:
    """The same of a status."""
    return codes.status_text(event)


@register.filter
def is_found_here(event: ComponentEvent) -> bool:
    """Whether Helioport found it, and no logger reported it."""
    return event.status_code == codes.FOUND


@register.filter
def trouble_count(plant: Plant) -> int:
    """How many warnings and errors last at this moment. One query."""
    return log.troubles_now(plant).count()


@register.filter
def is_silent(plant: Plant) -> bool:
    """Whether it sent nothing for a day."""
    return health.is_silent(plant, timezone.now())


@register.filter
def map_url(plant: Plant) -> str:
    """The place on OpenStreetMap; empty where it is not known."""
    if plant.latitude is None or plant.longitude is None:
        return ""
    place = f"{plant.latitude}/{plant.longitude}"
    return f"https://www.openstreetmap.org/?mlat={plant.latitude}&mlon={plant.longitude}#map=17/{place}"


@register.filter
def lasted(begin: dt.datetime, end: dt.datetime | None) -> str:
    """How long something took, or takes until now: "2 hours, 15 minutes"."""
    return timesince(begin, end or timezone.now())


@register.filter
def channel_label(name: str) -> str:
    """Plain words; the name itself where the data hold a channel that the table does not."""
    return str(labels.label(name)) if name in BY_NAME else name


@register.filter
def channel_unit(name: str) -> str:
    """The unit as people write it; empty for a channel that is not in the table."""
    channel = BY_NAME.get(name)
    return SIGNS.get(channel.unit, channel.unit) if channel else ""


@register.filter
def untracked(component: Component) -> list[ModuleString]:
    """The strings that hang on the inverter itself."""
    return [string for string in component.strings.all() if string.tracker_id is None]


@register.filter
def day_words(day: dt.date | None) -> str:
    """21 June 2026."""
    return date_format(day, _("j F Y")) if day else ""


@register.filter
def clock(at: dt.datetime, zone: dt.tzinfo) -> SafeString:
    """`<time>` with the local time of a day that is already named: 14:05."""
    local = at.astimezone(zone)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), f"{local:%H:%M}")


@register.filter
def telephone(number: str) -> str:
    """The address of a telephone number, whatever stands between its digits: tel:+4973112345."""
    return "tel:" + re.sub(r"\(0\)|(?!^\+)\D", "", number.strip())


@register.filter
def price(amount: Decimal) -> str:
    """All digits that say something: 0.0635, 0.20, 128,000."""
    digits = -int(amount.normalize().as_tuple().exponent)
    decimals = max(2, digits) if digits > 0 else 0
    return number_format(amount, decimal_pos=decimals, use_l10n=True, force_grouping=True)
