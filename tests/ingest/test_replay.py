"""A folder pushed file by file, in any order and again and again, ends in the store of one import of the folder."""

import datetime as dt
import random
from pathlib import Path

import pytest

from apps.accounts.models import Portal
from apps.ingest.models import Upload
from tests.ingest.folders import ONE_INVERTER, import_solarlog, minute_file, plant_of
from tests.ingest.replaying import Logger, differences, read, shuffled, state, waiting


def replay(folder: Path, sunny: Portal, seed: int) -> tuple[Logger, list[str]]:
    """Push the folder and compare with its import."""
    logger = Logger(sunny, f"Pushed {seed}")
    sent = [logger.push(name, data) for name, data in shuffled(read(folder), random.Random(seed))]
    assert waiting(sent) == []
    logger.go_quiet()
    # A logger belongs to one plant: the import must not see that the pushing one has it.
    type(logger.plant).objects.filter(pk=logger.plant.pk).update(identifier="")
    imported = plant_of(import_solarlog(folder, sunny, label=f"Imported {seed}"))
    type(imported).objects.filter(pk=imported.pk).update(identifier="")
    return logger, differences(state(imported), state(logger.plant))


@pytest.mark.parametrize("seed", range(3))
def test_the_real_loggers_folder_pushed_in_any_order_equals_its_import(
    seed: int, shared_data: Path, sunny: Portal
) -> None:
    _, found = replay(shared_data / "solarlog-allwang-dev" / "device-2026-08", sunny, seed)
    assert found == []


def test_a_year_of_day_files_pushed_in_any_order_equals_its_import(shared_data: Path, sunny: Portal) -> None:
    logger, found = replay(shared_data / "solarlog-allwang-dev" / "archive-2025", sunny, 1)
    assert found == []
    kept = Upload.objects.filter(plant=logger.plant, body__isnull=False).values_list("name", flat=True)
    assert sorted(kept) == ["base_vars.js", "days_hist.js"]


# --- Folders made up -----------------------------------------------------------------------------------------------


def made_up(chance: random.Random) -> dict[str, str]:
    """What a logger might hold: some days, gaps, dirty counters, a day that is not over, totals, events."""
    last = chance.choice([dt.date(2025, 8, 2), dt.date(2025, 10, 27), dt.date(2025, 3, 31), dt.date(2025, 1, 2)])
    days = [last - dt.timedelta(days=back) for back in range(chance.randint(1, 4))]
    is_living = chance.random() < 0.7
    records = {day: a_day(day, chance, is_open=is_living and day == last) for day in days}
    files = {"base_vars.js": ONE_INVERTER}
    for day in days:
        is_open = is_living and day == last
        written = records[day][-chance.randint(0, 5) :] if is_open else records[day]
        if written and chance.random() < 0.85:
            files[f"min{day:%y%m%d}.js"] = minute_file(*written)
    if is_living:
        records[last] = records[last][chance.randint(0, len(records[last]) - 1) :]
        files["min_day.js"] = minute_file(*records[last])
        files["days.js"] = f'da[dx++]="{last:%d.%m.%y}|{chance.randint(0, 9000)};3000"\n'
    over = [day for day in days if not (is_living and day == last)]
    listed = [day for day in over if chance.random() < 0.8]
    sums = {day: chance.choice([counter_of(records[day]), 20_000]) for day in over}
    files["days_hist.js"] = "".join(f'da[dx++]="{day:%d.%m.%y}|{sums[day]};3000"\n' for day in listed)
    if chance.random() < 0.5:
        files["daysall.js"] = "".join(f'dal[dxl++]="{day:%d.%m.%y}|{sums[day]}"\n' for day in over)
    files["months.js"] = "".join(
        f'mo[mx++]="{month:%d.%m.%y}|{chance.choice([total, total + 1, total * 2])}"\n'
        for month, total in monthly(sums).items()
    )
    files["years.js"] = f'ye[yx++]="{last:%d.%m.%y}|{sum(sums.values())}"\n'
    files["events.js"] = "".join(f'e[ev++]="{day:%d.%m.%y} 06:00:00;{day:%d.%m.%y} 07:00:00;0;1;0"\n' for day in over)
    files["events_day.js"] = f'e[ev++]="{last:%d.%m.%y} 06:00:00;;0;1;0"\n'
    return files


def a_day(day: dt.date, chance: random.Random, *, is_open: bool) -> list[str]:
    """Records of a day, newest first: at times a logger writes, with the faults counters have.

    A day that is not over has no counter that begins again at 0: what was right until then is not taken back.
    """
    counter, records, is_dead = 0.0, [], chance.random() < 0.15
    slots = sorted(chance.sample(range(60, 250), chance.randint(3, 40)))
    for place, slot in enumerate(slots):
        edge = place in (0, len(slots) - 1) and chance.random() < 0.7
        power = 0 if edge else chance.randint(0, 4000)
        counter += power / 12
        shown = 0 if is_dead else int(counter)
        if chance.random() < 0.05 and not is_dead:
            shown = 65_535 if is_open else chance.choice([65_535, 0])
        time = f"{slot * 5 // 60:02}:{slot * 5 % 60:02}:00"
        records.append(f"{day:%d.%m.%y} {time}|{power};{power};{shown};400")
    return records[::-1]


def counter_of(records: list[str]) -> int:
    return int(records[0].split("|")[1].split(";")[2])


def monthly(sums: dict[dt.date, int]) -> dict[dt.date, int]:
    totals: dict[dt.date, int] = {}
    for day, energy in sums.items():
        totals[day.replace(day=1)] = totals.get(day.replace(day=1), 0) + energy
    return totals


@pytest.mark.parametrize("seed", range(40))
def test_made_up_folders_pushed_in_any_order_equal_their_import(seed: int, sunny: Portal, tmp_path: Path) -> None:
    chance = random.Random(seed)
    for name, text in made_up(chance).items():
        (tmp_path / name).write_text(text)
    _, found = replay(tmp_path, sunny, seed)
    assert found == []
