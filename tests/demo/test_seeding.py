"""`make run` seeds a demo portal, completes one that was interrupted, and greets again with the same credentials."""

import datetime as dt
import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apps.accounts.access import Role
from apps.accounts.audit import COMMAND_LINE
from apps.accounts.models import AuditEntry, Membership, User
from apps.demo.filling import Progress
from apps.demo.greeting import greeting
from apps.demo.people import PEOPLE
from apps.demo.period import Array
from apps.demo.seeding import Seeded, seed
from apps.events.models import ComponentEvent
from apps.measurements import grid, store
from apps.measurements.channels import BY_NAME
from apps.measurements.models import DaySeries, MonthSeries
from apps.packages.clients import verify
from apps.packages.models import ApiClient, Subscription
from apps.packages.subscriptions import deactivate
from apps.plants.models import Component, Epoch, Fleet, Plant

NOON = dt.datetime(2026, 6, 20, 12, 2, tzinfo=dt.UTC)
DAYS = 12
FULL_DAY = dt.date(2026, 6, 15)


@contextmanager
def quiet(_label: str, _days: int) -> Iterator[Progress]:
    yield lambda _count: None


@pytest.fixture(scope="module")
def first_start(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seeded]:
    """Twelve days, seeded once for this file: what a test changes is rolled back to here."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(settings, "VAR_DIR", tmp_path_factory.mktemp("demo"))
        yield seed(NOON, DAYS, quiet)
        transaction.set_rollback(True)


@pytest.fixture
def seeded(first_start: Seeded, db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Seeded:
    """The demo after its first start; `tmp_path` holds what it remembers."""
    monkeypatch.setattr(settings, "VAR_DIR", tmp_path)
    first_start.notebook.save()
    return first_start


def start_again(now: dt.datetime = NOON) -> Seeded:
    return seed(now, None, quiet)


def plants_of(seeded: Seeded) -> tuple[Plant, Plant, Plant]:
    household, roof, field = seeded.plants
    return household, roof, field


def values(plant: Plant, source: store.Source, channel: str, day: dt.date = FULL_DAY) -> Array:
    (found,) = store.read_days(plant, [source], [BY_NAME[channel]], day, day)
    return found.values


def everything() -> dict[str, object]:
    """What the database holds of the demo, as bytes and counts."""
    series = {
        (row.__class__.__name__, row.pk): bytes(row.data)
        for table in (DaySeries, MonthSeries)
        for row in table.objects.all()
    }
    tables = (User, Membership, Plant, Epoch, Component, Fleet, ApiClient, AuditEntry, ComponentEvent)
    return {"series": series} | {table.__name__: table.objects.count() for table in tables}


def test_plant_totals_are_the_sums_of_the_inverters(seeded: Seeded):
    _, roof, _ = plants_of(seeded)
    inverters = Component.objects.filter(epoch__plant=roof, type="Inverter").values_list("cross_epoch_id", flat=True)
    sources = [store.Source(device) for device in set(inverters)]
    for channel in ("ProdPac", "ProdEtotal"):
        parts = [day.values for day in store.read_days(roof, sources, [BY_NAME[channel]], FULL_DAY, FULL_DAY)]
        assert len(parts) == 4
        plant = values(roof, store.Source(roof.datasource_id), channel)
        np.testing.assert_array_equal(plant, np.sum(parts, axis=0))


def test_the_household_counts_its_chargers_once_and_knows_its_self_consumption(seeded: Seeded):
    household, _, _ = plants_of(seeded)
    source = store.Source(household.datasource_id)
    meter = Component.objects.get(epoch__plant=household, name="House meter")
    consumed = values(household, store.Source(meter.cross_epoch_id), "ConsPac")
    np.testing.assert_array_equal(values(household, source, "ConsPac"), consumed)
    covered, drawn = values(household, source, "ConsPacCov"), values(household, source, "GridPacIn")
    np.testing.assert_array_equal(covered + np.minimum(drawn, consumed), consumed)


def test_today_ends_with_the_present_slot(seeded: Seeded):
    for plant in seeded.plants:
        today = grid.today(plant.zone, NOON)
        produced = values(plant, store.Source(plant.datasource_id), "ProdPac", today)
        begun = grid.elapsed(plant.zone, today, NOON)
        assert 0 < begun < produced.size
        assert not np.isnan(produced[:begun]).any()
        assert np.isnan(produced[begun:]).all()
        assert Plant.objects.get(pk=plant.pk).last_transfer == NOON.replace(minute=0)


def test_a_second_start_changes_nothing_and_greets_with_the_same_credentials(seeded: Seeded):
    first = seeded
    before = everything()
    second = start_again()
    assert everything() == before
    assert second.values == 0
    assert greeting(second) == greeting(first)


def test_an_interrupted_seeding_is_completed(seeded: Seeded):
    _, roof, field = plants_of(seeded)
    before = everything()
    DaySeries.objects.filter(plant=field).delete()
    DaySeries.objects.filter(plant=roof, day__gt=FULL_DAY).delete()
    assert start_again().values > 0
    assert everything() == before


def test_the_next_day_completes_yesterday_and_begins_today(seeded: Seeded):
    household, _, _ = plants_of(seeded)
    tomorrow = NOON + dt.timedelta(days=1)
    start_again(tomorrow)
    source = store.Source(household.datasource_id)
    assert not np.isnan(values(household, source, "ProdPac", NOON.date())).any()
    assert np.isnan(values(household, source, "ProdPac", tomorrow.date())).any()


def test_a_start_later_in_the_day_completes_it_up_to_then(seeded: Seeded):
    household, _, _ = plants_of(seeded)
    later = NOON + dt.timedelta(hours=2)
    assert start_again(later).values > 0
    produced = values(household, store.Source(household.datasource_id), "ProdPac", NOON.date())
    begun = grid.elapsed(household.zone, NOON.date(), later)
    assert not np.isnan(produced[:begun]).any()
    assert np.isnan(produced[begun:]).all()


def test_a_replaced_inverter_is_another_device_and_the_others_stay_the_same(seeded: Seeded):
    _, roof, _ = plants_of(seeded)
    old, new = Epoch.objects.filter(plant=roof).order_by("active_from")
    assert (new.active_from - old.active_from).days == 7

    def devices(epoch: Epoch) -> dict[str, tuple[object, str]]:
        rows = epoch.components.all()
        return {row.name: (row.cross_epoch_id, row.serial) for row in rows}

    assert devices(old).keys() == devices(new).keys()
    changed = {name for name, device in devices(old).items() if devices(new)[name] != device}
    assert changed == {"Roof inverter 3"}
    assert devices(old)["Roof inverter 3"][0] != devices(new)["Roof inverter 3"][0]
    assert devices(old)["Roof inverter 3"][1] != devices(new)["Roof inverter 3"][1]


def test_components_list_trackers_and_strings(seeded: Seeded):
    _, roof, _ = plants_of(seeded)
    inverter = Component.objects.filter(epoch__plant=roof, name="Roof inverter 1").first()
    assert inverter is not None
    assert [tracker.strings.count() for tracker in inverter.trackers.all()] == [2, 2]
    assert sum(string.size for string in inverter.strings.all()) == inverter.size
    string_4 = store.Source(inverter.cross_epoch_id, store.STRING_PART + 4)
    assert values(roof, string_4, "ProdIdc").max() > 1


def test_the_communication_gap_is_null_and_has_an_event(seeded: Seeded):
    _, roof, _ = plants_of(seeded)
    event = ComponentEvent.objects.get(plant=roof, error_text="Logger cannot be reached")
    assert event.ended_at is not None
    day, first = grid.locate(roof.zone, event.started_at)
    produced = values(roof, store.Source(roof.datasource_id), "ProdPac", day)
    assert event.ended_at > grid.start(roof.zone, day + dt.timedelta(days=1))
    assert not np.isnan(produced[:first]).any()
    assert np.isnan(produced[first:]).all()


def test_events_belong_to_devices_and_one_still_lasts(seeded: Seeded):
    for event in ComponentEvent.objects.all():
        assert Component.objects.filter(epoch__plant=event.plant, cross_epoch_id=event.device_id).exists()
    running = ComponentEvent.objects.get(ended_at=None)
    assert running.plant == seeded.plants[2]
    assert running.severity == "warning"


def test_everybody_sees_their_plants_and_the_labels_say_simulated(seeded: Seeded):
    assert all("(simulated)" in plant.label for plant in seeded.plants)
    members = Membership.objects.filter(portal__slug="demo")
    roles = [member.role for member in members]
    assert sorted(roles) == [Role.MANAGER, Role.MONITORING, Role.OWNER, Role.OWNER]
    assigned = {member.user.email: member.plants.count() for member in members}
    assert sorted(assigned.values()) == [0, 1, 2, 3]
    manager = User.objects.get(email="manager@demo.example.org")
    assert (manager.is_staff, manager.is_superuser) == (True, True)
    assert Fleet.objects.get().plants.count() == 2


def test_logins_and_credentials_work(seeded: Seeded):
    notebook = seeded.notebook
    for person in PEOPLE:
        assert User.objects.get(email=person.email).check_password(notebook.logins[person.email].password)
    for key in notebook.keys.values():
        assert verify(key.client_id, key.client_secret) is not None
    packages = sorted((row.api.value, row.package) for row in Subscription.objects.all())
    assert packages == [("portal", "advanced"), ("user", "advanced"), ("user", "basic")]


def test_the_notebook_is_readable_by_its_owner_only(seeded: Seeded, tmp_path: Path):
    file = tmp_path / "demo.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["days"] == DAYS


def test_a_lost_notebook_is_written_anew_with_credentials_that_work(seeded: Seeded, tmp_path: Path):
    first = seeded
    (tmp_path / "demo.json").unlink()
    second = start_again()
    assert second.notebook.logins != first.notebook.logins
    for name, key in second.notebook.keys.items():
        assert key.client_id == first.notebook.keys[name].client_id
        assert verify(key.client_id, key.client_secret) is not None
        assert verify(key.client_id, first.notebook.keys[name].client_secret) is None


def test_an_api_switched_off_stays_off(seeded: Seeded):
    subscription = Subscription.objects.get(membership__user__email="otto@demo.example.org")
    deactivate(subscription, COMMAND_LINE)
    start_again()
    subscription.refresh_from_db()
    assert subscription.status == Subscription.Status.OFF


def test_the_command_prints_how_to_get_in(seeded: Seeded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(timezone, "now", lambda: NOON)
    monkeypatch.setattr(settings, "DEBUG", True)
    monkeypatch.setattr(settings, "BASE_URL", "http://127.0.0.1:8123")
    out = StringIO()
    call_command("seed_demo", stdout=out)
    text = out.getvalue()
    for wanted in (
        "http://127.0.0.1:8123/admin/",
        "http://127.0.0.1:8123/api/v1/demo/administration/plants",
        "manager@demo.example.org",
        "-d grant_type=client_credentials",
    ):
        assert wanted in text
    for key in json.loads((tmp_path / "demo.json").read_text())["keys"].values():
        assert key["client_secret"] in text


def test_the_command_refuses_production(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "DEBUG", False)
    with pytest.raises(CommandError, match="DEBUG=1"):
        call_command("seed_demo")
