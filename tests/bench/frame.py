"""What all benchmarks share: a row of the table, measuring in turns, and the table itself.

A figure alone says more about the machine than about the program. So every row has a baseline that was measured in the
same run, in turns with it, and what is judged is the ratio: its median over the rounds, with the smallest and largest.
"""

import gc
import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

_HEADS = ("what", "database", "ours", "baseline", "ratio", "lowest..highest", "target", "met")


@dataclass(frozen=True, eq=False)
class Place:
    """What the function of a row gets. `quick` asks for a small workload; the database is the one of DATABASE_URL.

    Files may be left in `folder`; `cleanup` is closed when the last row is done.
    """

    engine: str
    rounds: int
    quick: bool
    folder: Path
    cleanup: ExitStack


@dataclass(frozen=True)
class Row:
    """One line of the table: `what` was measured in `unit`, round by round, beside `baseline`.

    The ratio of a round is ours/theirs. A target says what its median has to be at least or at most.
    """

    name: str
    what: str
    baseline: str
    unit: str
    ours: list[float]
    theirs: list[float]
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.ratios), max(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.at_least is None and self.at_most is None:
            return None
        return self.ratio >= (self.at_least or 0) and (self.at_most is None or self.ratio <= self.at_most)


# --- Measuring -------------------------------------------------------------------------------------------


def timed(act: Callable[[], object]) -> float:
    """How many seconds it takes."""
    gc.collect()
    begin = time.perf_counter()
    act()
    return time.perf_counter() - begin


def in_turns(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
    """Both figures of every round. Both candidates meet the same noise, and take turns at being the first one too."""
    found: dict[Callable[[], float], list[float]] = {ours: [], theirs: []}
    for number in range(rounds):
        for candidate in (ours, theirs) if number % 2 == 0 else (theirs, ours):
            found[candidate].append(candidate())
    return found[ours], found[theirs]


# --- The table -------------------------------------------------------------------------------------------


def table(results: Mapping[str, Iterable[Row]]) -> str:
    """A table in Markdown, that can be read as it is: each row for one database after the other."""
    found = [(row, engine) for engine, rows in results.items() for row in rows]
    order = list(dict.fromkeys((row.name, row.baseline) for row, _ in found))
    found.sort(key=lambda pair: order.index((pair[0].name, pair[0].baseline)))
    lines = [_HEADS, *(_cells(row, engine) for row, engine in found)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_HEADS))]
    head, *body = (
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines
    )
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([head, rule, *body])


def _cells(row: Row, engine: str) -> tuple[str, ...]:
    lowest, highest = row.spread
    return (
        row.what + (f" ({row.note})" if row.note else ""),
        engine,
        f"{_figure(median(row.ours))} {row.unit}",
        f"{_figure(median(row.theirs))} {row.unit}: {row.baseline}",
        f"{row.ratio:.3g}",
        f"{lowest:.3g}..{highest:.3g}",
        _target(row),
        {True: "yes", False: "**no**", None: "–"}[row.met],
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _target(row: Row) -> str:
    if row.at_least is not None:
        return f"≥ {row.at_least:g}"
    return "–" if row.at_most is None else f"≤ {row.at_most:g}"


# --- The machine -----------------------------------------------------------------------------------------


def machine() -> str:
    """Cores, processor and memory, as far as the system tells."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {_processor()}, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def versions(**servers: str) -> str:
    """What the figures were measured with."""
    packages = {name: version(name) for name in ("django", "granian", "numpy", "orjson", "psycopg")}
    found = {"Python": platform.python_version(), **packages, "SQLite": sqlite3.sqlite_version, **servers}
    return ", ".join(f"{name} {number}" for name, number in found.items())
