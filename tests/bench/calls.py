"""How fast the API answers: real server, real token, real quota, against the bare WSGI app on the same data.

wrk makes the calls. Both servers run all the time, and only one of them is asked at a time. Before anything is measured
both have to answer the same JSON. Calls go to plants and days by chance, so that few of them are made twice.
"""

import datetime as dt
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlencode

import orjson

from apps.measurements import grid
from tests.live import ROOT

from . import bare
from .curves import CHANNELS
from .data import Site, Workload, longest
from .frame import Place, Row, in_turns, timed
from .servers import BARE, COUNTING, PRODUCT, Calls, Server, calls_to, make_database, serve

_PLAIN = "bare WSGI app"
_SCRIPT = "plain script: SQL, unpack, orjson"
_ONE, _MEAN_PATHS = CHANNELS[:1], 6000


@dataclass(frozen=True)
class Stage:
    """The product and the bare app on the large database; the small one, and what is in both."""

    product: Server
    bare: Server
    work: Workload
    small_url: str
    small: Workload


@cache
def stage(place: Place) -> Stage:
    """Fill both databases and start the servers, once for all rows."""
    small_url = make_database(place, "small")
    small = _workload(small_url, "fill", 40 if place.quick else 365)
    large_url = make_database(place, "large", like=small_url)
    work = _workload(large_url, "grow", 8 if place.quick else 100, small)
    print(f"{place.engine}: {small.values:,} and {work.values:,} values", flush=True)
    product, plain = serve(place, PRODUCT, large_url), serve(place, BARE, large_url)
    product.log_in(work.client_id, work.client_secret)
    plain.headers.update(product.headers)
    return Stage(product, plain, work, small_url, small)


def _workload(url: str, act: str, number: int, known: Workload | None = None) -> Workload:
    """Let a process of its own fill a database."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.data", act, str(number)],
        input=json.dumps(asdict(known)) if known else "",
        env={**os.environ, "DATABASE_URL": url},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    made = json.loads(done.stdout)
    return Workload(**made | {"sites": [Site(**site) for site in made["sites"]]})


# --- Addresses -------------------------------------------------------------------------------------------


def days_path(work: Workload, site: Site, first: str, last: str, channels: Sequence[str], *, devices: bool) -> str:
    """5-minute values of the plant, or of all its inverters."""
    asked = [("dateFrom", first), ("dateTo", last), *(("channelNames[]", name) for name in channels)]
    asked += [("componentIds[]", component) for component in site.components if devices]
    return f"/api/v1/{work.portal}/visualization/plant/{site.plant}/channels?{urlencode(asked)}"


def period_path(work: Workload, site: Site, period: str) -> str:
    """Daily or monthly energies of the plant."""
    return f"/api/v1/{work.portal}/visualization/plant/{site.plant}/{period}?{quote('channelNames[]')}=ProdEtotal"


def closed_days(work: Workload) -> list[str]:
    first, today = dt.date.fromisoformat(work.first), dt.date.fromisoformat(work.today)
    return [day.isoformat() for day in grid.days(first, today - dt.timedelta(days=1))]


def day_paths(work: Workload, channels: Sequence[str], *, devices: bool, most: int = 100_000) -> list[str]:
    """Calls for one closed day of one plant each, shuffled."""
    pairs = [(site, day) for site in work.sites for day in closed_days(work)]
    chosen = random.Random(1).sample(pairs, min(most, len(pairs)))
    return [days_path(work, site, day, day, channels, devices=devices) for site, day in chosen]


def month_periods(work: Workload) -> list[str]:
    """The months that are closed and complete, as addresses name them."""
    months = sorted({day[:7] for day in closed_days(work)})[1:-1] or [work.first[:7]]
    return [f"year/{month[:4]}/month/{int(month[5:])}" for month in months]


# --- Rows ------------------------------------------------------------------------------------------------


def day(place: Place) -> Iterator[Row]:
    """On SQLite counting a call means to write, so there the bare app is shown with that as well."""
    found, what = stage(place), "plant day, 1 channel"
    paths = day_paths(found.work, _ONE, devices=False)
    yield _beside(place, "day", what, paths, 0.45)
    if place.engine == "sqlite":
        counting = serve(place, COUNTING, found.bare.service.environment["DATABASE_URL"])
        counting.headers.update(found.bare.headers)
        ours, theirs = calls_to(place, found.product, paths), calls_to(place, counting, paths)
        rates = _rates(place, ours, theirs)
        baseline = "bare WSGI app that counts the call"
        yield Row("day_counted", what, baseline, "calls/s", *rates, note=_cpu(ours, theirs))


def day_of_all(place: Place) -> Iterator[Row]:
    found = stage(place)
    paths = day_paths(found.work, CHANNELS, devices=True, most=_MEAN_PATHS)
    yield _beside(place, "day_of_all", "day, 10 components x 6 channels", paths, 0.55)


def month(place: Place) -> Iterator[Row]:
    work = stage(place).work
    paths = [period_path(work, site, period) for period in month_periods(work) for site in work.sites]
    yield _beside(place, "month", "plant month, 1 channel", paths, 0.45)


def year(place: Place) -> Iterator[Row]:
    work = stage(place).work
    years = sorted({work.first[:4], work.today[:4]})
    paths = [period_path(work, site, f"year/{year}") for year in years for site in work.sites]
    yield _beside(place, "year", "plant year, 1 channel", paths, 0.45)


def again(place: Place) -> Iterator[Row]:
    """The bare app never compresses, for it has to make its answers each time."""
    work = stage(place).work
    zipped = {"Accept-Encoding": "gzip"}
    paths = day_paths(work, CHANNELS, devices=True, most=20)
    yield _beside(place, "again", "a closed day asked again, 10 x 6, gzip", paths, 1.2, zipped)
    paths = day_paths(work, _ONE, devices=False, most=50)
    yield _beside(place, "again_one", "a closed day asked again, 1 channel, gzip", paths, None, zipped)


def _beside(
    place: Place,
    name: str,
    what: str,
    paths: Sequence[str],
    at_least: float | None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Row:
    """Answers a second of the product and of the bare app, which have to be the same."""
    found = stage(place)
    for path in paths[:: max(1, len(paths) // 5)]:
        _same(orjson.loads(found.product.get(path).body), orjson.loads(found.bare.get(path).body), path)
    ours = calls_to(place, found.product, paths, headers)
    theirs = calls_to(place, found.bare, paths)
    rates = _rates(place, ours, theirs)
    return Row(name, what, _PLAIN, "calls/s", *rates, at_least, note=_cpu(ours, theirs))


def _cpu(ours: Calls, theirs: Calls) -> str:
    """What the workers of both spend on a call: it tells where a busy machine blurs calls a second."""
    mine, other = (1000 * calls.cpu / calls.made for calls in (ours, theirs))
    return f"CPU {mine:.2f} : {other:.2f} ms" if other else ""


def _same(ours: object, theirs: object, path: str) -> None:
    if ours != theirs or not ours:
        raise RuntimeError(f"Product and bare app answer differently, or nothing, to {path}")


def _rates(place: Place, ours: Calls, theirs: Calls) -> tuple[list[float], list[float]]:
    """Answers a second of every round, after a warm-up."""
    seconds = 1 if place.quick else 3
    for calls in (ours, theirs):
        calls.warm_up()
    return in_turns(lambda: ours.rate(seconds), lambda: theirs.rate(seconds), place.rounds)


def not_modified(place: Place) -> Iterator[Row]:
    """Of the day that is still open, so that no kept answer flatters or spoils our own 200."""
    found = stage(place)
    today = found.work.today
    paths = [days_path(found.work, site, today, today, CHANNELS, devices=True) for site in found.work.sites[:8]]
    seconds = 1 if place.quick else 3

    def known() -> float:
        """ETags tell how much of the day has passed, so a round lies within one slot."""
        _wait_for_slot(seconds + 3)
        tagged = [[path, f"If-None-Match: {found.product.get(path).headers['ETag']}"] for path in paths]
        calls = calls_to(place, found.product, tagged)
        rate = calls.rate(seconds)
        if calls.bytes > 2000 * calls.made:
            raise RuntimeError("Not all answers were 304")
        return rate

    whole = calls_to(place, found.product, paths)
    whole.warm_up()
    rates = in_turns(known, lambda: whole.rate(seconds), place.rounds)
    yield Row("not_modified", "304 answer, 10 x 6", "our own 200 of it", "calls/s", *rates, 1.5)


def _wait_for_slot(seconds: float) -> None:
    """Until the present slot of five minutes has so many seconds left."""
    left = 300 - time.time() % 300
    if left < seconds:
        time.sleep(left)


def days_31(place: Place) -> Iterator[Row]:
    found = stage(place)
    days = closed_days(found.work)[-31:]
    path = days_path(found.work, found.work.sites[0], days[0], days[-1], CHANNELS, devices=True)
    yield _long(place, "days_31", "31 days, 10 x 6", path, _SCRIPT, scripted(found, path), 0.70)


def days_609(place: Place) -> Iterator[Row]:
    found = stage(place)
    days = closed_days(found.work)
    first = dt.date.fromisoformat(days[-1]) - dt.timedelta(days=longest(len(days)) - 1)
    path = days_path(found.work, found.work.sites[0], first.isoformat(), days[-1], _ONE, devices=False)
    points, what = orjson.loads(found.product.get(path).body), "20 months, 1 channel"
    yield _long(place, "days_609", what, path, "orjson.dumps of it in memory", lambda: orjson.dumps(points), 0.5)
    yield _long(place, "days_609_script", what, path, _SCRIPT, scripted(found, path), None)
    yield _memory(place, path)


def scripted(found: Stage, path: str) -> Callable[[], bytes]:
    """Makes the body as the bare app does, without a server."""
    database = bare.database_at(found.bare.service.environment["DATABASE_URL"])
    return lambda: orjson.dumps(bare.answer(database, *path.split("?")))


def _long(
    place: Place, name: str, what: str, path: str, baseline: str, make: Callable[[], bytes], at_least: float | None
) -> Row:
    """Megabytes a second of one long answer, read by one client, beside making it in memory."""
    found = stage(place)
    body = found.product.get(path).body
    _same(orjson.loads(body), orjson.loads(make()), path)
    calls = calls_to(place, found.product, [path], connections=1)
    seconds, size = 2 if place.quick else 3, len(body) / 1e6

    def theirs() -> float:
        return size / min(timed(make) for _ in range(3))

    calls.warm_up()
    rates = in_turns(lambda: size * calls.rate(seconds), theirs, place.rounds)
    return Row(name, what, baseline, "MB/s", *rates, at_least, note=f"{size:.1f} MB")


def _memory(place: Place, path: str) -> Row:
    """By how much the largest worker grows for it, on a server that has answered short calls only."""
    grown = [_growth(place, path) for _ in range(place.rounds)]
    what, limit = "20 months: growth of the worker's peak memory", [32.0] * place.rounds
    return Row("memory", what, "what is allowed", "MiB", grown, limit, at_most=1)


def _growth(place: Place, path: str) -> float:
    found = stage(place)
    with ExitStack() as own:
        server = serve(replace(place, cleanup=own), PRODUCT, found.product.service.environment["DATABASE_URL"])
        server.headers.update(found.product.headers)
        calls_to(place, server, day_paths(found.work, _ONE, devices=False, most=200)).warm_up()
        before = {worker: _begin_peak(worker) for worker in server.service.children()}
        server.get(path)
        return max(_memory_of(worker, "VmHWM") - rss for worker, rss in before.items())


def _begin_peak(worker: int) -> float:
    """Let the peak begin anew; the memory there is now."""
    Path(f"/proc/{worker}/clear_refs").write_text("5")
    return _memory_of(worker, "VmRSS")


def _memory_of(pid: int, name: str) -> float:
    """A figure of /proc/<pid>/status in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def growth(place: Place) -> Iterator[Row]:
    found = stage(place)
    small = serve(place, PRODUCT, found.small_url)
    small.log_in(found.small.client_id, found.small.client_secret)
    ours = calls_to(place, found.product, day_paths(found.work, _ONE, devices=False))
    theirs = calls_to(place, small, day_paths(found.small, _ONE, devices=False))
    large_ms, small_ms = ([1000 / rate for rate in rates] for rates in _rates(place, ours, theirs))
    what = f"day call at {found.work.values / 1e6:.0f} M stored values"
    yield Row("growth", what, f"at {found.small.values / 1e6:.0f} M", "ms", large_ms, small_ms, at_most=1.5)


ROWS = {row.__name__: row for row in (day, day_of_all, month, year, again, not_modified, days_31, days_609, growth)}
