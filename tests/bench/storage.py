"""How many bytes a value takes on disk, all tables and indexes included, against a table with one row per value.

Both hold the same values of ten inverters and are measured alike: packed by VACUUM, in a database of their own. The
tables of the store hold more than that, the plant's totals and all daily values: that is part of what a value costs.

    DATABASE_URL=... python -m tests.bench.storage [--quick]      fills an empty database; prints values and bytes
"""
# ruff: noqa: E402  (models can be imported once Django is set up)

import datetime as dt
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction

from apps.measurements import grid
from apps.measurements.models import DaySeries
from apps.plants.models import Plant
from tests.bench import curves, data
from tests.bench.frame import Place, Row
from tests.bench.ingest import PlainValue, plain_table, portal
from tests.bench.servers import make_database
from tests.live import ROOT

MOST_BYTES = 1.0
AT_LEAST = {"sqlite": 30.0, "postgresql": 90.0}
_FIRST, _LAST = dt.date(2025, 3, 1), dt.date(2025, 4, 30)  # days of middling length, and one of 23 hours
_ROOF = 1


def storage(place: Place) -> Iterator[Row]:
    """Bytes per value, which do not differ from round to round."""
    url = make_database(place, "storage")
    command = [sys.executable, "-m", "tests.bench.storage", *(["--quick"] if place.quick else [])]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, int] = json.loads(done.stdout)
    ours, plain = found["ours"] / found["values"], found["plain"] / found["values"]
    note = f"{found['values']:,} values"
    yield Row("storage", "a value on disk", "one byte", "B", [ours], [1.0], at_most=MOST_BYTES, note=note)
    what = "values in a byte, all tables and indexes"
    yield Row("storage", what, "one row per value", "1/B", [1 / ours], [1 / plain], AT_LEAST[place.engine])


ROWS = {"storage": storage}


def filled(first: dt.date, last: dt.date) -> dict[str, int]:
    """Fill both; values, and the bytes that each takes."""
    with portal("bench-storage") as own, plain_table():
        plant = data.make_plant(own, "Roof")
        evening = grid.start(plant.zone, last + dt.timedelta(days=1)) - grid.SLOT
        values = data.write(plant, _ROOF, (last - first).days + 1, evening)
        copied = sum(_copy(plant, day) for day in grid.days(first, last))
        assert (copied, DaySeries.objects.filter(plant=plant).exists()) == (values, True)
        tables = [model._meta.db_table for model in apps.get_app_config("measurements").get_models()]
        _pack()
        plain = PlainValue._meta.db_table
        return {"values": values, "ours": _bytes(set(tables) - {plain}), "plain": _bytes({plain})}


def _copy(plant: Plant, day: dt.date) -> int:
    """Insert the values of a day as rows; returns how many."""
    begin, found = grid.start(plant.zone, day), curves.curves(_ROOF, plant.zone, day)
    rows = [
        (plant.pk, device, number, begin + slot * grid.SLOT, value)
        for number, values in enumerate(found.values())
        for device, series in zip(data.devices_of(plant), values.tolist(), strict=True)
        for slot, value in enumerate(series)
        if not math.isnan(value)
    ]
    fields = list(PlainValue._meta.concrete_fields)
    ready = [[field.get_db_prep_value(v, connection) for field, v in zip(fields, row, strict=True)] for row in rows]
    sql = f"INSERT INTO {PlainValue._meta.db_table} VALUES ({', '.join(['%s'] * len(fields))})"  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(sql, ready)
    return len(rows)


# --- Bytes on disk ---------------------------------------------------------------------------------------------------


def _pack() -> None:
    """Give back all space that is not needed."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL" if connection.vendor == "postgresql" else "VACUUM")


def _bytes(tables: set[str]) -> int:
    """Of all pages of these tables and their indexes."""
    sql = "SELECT SUM(pgsize) FROM dbstat JOIN sqlite_master USING (name) WHERE tbl_name = %s"
    if connection.vendor == "postgresql":
        sql = "SELECT pg_total_relation_size(%s)"
    size = 0
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(sql, [table])
            size += int(cursor.fetchone()[0])
    return size


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps(filled(_LAST if "--quick" in sys.argv else _FIRST, _LAST)))
