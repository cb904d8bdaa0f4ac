"""Tags and filters of all pages: quantities, moments, icons, form controls."""

import datetime as dt
import zoneinfo
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.web import units

register = template.Library()


# --- Numbers ---------------------------------------------------------------------------------------------------


@register.simple_tag(name="quantity")
def quantity_tag(value: float | Decimal | None, unit: str, absent: str = "") -> SafeString | str:
    """`<span class="quantity">`: number and unit; `absent` (or "no data") in words where nothing is known."""
    found = units.quantity(value, unit)
    if found is None:
        return format_html('<span class="no-data">{}</span>', absent or _("no data"))
    return format_html(
        '<span class="quantity"><span class="number">{}</span> <span class="unit">{}</span></span>',
        found.number,
        found.unit,
    )


# --- Times -----------------------------------------------------------------------------------------------------


@register.simple_tag
def moment(at: dt.datetime | None, zone: str | dt.tzinfo | None = None) -> SafeString | str:
    """`<time>` with relative text ("5 minutes ago") and the exact local time with its offset on hover."""
    if at is None:
        return ""
    local = _local(at, zone)
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact(local), _relative(at))


@register.simple_tag
def instant(at: dt.datetime | None, zone: str | dt.tzinfo | None = None) -> SafeString | str:
    """`<time>` with the exact local time as text."""
    if at is None:
        return ""
    local = _local(at, zone)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), exact(local))


def exact(local: dt.datetime) -> str:
    """21 June 2026, 14:05 (+02:00)."""
    offset = local.strftime("%z")
    return f"{date_format(local, _('j F Y'))}, {local:%H:%M} ({offset[:3]}:{offset[3:]})"


def _local(at: dt.datetime, zone: str | dt.tzinfo | None) -> dt.datetime:
    return timezone.localtime(at, zoneinfo.ZoneInfo(zone) if isinstance(zone, str) else zone)


def _relative(at: dt.datetime) -> str:
    now = timezone.now()
    if abs(now - at) < dt.timedelta(minutes=1):
        return _("just now")
    if at > now:
        return _("in %(time)s") % {"time": timesince(now, at, depth=1)}
    return _("%(time)s ago") % {"time": timesince(at, now, depth=1)}


# --- Drawing ---------------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """A sign of static/icons.svg. It is decoration: words stand beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        css,
        static("icons.svg"),
        name,
    )


# --- Forms -----------------------------------------------------------------------------------------------------


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """The input of a form field with Bootstrap's class for its kind, marked where it is invalid."""
    kind = _bootstrap_class(field)
    attrs: dict[str, Any] = {"class": " ".join(filter(None, [field.field.widget.attrs.get("class", ""), kind]))}
    if field.errors:
        attrs["class"] += " is-invalid"
    return field.as_widget(attrs=attrs)


def _bootstrap_class(field: BoundField) -> str:
    widget = field.field.widget
    if isinstance(widget, CheckboxSelectMultiple | RadioSelect):
        return "choices"
    if isinstance(widget, CheckboxInput):
        return "form-check-input"
    return "form-select" if isinstance(widget, Select) else "form-control"


@register.filter
def is_checkbox(field: BoundField) -> bool:
    """Whether the label stands behind the input."""
    return isinstance(field.field.widget, CheckboxInput) and not isinstance(field.field.widget, CheckboxSelectMultiple)
