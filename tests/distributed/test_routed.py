"""The watch over statements is awake: it finds what names no plant, and lets pass what does."""

import pydoc

import pytest

from apps.ingest.models import Upload
from apps.measurements import rows
from tests.distributed import routed
from tests.distributed.routed import unbound

LOST = [
    "SELECT data FROM measurements_dayseries",
    'SELECT COUNT(*) FROM "ingest_upload" WHERE "ingest_upload"."state" = %s',
    "SELECT data FROM measurements_dayseries WHERE plant_id = %s OR day = %s",
    "SELECT data FROM measurements_dayseries WHERE NOT (plant_id = %s)",
    "SELECT data FROM measurements_dayseries WHERE plant_id > %s",
    "SELECT u.id FROM ingest_upload u JOIN plants_plant p ON u.plant_id = p.id WHERE p.portal_id = %s",
    "SELECT (SELECT COUNT(*) FROM ingest_upload u WHERE u.plant_id = k.plant_id) FROM ingest_loggerkey k",
    "SELECT data FROM measurements_dayseries WHERE device_id IN (SELECT id FROM x WHERE plant_id = %s)",
    "UPDATE ingest_upload SET state = %s WHERE id = %s",
    "DELETE FROM measurements_freshreading WHERE slot < %s",
    "SELECT id FROM ingest_upload a JOIN ingest_upload b ON a.plant_id = b.plant_id WHERE b.state = %s",
    "INSERT INTO packages_usagehour (hour, calls) VALUES (%s, %s)",
    "SELECT data FROM measurements_dayseries WHERE plant_id = %s UNION ALL SELECT data FROM measurements_freshreading",
]
ROUTED = [
    "SELECT data FROM measurements_dayseries WHERE plant_id = %s AND day BETWEEN %s AND %s",
    "SELECT data FROM measurements_dayseries WHERE (plant_id, device_id, day) IN ((%s, %s, %s), (%s, %s, %s))",
    'UPDATE "ingest_upload" SET "state" = %s WHERE ("ingest_upload"."id" = %s AND "ingest_upload"."plant_id" = %s)',
    "SELECT id FROM ingest_upload a JOIN ingest_upload b ON a.plant_id = b.plant_id WHERE b.plant_id = %s",
    "SELECT day FROM measurements_dayseries WHERE plant_id IN (SELECT id FROM plants_plant WHERE portal_id = %s)",
    "INSERT INTO packages_quotacounter AS counter (subscription_id, minute) VALUES (%s, %s)"
    " ON CONFLICT (subscription_id) DO UPDATE SET minute = excluded.minute WHERE counter.minute < %s RETURNING minute",
    "SELECT label FROM plants_plant",
]


@pytest.mark.parametrize("sql", LOST)
def test_a_statement_that_names_no_plant_is_found(sql: str):
    assert unbound(sql)


@pytest.mark.parametrize("sql", ROUTED)
def test_a_statement_that_names_its_plants_passes(sql: str):
    assert unbound(sql) == ()


def test_what_the_project_asks_is_found_and_what_a_test_asks_is_not(
    db: None, unrouted: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(routed, "EXCEPTIONS", {})
    assert Upload.objects.count() == 0
    assert unrouted == {}
    assert rows.fresh_plants() == []
    assert list(unrouted) == ["apps.measurements.rows.fresh_plants"]
    unrouted.clear()


@pytest.mark.parametrize("name", routed.EXCEPTIONS)
def test_every_exception_is_a_function_that_exists(name: str):
    assert callable(pydoc.locate(name))
