"""A small demo: ten days of three plants, in a folder of its own."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django.fixtures import SettingsWrapper

from apps.demo.filling import Progress
from apps.demo.seeding import Seeded, seed

NOON = dt.datetime(2026, 6, 20, 12, 2, tzinfo=dt.UTC)
DAYS = 10

Seed = Callable[..., Seeded]


@contextmanager
def quiet(_label: str, _days: int) -> Iterator[Progress]:
    yield lambda _count: None


@pytest.fixture
def seed_demo(db: None, settings: SettingsWrapper, tmp_path: Path) -> Seed:
    """Seeds as `make run` does; what the demo remembers is in `tmp_path`."""
    settings.VAR_DIR = tmp_path

    def at(now: dt.datetime = NOON, days: int = DAYS) -> Seeded:
        return seed(now, days, quiet)

    return at
