"""The figures above the chart: how much, how good, how does it compare."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from apps.measurements.channels import BY_NAME, Channel
from apps.web.units import quantity

from . import devices, series
from .balance import Balance
from .period import Kind, Period
from .series import Chart, Series


@dataclass(frozen=True, slots=True)
class Figure:
    """A label, a value and a remark; the value is None where nothing is known."""

    label: str
    value: float | None
    unit: str
    note: str = ""


def figures_of(chart: Chart, balances: Sequence[Balance], now: dt.datetime) -> Iterator[Figure]:
    """Produced, specific yield, best moment, consumed, earned; the last two only where they are known.

    `balances` are those of the period shown and, if there is one, of the period it is compared with.
    """
    balance = balances[0]
    yield _produced(balances, chart.compared)
    yield Figure(_("Specific yield"), balance.kpis["SpecificYield"], "kWh/kWp", _of_plan(balance))
    yield _best(chart, now)
    if balance["ConsEtotal"].wh is not None:
        yield Figure(_("Consumed"), balance["ConsEtotal"].wh, "Wh", _from_plant(balance))
    if balance.kpis["FinancialYield"] is not None:
        yield Figure(_("Earned and saved"), balance.kpis["FinancialYield"], chart.plant.currency)


def _produced(balances: Sequence[Balance], compared: Period | None) -> Figure:
    produced = balances[0]["ProdEtotal"]
    note = ""
    if compared:
        before = quantity(balances[1]["ProdEtotal"].wh, "Wh")
        note = _("%(period)s: %(energy)s") % {"period": compared.title, "energy": before or _("no data")}
    elif produced.is_partial:
        note = _("from %(share)s %% of the time") % {"share": produced.percent}
    return Figure(_("Produced"), produced.wh, "Wh", note)


def _of_plan(balance: Balance) -> str:
    share = balance.kpis["TargetFulfilment"]
    return "" if share is None else _("%(share)s %% of the plan") % {"share": number_format(share, 0)}


def _from_plant(balance: Balance) -> str:
    share = balance.kpis["Autarky"]
    return "" if share is None else _("%(share)s %% from the plant") % {"share": number_format(share, 0)}


def _best(chart: Chart, now: dt.datetime) -> Figure:
    """The highest power of a day and its time, or the best day, month or year of a longer period."""
    kind = chart.period.kind
    label = {
        Kind.DAY: _("Peak power"),
        Kind.MONTH: _("Best day"),
        Kind.YEAR: _("Best month"),
        Kind.TOTAL: _("Best year"),
    }[kind]
    channel = BY_NAME["ProdPac" if kind is Kind.DAY else "ProdEtotal"]
    values = _of_whole_plant(chart, channel, now).values
    if np.isnan(values).all():
        return Figure(label, None, channel.unit)
    at = int(np.nanargmax(values))
    when = chart.point_title(at)
    return Figure(
        label, float(values[at]), channel.unit, _("at %(time)s") % {"time": when} if kind is Kind.DAY else when
    )


def _of_whole_plant(chart: Chart, channel: Channel, now: dt.datetime) -> Series:
    """The plant's own series of a channel: the one shown, or else read for this."""
    shown = (one for one in chart.series if one.device.key == devices.PLANT and one.channel is channel)
    wanted = [(devices.whole(chart.plant), channel)]
    return next(shown, None) or series.read(chart.plant, chart.period, None, wanted, now).series[0]
