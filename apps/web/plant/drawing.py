"""What the browser draws a chart from: one JSON object with absolute times, numbers, and null for what is missing."""

from typing import Any

from .controls import Controls
from .gaps import Daylight, gaps_of, nights
from .period import Kind
from .series import Chart, Series


def drawing_of(chart: Chart, controls: Controls, light: Daylight) -> dict[str, Any]:
    """`x` are Unix seconds in which points begin; `local` the same as ISO times with the plant's offset."""
    return {
        "kind": chart.period.kind,
        "title": chart.period.title,
        "query": controls.question.query(),
        "zone": chart.plant.timezone,
        "x": [int(start.timestamp()) for start in chart.starts],
        "local": [chart.local(at).isoformat() for at in range(len(chart.starts))],
        "points": [] if chart.period.kind is Kind.DAY else [chart.point_title(at) for at in range(len(chart.starts))],
        "elapsed": chart.elapsed,
        "series": [_series(one) for one in chart.series],
        "compared": chart.compared and chart.compared.title,
        "gaps": [{"first": gap.first, "end": gap.end, "text": gap.text} for gap in gaps_of(chart, light)],
        "nights": [[int(since.timestamp()), int(until.timestamp())] for since, until in nights(chart, light)],
        "hasData": chart.has_data,
        "links": {
            "previous": controls.previous,
            "next": controls.next,
            "today": controls.today,
            "up": controls.up,
            "down": controls.down,
            "points": controls.points,
        },
    }


def _series(one: Series) -> dict[str, Any]:
    return {
        "key": f"{one.device.key}:{one.channel.name}",
        "channel": one.channel.name,
        "label": one.label,
        "unit": one.unit,
        "colour": one.colour,
        "decimals": one.channel.decimals,
        "values": one.numbers,
        "completeness": one.completeness,
        "compared": one.compared_numbers,
    }
