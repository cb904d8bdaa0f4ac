"""The data of a plant: the page with its chart, the same as JSON for the steps from it, and as CSV."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.measurements import grid, store
from apps.measurements.channels import Channel
from apps.plants.models import Plant
from apps.web.csv import rows_as_csv
from apps.web.session import PortalRequest

from . import balance, devices, export, figures, gaps, question, series
from .controls import Controls
from .devices import Device
from .door import plant_of
from .drawing import drawing_of
from .period import Kind, Period
from .question import Question
from .series import Chart, TooManySeries

# The pieces of the page that change with a step, by the names plant.js finds their places with.
PARTS = {
    name: f"plant/_{name}.html"
    for name in (
        "chart_notices",
        "chart_figures",
        "chart_controls",
        "chart_message",
        "chart_legend",
        "balance",
        "chart_table",
    )
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request asks for, read. `life` are the first day with data and today."""

    plant: Plant
    question: Question
    chart: Chart
    controls: Controls
    life: tuple[dt.date, dt.date]
    now: dt.datetime


@require_safe
def plant(request: PortalRequest, plant_id: UUID) -> HttpResponse:
    """The page "Data"; the first drawing stands in it as JSON."""
    shown = _shown(request, plant_id)
    return render(request, "plant/plant.html", {"plant": shown.plant, **_context(shown)})


@require_safe
def data(request: PortalRequest, plant_id: UUID) -> HttpResponseBase:
    """The drawing and the changed pieces of the page; 400 naming each parameter that cannot be used."""
    shown = _shown(request, plant_id)
    if shown.question.problems:
        return _refused(shown.question)
    context = {"plant": shown.plant, "portal": request.portal, **_context(shown)}
    parts = {name: render_to_string(template, context, request) for name, template in PARTS.items()}
    answer = {**context["drawing"], "pageTitle": context["page_title"], "parts": parts}
    return _revalidated(request, orjson.dumps(answer))


@require_safe
def csv(request: PortalRequest, plant_id: UUID) -> HttpResponseBase:
    """What the page shows under the same address, as a file; 400 as above."""
    shown = _shown(request, plant_id)
    if shown.question.problems:
        return _refused(shown.question)
    chart = shown.chart
    response = StreamingHttpResponse(
        rows_as_csv(export.csv_header(chart), export.csv_rows(chart)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{export.file_name(chart)}"'
    patch_cache_control(response, private=True, no_cache=True)
    return response


def _refused(asked: Question) -> HttpResponse:
    refused = {"title": _("Invalid parameter"), "errors": asked.problems}
    return HttpResponse(orjson.dumps(refused), status=400, content_type="application/json")


def _revalidated(request: PortalRequest, body: bytes) -> HttpResponseBase:
    """The answer with a tag; 304 where the browser has it already."""
    response = HttpResponse(body, content_type="application/json")
    response["ETag"] = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    patch_cache_control(response, private=True, no_cache=True)
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


# --- Reading what was asked for ------------------------------------------------------------------------------


def _shown(request: PortalRequest, plant_id: UUID) -> Shown:
    plant, now = plant_of(request, plant_id), timezone.now()
    today = grid.today(plant.zone, now)
    known = store.data_range(plant)
    life = (min(known[0], today), today) if known else (today, today)
    asked = question.read(request.GET, today)
    offered = devices.of_plant(plant)
    chosen = devices.chosen(offered, asked.devices)
    period = Period.around(asked.kind, asked.date, life)
    compared = _compared(asked, life)
    try:
        chart = series.read(plant, period, compared, _wanted(offered, chosen, asked, period), now)
    except TooManySeries:
        asked, chosen = _fewer(asked), devices.chosen(offered, ())
        chart = series.read(plant, period, compared, series.by_default(offered, period), now)
    last_data = min(known[1], today) if known else None
    return Shown(plant, asked, chart, Controls(asked, chart, offered, chosen, life, last_data), life, now)


def _wanted(
    offered: Sequence[Device], chosen: Sequence[Device], asked: Question, period: Period
) -> list[tuple[Device, Channel]]:
    if not asked.devices and not asked.channels:
        return series.by_default(offered, period)
    return series.wanted_of(chosen, asked.channels, period)


def _compared(asked: Question, life: tuple[dt.date, dt.date]) -> Period | None:
    if asked.compare is None or asked.kind is Kind.TOTAL:
        return None
    return Period.around(asked.kind, asked.compare, life)


def _fewer(asked: Question) -> Question:
    """The same without a choice, for the chosen one has too many series."""
    message = _("At most %(most)d series can be shown; choose fewer.") % {"most": series.MOST_SERIES}
    return replace(asked, devices=(), channels=(), problems={**asked.problems, "devices": message})


def _context(shown: Shown) -> dict[str, Any]:
    """What the templates of the page and of its pieces need."""
    chart, period = shown.chart, shown.chart.period
    spans = [period, *([chart.compared] if chart.compared else [])]
    balances = balance.of_periods(shown.plant, spans, shown.now)
    light = gaps.daylight(shown.plant, period.first) if period.kind is Kind.DAY else None
    columns, rows = export.table_of(chart) if shown.question.table else ([], [])
    return {
        "question": shown.question,
        "chart": chart,
        "controls": shown.controls,
        "balance": balances[0],
        "figures": list(figures.figures_of(chart, balances, shown.now)),
        "columns": columns,
        "rows": rows,
        "drawing": drawing_of(chart, shown.controls, light),
        "page_title": f"{shown.plant.label}: {period.title} · Helioport",
    }
