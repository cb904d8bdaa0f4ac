"""The arithmetic of docs/scaling.md: reads its inputs, prints its table. `python -m tests.distributed.scaling`."""

import math
import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "scaling.md"
PLANTS = (1, 1_000, 100_000, 1_000_000)
_INPUT = re.compile(r"^\| `(\w+)` \| ([\d.]+) \|", re.MULTILINE)


def inputs(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in _INPUT.findall(text)}


def table(given: dict[str, float]) -> str:
    heads = (
        "plants",
        "values/year",
        "packed/year",
        "receipts",
        "deliveries/s",
        "calls/s",
        "cores",
        "machines",
        "€/month",
    )
    lines = [heads, ("---",) * len(heads), *(_line(plants, given) for plants in PLANTS)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(plants: int, given: dict[str, float]) -> tuple[str, ...]:
    values = plants * given["devices"] * given["channels"] * 288 * 365
    packed = values * given["bytes_per_value"]
    receipts = plants * 288 * given["receipt_days"] * given["bytes_per_receipt"]
    deliveries, calls = plants / 300, plants * given["calls_per_plant_hour"] / 3600
    cores = (deliveries * given["ms_per_delivery"] + calls * given["ms_per_call"]) / 1000 / given["load"]
    disk = (packed * given["years"] + receipts) / given["disk_bytes"] / given["disk_fill"]
    machines = math.ceil(max(cores / given["cores_per_machine"], disk))
    figures = (values, packed, receipts, deliveries, calls, cores)
    words = (_number(figures[0]), _bytes(packed), _bytes(receipts), *(f"{one:,.1f}" for one in figures[3:]))
    return (f"{plants:,}", *words, f"{machines:,}", f"{machines * given['price']:,.0f}")


def _number(value: float) -> str:
    return f"{value / 1e6:,.0f} M"


def _bytes(value: float) -> str:
    return (
        f"{value / 1e12:,.1f} TB"
        if value >= 1e12
        else f"{value / 1e9:,.1f} GB"
        if value >= 1e9
        else f"{value / 1e6:,.0f} MB"
    )


if __name__ == "__main__":
    print(table(inputs(DOCUMENT.read_text())))
