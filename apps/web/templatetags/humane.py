"""Filters for whole numbers and shares, in the reader's own notation."""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def whole(number: int) -> str:
    """12,345"""
    return number_format(number, decimal_pos=0, use_l10n=True, force_grouping=True)


@register.filter
def percent(share: float) -> str:
    """A share given in per cent: nothing used is 0 %, a trace of use is not."""
    return "< 1\N{NO-BREAK SPACE}%" if 0 < share < 1 else f"{whole(round(share))}\N{NO-BREAK SPACE}%"
