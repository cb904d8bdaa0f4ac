"""Numbers and drawings of the list of plants. In the table all rows share a unit, so that columns can be compared.

The drawings are tags because a page has dozens of them: a template of their own for each takes several times as long.
"""

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.web import units
from apps.web.plants.listing import Row
from apps.web.plants.sparkline import HEIGHT, WIDTH, Sparkline

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


@register.simple_tag
def spark(drawn: Sparkline | None) -> SafeString:
    """The power of a day as a drawing; words where there is nothing to draw."""
    if drawn is None:
        return format_html('<span class="spark spark-empty no-data">{}</span>', _("no power today"))
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="spark-area" d="{}"/><path class="spark-line" d="{}"/></svg>',
        *(WIDTH, HEIGHT, drawn.words, drawn.area, drawn.line),
    )


@register.simple_tag
def power_bar(row: Row) -> SafeString | str:
    """Power now beside the plant's size, where both are known."""
    if row.overview.power is None or not row.plant.size:
        return ""
    return format_html(
        '<progress class="meter-bar power-bar" value="{}" max="{}" aria-hidden="true"></progress>',
        *(int(row.bar), row.plant.size),
    )
