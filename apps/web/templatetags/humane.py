"""Filters for whole numbers and shares, in the reader's own notation."""

from django import template

from apps.web.units import whole

register = template.Library()


register.filter("whole", whole)


@register.filter
def percent(share: float) -> str:
    """A share given in per cent: nothing used is 0 %, a trace of use is not."""
    return "< 1\N{NO-BREAK SPACE}%" if 0 < share < 1 else f"{whole(round(share))}\N{NO-BREAK SPACE}%"
