"""Writing into the measurement store. Private to the store.

There are two roads. `write` packs: a day is read, merged and written back with its months and the plant's totals, by
one writer per plant at a time. `write_fresh` appends what a logger delivers to a row per slot, without reading and
without waiting, and `seal` packs such rows later. What `write` stores came after what is fresh of the same days, so it
packs that first: a value that came later wins, whatever road it took.
"""

import datetime as dt
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.plants.models import Plant

from . import grid, latest, merging, rows
from .channels import BY_NAME, CHANNELS, Aggregate, Channel
from .merging import DELIVERED, DayReadings, MonthReadings
from .rows import DayRow, Fresh, MonthRow, RowKey

SEAL_AFTER = dt.timedelta(minutes=30)  # a plant of which nothing came for so long has delivered
SEAL_ROWS = 36  # so many slots (three hours) are packed although more is coming
_SLOTS_AT_ONCE = 2000  # a week
_STORED = {channel.name: (channel.code, channel.decimals) for channel in CHANNELS if not channel.derived}
_logger = logging.getLogger(__name__)


class Point(NamedTuple):
    """One value as a logger delivered it; `at` is any moment of its slot."""

    device: UUID
    part: int
    channel: str
    at: dt.datetime
    value: float


_TIME = itemgetter(Point._fields.index("at"))


def write(plant: Plant, days: Iterable[DayReadings] = (), months: Iterable[MonthReadings] = ()) -> int:
    """Store readings of one plant; returns how many values are new or different.

    Values of a component outrank those delivered for the plant as a whole (device `plant.datasource_id`), which show
    where no component has any. Nine statements for up to 200 rows of days, and one more where some of it was fresh.

    Raises ValueError, and changes nothing, for a series whose length is not the number of slots of its day, for a
    channel that is unknown or derived, and for totals reported of anything but a counter.
    """
    day_list, month_list = list(days), list(months)
    for reading in day_list:
        _check_day(plant, reading)
    for totals_of_month in month_list:
        _check_month(plant, totals_of_month)
    if not day_list and not month_list:
        return 0
    with transaction.atomic():
        _lock(plant)
        fresh: Fresh = {}
        if day_list:
            written = [reading.day for reading in day_list]
            fresh = rows.take_fresh(plant, min(written), max(written))
        return _store(plant, fresh, day_list, month_list)


def _lock(plant: Plant) -> None:
    """One writer per plant at a time: a day is read, merged and written back."""
    Plant.objects.select_for_update(no_key=True).only("pk").get(pk=plant.pk)


def _store(plant: Plant, fresh: Fresh, days: Sequence[DayReadings] = (), months: Sequence[MonthReadings] = ()) -> int:
    """Pack what was fresh, and then readings, with all that follows from them."""
    merged = merging.merge(plant, fresh, days, months)
    rows.save_days(plant, rows.pack_days(merged.days, merged.days_before))
    rows.save_months(plant, rows.pack_months(merged.months, merged.months_before))
    rows.delete_fresh(plant, list(fresh))
    _follow(plant, merged)
    return merged.new


def _follow(plant: Plant, merged: merging.Merged) -> None:
    if merged.months:
        latest.follow(plant, _of_plant(plant, merged.days), _of_plant(plant, merged.months))


_Row = TypeVar("_Row", DayRow, MonthRow)


def _of_plant(plant: Plant, written: Mapping[RowKey, _Row]) -> dict[dt.date, _Row]:
    """Those rows that hold the plant's totals, by day or month."""
    return {date: row for (device, date), row in written.items() if device == plant.datasource_id}


# --- Fresh readings --------------------------------------------------------------------------------------


def write_fresh(plant: Plant, points: Iterable[Point]) -> None:
    """Store what a logger delivers. One statement, which neither reads nor waits for a writer of other slots.

    Of several values of one series in one slot the one that was measured last counts, over several deliveries the one
    that came last. Reads know these values at once; lists of plants do after `follow_fresh` or `seal`.

    Raises ValueError, and stores nothing, for what `write` refuses and for a value that is no finite number.
    """
    rows.append_fresh(plant, _by_slot(plant, points), timezone.now())


def _by_slot(plant: Plant, points: Iterable[Point]) -> Mapping[dt.datetime, rows.Values]:
    """Values by slot, by device and part, and by channel; one pass, for every delivery goes through it."""
    slots: dict[dt.datetime, dict[tuple[UUID, int], dict[tuple[int, int], float]]] = defaultdict(dict)
    moment: dt.datetime | None = None
    source: tuple[UUID, int] | None = None
    try:
        for device, part, name, at, value in sorted(points, key=_TIME):
            if at != moment:
                moment, source, slot = at, None, slots[grid.slot_start(at)]
            if (device, part) != source:
                source = device, part
                _check_part(plant, device, part)
                found = slot.setdefault(source, {})
            found[_STORED[name]] = value
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is not a channel that is stored") from None
    return slots


def follow_fresh(plant: Plant) -> None:
    """Bring the newest values of a plant, which lists show, up to date with what is fresh."""
    with transaction.atomic():
        _lock(plant)
        _follow(plant, merging.merge(plant, rows.take_oldest_fresh(plant)))


def find_latest(plant: Plant) -> None:
    """Work out the newest values of a plant from all its rows, as every write does from those it changes.

    For plants whose rows were there before the newest values were kept, or were changed in another way than `write`.
    """
    with transaction.atomic():
        _lock(plant)
        latest.search(plant)
        follow_fresh(plant)


def seal(plant: Plant | None = None, *, now: dt.datetime | None = None) -> int:
    """Pack what is fresh of a plant; returns how many slots. Interrupted anywhere, it leaves all values in their place.

    Without a plant it looks at all of them: plants that have delivered, or have much that is fresh, are packed; of the
    others only the newest values are brought up to date. A plant that fails is logged and does not stop the rest.
    """
    if plant is not None:
        return _seal(plant)
    sealed = 0
    quiet = (now or timezone.now()) - SEAL_AFTER
    for found in rows.fresh_plants():
        try:
            one = Plant.objects.get(pk=found.plant)
            if found.rows >= SEAL_ROWS or found.changed_at <= quiet:
                sealed += _seal(one)
            else:
                follow_fresh(one)
        except Plant.DoesNotExist:
            continue  # deleted meanwhile, with all its rows
        except ValueError:
            _logger.exception("Fresh readings of plant %s cannot be packed", found.plant)
    return sealed


def _seal(plant: Plant) -> int:
    """A week of slots at a time, each in a transaction of its own."""
    sealed = packed = _seal_oldest(plant)
    while packed == _SLOTS_AT_ONCE:
        packed = _seal_oldest(plant)
        sealed += packed
    return sealed


def _seal_oldest(plant: Plant) -> int:
    with transaction.atomic():
        _lock(plant)
        fresh = rows.take_oldest_fresh(plant, _SLOTS_AT_ONCE)
        if fresh:
            _store(plant, fresh)
        return len(fresh)


# --- What may be written ---------------------------------------------------------------------------------


def _check_day(plant: Plant, reading: DayReadings) -> None:
    slots = grid.slots(plant.zone, reading.day)
    for (name, part), values in reading.series.items():
        _stored_channel(plant, reading.device, name, part)
        if values.shape != (slots,):
            raise ValueError(f"{name} of {reading.day} has {values.size} values, the day has {slots} slots")
    for (name, part), value in reading.reported.items():
        _check_reported(_stored_channel(plant, reading.device, name, part), value)


def _check_month(plant: Plant, reading: MonthReadings) -> None:
    if reading.month.day != 1:
        raise ValueError(f"{reading.month} is not the first day of a month")
    for (name, part), value in reading.reported.items():
        _check_reported(_stored_channel(plant, reading.device, name, part), value)


def _stored_channel(plant: Plant, device: UUID, name: str, part: int) -> Channel:
    if name not in _STORED:
        raise ValueError(f"{name} is not a channel that is stored")
    _check_part(plant, device, part)
    return BY_NAME[name]


def _check_part(plant: Plant, device: UUID, part: int) -> None:
    if not 0 <= part < DELIVERED or (part and device == plant.datasource_id):
        raise ValueError(f"device {device} has no part {part}")


def _check_reported(channel: Channel, value: float) -> None:
    if channel.aggregate is not Aggregate.COUNTER or not math.isfinite(value):
        raise ValueError(f"{channel.name}: {value} cannot be a reported total")
