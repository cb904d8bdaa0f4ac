"""Numbers of the list of plants: in the table all rows share a unit, so that columns can be compared."""

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.web import units

register = template.Library()


@register.simple_tag
def in_kilo(value: float | None, decimals: int, absent: str = "") -> SafeString:
    """W as kW, Wh as kWh, Wp as kWp, with so many digits behind the point; the unit stands in the column's heading."""
    if value is None:
        return format_html('<span class="no-data">{}</span>', absent or _("no data"))
    return fixed(value / 1000, decimals)


@register.simple_tag
def fixed(value: float | None, decimals: int) -> SafeString:
    """A number with so many digits behind the point; a dash where a neighbouring column says why there is none."""
    if value is None:
        return format_html('<span class="no-data">–<span class="visually-hidden">{}</span></span>', _("no data"))
    shown = number_format(value, decimal_pos=decimals, use_l10n=True, force_grouping=True)
    return format_html('<span class="number">{}</span>', shown)


@register.filter
def in_unit(value: float | None, unit: str) -> str:
    """A quantity as text, to stand in a sentence."""
    return str(units.quantity(value, unit) or _("no data"))
