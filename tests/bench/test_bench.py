"""The benchmarks themselves: rows come out of a small workload, baselines do what the product does, nothing is left."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from apps.accounts.models import Portal, User
from apps.measurements import fresh
from apps.measurements.channels import BY_NAME
from tests.bench import imports, ingest, pages, reads, upsert
from tests.bench.frame import Place, Row


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("function", "name"), [(reads.reads, "month_rows"), (imports.imports, "import"), (pages.pages, "page")]
)
def test_a_row_is_measured_and_leaves_nothing_behind(
    tmp_path: Path, function: Callable[[Place], Iterator[Row]], name: str
):
    with ExitStack() as cleanup:
        [row] = function(Place(connection.vendor, 1, True, tmp_path, cleanup))
    assert (row.name, len(row.ratios), row.ratio > 0) == (name, 1, True)
    assert not Portal.objects.exists()
    assert not User.objects.exists()


def test_the_plain_script_packs_what_the_store_packs():
    delivery = ingest.deliveries(1)[0]
    devices: dict[UUID, dict[str, float]] = {}
    values: dict[tuple[UUID, int], dict[tuple[int, int], float]] = {}
    for one in delivery:
        channel = BY_NAME[one.channel]
        devices.setdefault(one.device, {})[one.channel] = one.value
        values.setdefault((one.device, one.part), {})[channel.code, channel.decimals] = one.value
    assert upsert.pack(devices.items()) == fresh.pack(values)


def test_half_of_the_deliveries_come_twice():
    found = ingest.deliveries(4)
    assert (len(found), len(found[0])) == (6, 120)
    assert (found[1] is found[2], found[0] is found[1]) == (True, False)
