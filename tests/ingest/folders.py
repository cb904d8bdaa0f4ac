"""Solar-Log folders written by tests, and the import command as a plain function that returns its JSON answer."""

import datetime as dt
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command

from apps.accounts.models import Portal
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.plants.models import Component, Plant

BERLIN = "Europe/Berlin"

# Two inverters: the first with two strings, the second with one and an inner temperature.
TWO_INVERTERS = """var AnlagenKWP=6200
var sollMonth = new Array(2,6,9,11,12,13,13,12,10,7,3,2)
var SollYearKWP=900
var AnzahlWR = 2
var MaxWRP=new Array(AnzahlWR)
MaxWRP[0]=new Array(4100,25000,600000,5000000)
var WRInfo = new Array(AnzahlWR)
WRInfo[0]=new Array("WR42MS05","1100082120",4100,1,"SB 4200 TL",2,null,null,4200,null,1,0,0,972,null)
WRInfo[0][6]=new Array("Orange","Grün")
WRInfo[0][7]=new Array(1,2)
WRInfo[0][9]=new Array(2050,2050)
WRInfo[1]=new Array("WR21TL06","2000132324",2100,1,"SB 2100TL",1,null,null,2100,null,1,0,1,972,null)
var HPStandort="92266 (DE)"
var HPInbetrieb="15.03.2006"
StatusCodes[0] = "Offset,Stop,Fehler,Mpp,"
FehlerCodes[0] = "-------,NUW-UAC,"
StatusCodes[1] = "Offset,Stop,Stoer.,Mpp,"
FehlerCodes[1] = "-------,Relais (1),"
var Verguetung=5180
var Serialnr =  273452489
var Firmware = "2.8.4 Build 56"
var FirmwareDate = "27.01.2014"
var SLTyp = "500"
var Currency ="€"
"""

# One inverter with one string, 5 kWp.
ONE_INVERTER = """var AnlagenKWP=5000
var AnzahlWR = 1
WRInfo[0]=new Array("SB5000","2100000001",5000,1,"Roof",1,null,null,5000,null,1,0,0,1000,null)
var Serialnr = 4711
"""


def write(folder: Path, **files: str | bytes) -> Path:
    """A folder with files: `min250701="..."` becomes min250701.js; text is written with CRLF, bytes as they are."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.replace("\n", "\r\n").encode()
        (folder / f"{name}.js").write_bytes(data)
    return folder


def minute_file(*records: str) -> str:
    """Records as the logger writes them; give them newest first."""
    return "".join(f'm[mi++]="{record}"\n' for record in records)


def run(command: str, *arguments: object, **options: object) -> dict[str, Any]:
    """A management command in this process; returns the JSON object it prints."""
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, **options)
    printed: dict[str, Any] = json.loads(out.getvalue())
    return printed


def import_solarlog(
    folder: Path, portal: Portal, *more: str, label: str = "Roof", zone: str = BERLIN
) -> dict[str, Any]:
    return run("import_solarlog", folder, "--portal", portal.slug, "--label", label, "--timezone", zone, *more)


def plant_of(done: dict[str, Any]) -> Plant:
    return Plant.objects.get(id=done["plant_id"])


def device(plant: Plant, index: int = 0) -> Component:
    """The newest component with a data index."""
    return Component.objects.filter(epoch__plant=plant, dataindex=index).latest("epoch__active_from")


def day_values(plant: Plant, day: str, channel: str, index: int | None = 0, part: int = 0) -> dict[str, float]:
    """Local times HH:MM and values of one series on a day, without nulls; `index` None is the plant itself."""
    source = plant.datasource_id if index is None else device(plant, index).cross_epoch_id
    date = dt.date.fromisoformat(day)
    found = store.read_days(plant, [store.Source(source, part)], [BY_NAME[channel]], date, date)
    values = next((found_day.values for found_day in found), np.array([]))
    keys = grid.keys(plant.zone, date)
    return {
        key[11:16] if len(keys) == 288 else key[11:]: float(value)
        for key, value in zip(keys, values, strict=False)
        if not np.isnan(value)
    }


def recorded(values: dict[str, float], *times: str) -> list[float | None]:
    return [values.get(time) for time in times]


def everything(plant: Plant) -> dict[str, Any]:
    """All that reads can tell about a plant, for comparing two plants."""
    span = store.data_range(plant)
    assert span is not None
    rows = Component.objects.filter(epoch__plant=plant).order_by("epoch__active_from", "dataindex")
    parts = [("plant", plant.datasource_id, 0)]
    parts += [(row.serial or row.name, row.cross_epoch_id, part) for row in rows for part in (0, 1, 2)]
    channels = [channel for channel in BY_NAME.values() if not channel.derived]
    return {f"{name}/{part}": _all_of(plant, store.Source(id_, part), channels, span) for name, id_, part in parts}


def _all_of(plant: Plant, source: store.Source, channels: Sequence[Any], span: tuple[dt.date, dt.date]) -> list[Any]:
    days = [
        (found.day, found.channel.name, found.values.tobytes())
        for found in store.read_days(plant, [source], channels, *span)
    ]
    first, years = store.read_lifetime(plant, [source], channels, span[1].year)
    totals = [(found.channel.name, found.values.tobytes()) for found in years]
    return [days, first, totals]


def reasons(done: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(entry["file"], entry["line"], entry["reason"]) for entry in done["rejected"]]
