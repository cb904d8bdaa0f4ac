"""What the API is measured against: a bare WSGI app that answers the same calls with as little as can be done.

For each call it looks the token up, fetches the packed rows, unpacks them with our own functions, and makes the same
JSON with orjson. Connections are kept, statements prepared. It counts nothing, refuses nothing but unknown tokens, and
knows no packages, epochs or fresh readings and neither ETags nor compression. granian serves it like the product.

`counting` is the same with one more statement: on SQLite a call that is counted is a call that writes.
"""

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import blake2b, sha256
from sqlite3 import connect
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import psycopg
from numpy.typing import NDArray

from apps.measurements import grid, packing
from apps.measurements.channels import BY_NAME, Aggregate, Channel
from apps.measurements.packing import Days, Floats

_TOKEN = "SELECT 1 FROM oauth2_provider_accesstoken WHERE token_checksum = %s AND expires > %s"
_COUNT = """INSERT INTO packages_quotacounter (subscription_id, minute, minute_used, day, day_used)
    SELECT client.subscription_id, 1, 1, 1, 1 FROM oauth2_provider_accesstoken token
    JOIN packages_apiclient client ON client.id = token.application_id WHERE token.token_checksum = %s
    ON CONFLICT (subscription_id) DO UPDATE SET minute_used = packages_quotacounter.minute_used + 1,
    day_used = packages_quotacounter.day_used + 1"""
_TOTALS = """SELECT plant.timezone, plant.datasource_id, series.{date}, series.data FROM plants_plant plant
    JOIN {table} series ON series.plant_id = plant.id AND series.device_id = plant.datasource_id
    WHERE plant.id = %s AND series.{date} BETWEEN %s AND %s ORDER BY series.{date} DESC"""
_DEVICES = """SELECT plant.timezone, component.id, series.{date}, series.data FROM plants_component component
    JOIN plants_epoch epoch ON epoch.id = component.epoch_id JOIN plants_plant plant ON plant.id = epoch.plant_id
    JOIN {table} series ON series.plant_id = plant.id AND series.device_id = component.cross_epoch_id
    WHERE plant.id = %s AND series.{date} BETWEEN %s AND %s AND component.id IN ({ids})
    ORDER BY series.{date} DESC, component.id"""
_DAY = {"date": "day", "table": "measurements_dayseries"}
_MONTH = {"date": "month", "table": "measurements_monthseries"}

PackedRow = tuple[ZoneInfo, str, dt.date, bytes]  # the plant's zone, a device, its day or month, its series
Points = dict[str, Any]


def application(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answers calls for days, months and years of a plant or its components."""
    database = database_at(os.environ["DATABASE_URL"])
    if not database.knows(environ.get("HTTP_AUTHORIZATION", "")[7:]):
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return [b""]
    body = orjson.dumps(answer(database, environ["PATH_INFO"], environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def counting(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """The same, and each call is counted, as a quota has to be."""
    database_at(os.environ["DATABASE_URL"]).count(environ.get("HTTP_AUTHORIZATION", "")[7:])
    return application(environ, start_response)


def answer(database: "OnPostgres | OnSqlite", path: str, query: str) -> list[dict[str, Any]]:
    """The objects of an answer."""
    _, _, _, _, _, _, plant, *period = path.split("/")
    asked = parse_qs(query)
    channels = sorted((BY_NAME[name] for name in asked["channelNames[]"]), key=lambda channel: channel.name)
    devices = asked.get("componentIds[]", [])
    if period == ["channels"]:
        first, last = asked["dateFrom"][0], asked["dateTo"][0]
        return list(day_objects(database.rows(_DAY, plant, devices, first, last), devices, channels))
    year, month = int(period[1]), int(period[3]) if len(period) > 2 else 0
    begin, end = (dt.date(year, month or 1, 1).isoformat(), dt.date(year, month or 12, 1).isoformat())
    found = list(database.rows(_MONTH, plant, devices, begin, end))
    return [_month(found[0], channel) if month else _year(found, year, channel) for channel in channels]


# --- From packed rows to objects ---------------------------------------------------------------------------


def day_objects(
    found: Iterable[PackedRow], devices: Sequence[str], channels: Sequence[Channel]
) -> Iterator[dict[str, Any]]:
    """One object for each series of each row."""
    now, keys = dt.datetime.now(dt.UTC), [(channel.code, 0) for channel in channels]
    kind = "Component" if devices else "Datasource"
    for zone, device, day, data in found:
        times, elapsed, date = _times(zone, day), grid.elapsed(zone, day, now), day.isoformat()
        unpacked = packing.unpack_day(data, keys)
        for key, channel in zip(keys, channels, strict=True):
            if key in unpacked:
                values = unpacked[key].values
                known = values.size - int(np.count_nonzero(np.isnan(values)))
                if known:
                    points = dict(zip(times, _plain(values, channel, known), strict=True))
                    yield _object(device, kind, channel, date, points, known / elapsed)


@lru_cache(1000)  # 20 MB, for more days than calls ask for
def _times(zone: ZoneInfo, day: dt.date) -> tuple[str, ...]:
    return grid.keys(zone, day)


def _month(row: PackedRow, channel: Channel) -> dict[str, Any]:
    zone, device, month, data = row
    days = packing.unpack_month(data, [(channel.code, 0)])[channel.code, 0]
    dates = [f"{month:%Y-%m}-{day:02}" for day in range(1, days.values.size + 1)]
    values = np.round(days.values, channel.decimals)
    known = values.size - int(np.count_nonzero(np.isnan(values)))
    points = dict(zip(dates, _plain(values, channel, known), strict=True))
    end = month + dt.timedelta(days=values.size)
    share = int(days.counts.sum()) / _elapsed(zone, month, end)
    return _object(device, "Datasource", channel, f"{month:%Y-%m}", points, share)


def _year(found: Sequence[PackedRow], year: int, channel: Channel) -> dict[str, Any]:
    key, device, zone = (channel.code, 0), found[0][1], found[0][0]
    months = {row[2].month: packing.unpack_month(row[3], [key]) for row in found}
    series = {month: row[key] for month, row in sorted(months.items()) if key in row}
    values = np.full(12, np.nan)
    values[[month - 1 for month in series]] = _totals(channel, list(series.values()))
    values = np.round(values, channel.decimals)
    known = 12 - int(np.count_nonzero(np.isnan(values)))
    points = dict(zip([f"{year}-{month:02}" for month in range(1, 13)], _plain(values, channel, known), strict=True))
    slots = sum(int(days.counts.sum()) for days in series.values())
    share = slots / _elapsed(zone, dt.date(year, 1, 1), dt.date(year + 1, 1, 1))
    return _object(device, "Datasource", channel, str(year), points, share)


def _totals(channel: Channel, months: Sequence[Days]) -> NDArray[np.float64]:
    """One value for each month: sums of counters, means of everything else."""
    values, counts = (np.concatenate([getattr(days, name) for days in months]) for name in ("values", "counts"))
    begins = np.cumsum([0, *(days.values.size for days in months[:-1])])
    filled, weights = np.nan_to_num(values), np.where(np.isnan(values), 0, counts)
    if channel.aggregate is Aggregate.COUNTER:
        return np.asarray(np.add.reduceat(filled, begins))
    return np.asarray(np.add.reduceat(filled * weights, begins) / np.add.reduceat(weights, begins))


def _elapsed(zone: ZoneInfo, first: dt.date, end: dt.date) -> int:
    """The slots from one day to another that have begun."""
    begin, until = grid.start(zone, first), min(grid.start(zone, end), dt.datetime.now(dt.UTC) + grid.SLOT)
    return (until - begin) // grid.SLOT


def _plain(values: Floats, channel: Channel, known: int) -> list[Any]:
    """orjson makes null of NaN."""
    found: list[Any] = (values if channel.decimals or known < values.size else values.astype(np.int64)).tolist()
    return found


def _object(device: str, kind: str, channel: Channel, date: str, points: Points, share: float) -> dict[str, Any]:
    return {
        "id": blake2b(f"{device}/{channel.name}/{date}".encode(), digest_size=12).hexdigest(),
        "deviceId": device,
        "deviceType": kind,
        "name": channel.name,
        "dataPoints": points,
        "date": date,
        "unit": channel.unit,
        "completeness": min(1.0, round(share, 4)),
    }


# --- The database ------------------------------------------------------------------------------------------


class OnPostgres:
    """One kept connection; every statement is prepared the first time it is seen, answers come binary."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def knows(self, token: str) -> bool:
        values = [sha256(token.encode()).hexdigest(), dt.datetime.now(dt.UTC)]
        return self._connection.execute(_TOKEN, values, prepare=True, binary=True).fetchone() is not None

    def count(self, token: str) -> None:
        self._connection.execute(_COUNT, [sha256(token.encode()).hexdigest()], prepare=True)

    def rows(
        self, of: Mapping[str, str], plant: str, devices: Sequence[str], first: str, last: str
    ) -> Iterator[PackedRow]:
        sql, ids = _statement(of["date"], len(devices)), [UUID(device) for device in devices]
        values = [UUID(plant), dt.date.fromisoformat(first), dt.date.fromisoformat(last), *ids]
        found = self._connection.execute(sql, values, prepare=True, binary=True).fetchall()
        return ((ZoneInfo(zone), str(device), day, data) for zone, device, day, data in found)


class OnSqlite:
    """One kept connection, which keeps its statements. Ids are text without hyphens there, moments text in UTC."""

    def __init__(self, url: str) -> None:
        self._connection = connect(urlsplit(url).path[1:], isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA synchronous=NORMAL")

    def knows(self, token: str) -> bool:
        values = [sha256(token.encode()).hexdigest(), str(dt.datetime.now(dt.UTC).replace(tzinfo=None))]
        return self._connection.execute(_TOKEN.replace("%s", "?"), values).fetchone() is not None

    def count(self, token: str) -> None:
        self._connection.execute(_COUNT.replace("%s", "?"), [sha256(token.encode()).hexdigest()])

    def rows(
        self, of: Mapping[str, str], plant: str, devices: Sequence[str], first: str, last: str
    ) -> Iterator[PackedRow]:
        sql = _statement(of["date"], len(devices)).replace("%s", "?")
        ids = [device.replace("-", "") for device in (plant, *devices)]
        found = self._connection.execute(sql, [ids[0], first, last, *ids[1:]]).fetchall()
        return ((ZoneInfo(zone), str(UUID(device)), dt.date.fromisoformat(d), data) for zone, device, d, data in found)


@cache
def _statement(date: str, devices: int) -> str:
    of = _DAY if date == "day" else _MONTH
    return _DEVICES.format(**of, ids=", ".join(["%s"] * devices)) if devices else _TOTALS.format(**of)


@cache
def database_at(url: str) -> OnPostgres | OnSqlite:
    """The one of that URL, connected once in each process."""
    return OnSqlite(url) if url.startswith("sqlite:") else OnPostgres(url)
