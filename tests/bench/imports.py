"""How fast a year of Solar-Log files is imported, against reading and splitting the same files only.

The files are those of a logger with two inverters, one of two strings and one of one: its configuration, a file of
five-minute records for each day from dawn to dusk, and the list of all days.
"""

import datetime as dt
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from apps.ingest.solarlog.folder import import_folder
from apps.ingest.target import Target
from apps.measurements import grid
from tests.ingest.folders import BERLIN, TWO_INVERTERS, minute_file, write

from . import curves
from .frame import Place, Row, in_turns, timed
from .ingest import portal

AT_LEAST = 0.25
_FIRST, _LAST = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
_ZONE = ZoneInfo(BERLIN)


def imports(place: Place) -> Iterator[Row]:
    """Records a second."""
    folder = place.folder / "solarlog"
    records = write_year(folder, _FIRST + dt.timedelta(days=2) if place.quick else _LAST)
    with portal("bench-import") as own:
        labels = (f"Roof {number}" for number in count())

        def imported() -> float:
            target = Target(own.slug, next(labels), BERLIN)
            seconds = timed(lambda: import_folder(folder, target))
            assert own.plants.count() == 1
            own.plants.all().delete()
            return records / seconds

        def split() -> float:
            return records / timed(lambda: split_files(folder))

        rates = in_turns(imported, split, place.rounds)
    yield Row("import", "Solar-Log year import", "reading and splitting the files", "records/s", *rates, AT_LEAST)


ROWS = {"import": imports}


def split_files(folder: Path) -> int:
    """Every field of every record, as text; returns how many there are."""
    fields = 0
    for file in sorted(folder.iterdir()):
        for line in file.read_bytes().decode().splitlines():
            for block in line.partition('"')[2].rstrip('"').split("|"):
                fields += len(block.split(";"))
    return fields


# --- The files -----------------------------------------------------------------------------------------------------


def write_year(folder: Path, last: dt.date) -> int:
    """The files of all days from the first of January to `last`; returns how many records they have."""
    days = {day: day_records(day) for day in grid.days(_FIRST, last)}
    history = [f'da[dx++]="{day:%d.%m.%y}|{_total(found, 1)}|{_total(found, 2)}"\n' for day, found in days.items()]
    minutes = {f"min{day:%y%m%d}": minute_file(*reversed(found)) for day, found in days.items()}
    write(folder, base_vars=TWO_INVERTERS, days_hist="".join(reversed(history)), **minutes)
    return sum(map(len, days.values()))


def day_records(day: dt.date) -> list[str]:
    """What the logger notes while there is light: two strings, then one with a temperature."""
    found = curves.curves(1, _ZONE, day)
    power, counter, dc_power, voltage = (
        np.nan_to_num(found[name][:2]).astype(int) for name in ("ProdPac", "ProdEtotal", "ProdPdc", "ProdUdc")
    )
    light = np.flatnonzero(power.any(axis=0))
    begin, records = grid.start(_ZONE, day), []
    for slot in range(int(light[0]), int(light[-1]) + 1):
        (pac, small_pac), (wh, small_wh) = power[:, slot], counter[:, slot]
        (pdc, small_pdc), (udc, small_udc) = dc_power[:, slot], voltage[:, slot]
        at = (begin + slot * grid.SLOT).astimezone(_ZONE)
        two = f"{pac};{pdc // 2};{pdc - pdc // 2};{wh};{udc};{udc - 3}"
        records.append(f"{at:%d.%m.%y %H:%M:%S}|{two}|{small_pac};{small_pdc};{small_wh};{small_udc};{20 + pac // 300}")
    return records


def _total(records: list[str], device: int) -> str:
    """What the list of days says of a device: Wh and the highest power."""
    blocks = [record.split("|")[device].split(";") for record in records]
    return f"{max(int(block[3 if device == 1 else 2]) for block in blocks)};{max(int(block[0]) for block in blocks)}"
