"""What waits is imported once, in the order it came; what cannot be imported is set aside with the reason, not lost."""

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.audit import Actor
from apps.accounts.changes import ChangeRefused
from apps.accounts.models import AuditEntry, Portal
from apps.ingest import uploads
from apps.ingest.models import Upload
from apps.plants.models import Component, Plant
from tests.ingest.folders import (
    ONE_INVERTER,
    TWO_INVERTERS,
    day_values,
    import_solarlog,
    minute_file,
    plant_of,
    recorded,
    write,
)
from tests.ingest.replaying import Logger

MONA = Actor("mona@sunny.example")
GOOD = "01.07.25 12:00:00|500;550;3000;400"
LATER = "01.07.25 12:05:00|510;560;3042;400"
FUTURE = "01.07.61 12:10:00|520;570;3084;400"


@pytest.fixture
def logger(sunny: Portal) -> Logger:
    return Logger(sunny)


@pytest.fixture
def described(logger: Logger) -> Logger:
    logger.push("base_vars.js", ONE_INVERTER)
    return logger


def receive(logger: Logger, name: str, data: str) -> Upload:
    """Deliver without importing."""
    return uploads.receive_file(logger.key, name, data.encode())


def again(upload: Upload) -> Upload:
    upload.refresh_from_db()
    return upload


def rejections(upload: Upload) -> list[tuple[str, int, str]]:
    return [(one["file"], one["line"], one["reason"]) for one in upload.receipt["rejected"]]


def test_a_file_is_stored_and_its_receipt_tells_what_became_of_it(described: Logger):
    upload = described.push("min250701.js", minute_file(FUTURE, LATER, GOOD))
    assert day_values(described.plant, "2025-07-01", "ProdPac") == {"12:00": 500, "12:05": 510}
    assert (upload.receipt["records"], upload.receipt["values_stored"]) == (2, 12)
    assert rejections(upload) == [("min250701.js", 1, "impossible date: it lies in the future")]
    described.plant.refresh_from_db()
    assert described.plant.last_transfer == dt.datetime(2025, 7, 1, 10, 5, tzinfo=dt.UTC)
    assert described.plant.last_transfer_type == "HTTP"


def test_names_are_known_without_regard_to_case(described: Logger):
    assert described.push("MIN250701.JS", minute_file(GOOD)).name == "min250701.js"
    assert day_values(described.plant, "2025-07-01", "ProdPac") == {"12:00": 500}


def test_the_description_names_the_devices_that_are_new(logger: Logger):
    assert logger.push("base_vars.js", TWO_INVERTERS).receipt["newComponents"] == ["1100082120", "2000132324"]
    assert logger.push("base_vars.js", TWO_INVERTERS).receipt["newComponents"] == []


def test_files_wait_half_an_hour_for_the_description_of_the_logger(logger: Logger):
    early = logger.push("min250701.js", minute_file("01.07.25 12:00:00|3000;1500;1600;9000;400;390|1;2;3;4;5"))
    assert (early.state, early.receipt["note"]) == ("received", "waits for base_vars.js")
    assert not Component.objects.filter(epoch__plant=logger.plant).exists()
    logger.push("base_vars.js", TWO_INVERTERS)
    uploads.sweep()
    assert day_values(logger.plant, "2025-07-01", "ProdPdc", 0, 2) == {"12:00": 1600}


def test_without_a_description_the_number_of_fields_decides_in_the_end(logger: Logger):
    logger.push("min250701.js", minute_file(GOOD))
    logger.go_quiet()
    assert day_values(logger.plant, "2025-07-01", "ProdPac") == {"12:00": 500}


def test_what_the_logger_writes_besides_is_not_needed(described: Logger):
    upload = described.push("min_cur.js", 'var Datum="14.08.26"\n')
    assert (upload.state, upload.body) == ("stored", None)
    assert upload.receipt["note"] == "not needed: other files of the logger say the same"


def test_the_day_grows_with_its_file_and_its_evening_comes_when_it_is_over(described: Logger):
    morning = "01.07.25 05:30:00|0;3;0;290"
    described.push("min_day.js", minute_file(morning))
    described.push("min_day.js", minute_file(LATER, GOOD, morning))
    evening = "01.07.25 21:00:00|0;0;20000;0"
    described.push("min_day.js", minute_file(evening, LATER, GOOD, morning))
    times = ("00:00", "05:30", "12:05", "12:10", "21:00", "21:05", "23:55")
    power = day_values(described.plant, "2025-07-01", "ProdPac")
    assert recorded(power, *times) == [0, 0, 510, None, 0, None, None]
    described.push("min_day.js", minute_file("02.07.25 05:30:00|0;3;0;290"))
    described.push("min250701.js", minute_file(evening, LATER, GOOD, morning))
    power = day_values(described.plant, "2025-07-01", "ProdPac")
    assert recorded(power, *times) == [0, 0, 510, None, 0, 0, 0]


def test_an_older_version_that_comes_late_only_fills_gaps(described: Logger):
    described.push("min_day.js", minute_file(LATER, GOOD))
    upload = described.push(
        "min_day.js", minute_file("01.07.25 12:00:00|1;1;1;1", "01.07.25 11:55:00|490;540;2950;400")
    )
    assert upload.receipt["note"] == "other files know this day better; it filled gaps"
    power = day_values(described.plant, "2025-07-01", "ProdPac")
    assert recorded(power, "11:55", "12:00", "12:05") == [490, 500, 510]


def test_what_later_files_need_is_kept_once_and_all_else_is_dropped(described: Logger):
    for _ in range(2):
        described.push("base_vars.js", ONE_INVERTER)
        described.push("days_hist.js", 'da[dx++]="30.06.25|20000;3000"\n')
        described.push("min250630.js", minute_file(GOOD.replace("01.07", "30.06")))
        described.push("min250701.js", minute_file(GOOD))
        described.push("min_day.js", minute_file(LATER, GOOD))
        described.push("events.js", 'e[ev++]="01.07.25 06:00:00;;0;1;0"\n')
    described.go_quiet()
    kept = Upload.objects.filter(body__isnull=False).values_list("name", flat=True)
    assert sorted(kept) == ["base_vars.js", "days_hist.js", "min250701.js", "min_day.js"]


# --- Files that cannot be imported -----------------------------------------------------------------------------------

JUNK = bytes(range(256)) * 50
MANY_LINES = b"x\n" * 2_000_000


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("holiday.jpg", JUNK, "No file of this name is imported."),
        ("min250701.js", JUNK, "Nothing in it could be kept."),
        ("base_vars.js", JUNK, "Nothing in it could be kept."),
        ("min250701.js", gzip.compress(minute_file(GOOD).encode()), "Nothing in it could be kept."),
        ("min_day.js", b"<html><body>404 Not Found</body></html>", "Nothing in it could be kept."),
        ("min_day.js", minute_file(FUTURE).encode(), "Nothing in it could be kept."),
        ("days_hist.js", b'da[dx++]="31.06.25|1;1"', "Nothing in it could be kept."),
        ("events.js", MANY_LINES, "Nothing in it could be kept."),
        ("events.js", MANY_LINES + b"x", "Larger than 4 MB: no logger writes such a file."),
    ],
    ids=("unknown", "binary", "description", "packed", "html", "future", "dates", "lines", "large"),
)
def test_poison_is_set_aside_with_the_reason_and_kept(described: Logger, name: str, data: bytes, error: str):
    upload = described.push(name, data)
    assert (upload.state, upload.error) == ("quarantined", error)
    assert gzip.decompress(upload.body or b"") == data
    assert len(upload.receipt["rejected"]) <= 500
    assert [row.pk for row in uploads.quarantined(described.plant.portal)] == [upload.pk]


def test_a_zip_bomb_of_a_file_is_no_larger_than_it_was(described: Logger):
    upload = described.push("min_day.js", b"\n" * 20_000_000)
    assert (upload.state, upload.size, len(upload.body or b"") < 200_000) == ("quarantined", 20_000_000, True)


def test_every_rejection_beyond_the_first_ones_is_counted(described: Logger):
    upload = described.push("min250701.js", minute_file(*[FUTURE] * 700, GOOD))
    assert (len(upload.receipt["rejected"]), upload.receipt["rejectedUnnamed"]) == (500, 200)


def test_an_empty_file_is_nothing_to_complain_about(described: Logger):
    assert described.push("events.js", "").state == "stored"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-8-sig", "utf-16"])
def test_every_encoding_is_read(logger: Logger, encoding: str):
    logger.push("base_vars.js", TWO_INVERTERS.encode(encoding))
    device = Component.objects.get(epoch__plant=logger.plant, dataindex=0)
    assert device.strings.get(index=2).name == "Grün"


def test_an_equal_file_takes_the_place_of_the_one_set_aside_before(described: Logger):
    first, second = (described.push("notes.txt", "hello") for _ in range(2))
    assert (again(first).state, first.body, second.state) == ("discarded", None, "quarantined")


def test_a_logger_of_another_plant_is_refused_with_all_it_sends(described: Logger, sunny: Portal):
    stranger = Logger(sunny, "Stranger")
    upload = stranger.push("base_vars.js", ONE_INVERTER)
    reason = (
        "The logger 4711 belongs to another plant: give it a key of that plant, or correct the serial number there and "
        "have this file imported again."
    )
    assert (upload.state, upload.error) == ("quarantined", reason)
    minutes = stranger.push("min250701.js", minute_file(GOOD))
    assert (minutes.state, minutes.error) == ("quarantined", reason)
    assert not stranger.plant.epochs.exists()
    Plant.objects.filter(pk=described.plant.pk).update(identifier="")
    for row in (upload, minutes):
        uploads.retry(row, MONA)
        uploads.process(row.pk)
    assert day_values(stranger.plant, "2025-07-01", "ProdPac") == {"12:00": 500}


# --- Attempts --------------------------------------------------------------------------------------------------------


def fail(*_: Any) -> None:
    raise KeyError("secret detail")


def test_a_failure_is_tried_again_with_growing_waits_and_never_loses_the_file(
    described: Logger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(uploads, "import_delivery", fail)
    upload = receive(described, "min250701.js", minute_file(GOOD))
    now, waits = timezone.now(), []
    for _ in range(5):
        uploads.sweep(now)
        then = again(upload).next_try
        if then is not None:
            waits.append(round((then - now).total_seconds() / 60))
            now = then
    assert waits == [2, 8, 32, 128]
    assert (upload.state, upload.attempts) == ("quarantined", 5)
    assert upload.error == "The import failed (KeyError); the server's log says more."
    monkeypatch.undo()
    uploads.retry(upload, MONA)
    uploads.sweep()
    assert (again(upload).receipt["records"], upload.error) == (1, "")
    assert day_values(described.plant, "2025-07-01", "ProdPac") == {"12:00": 500}


def test_a_file_that_takes_the_process_down_is_set_aside_after_some_attempts(
    described: Logger, monkeypatch: pytest.MonkeyPatch
):
    def die(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(uploads, "import_delivery", die)
    upload = receive(described, "min250701.js", minute_file(GOOD))
    now = timezone.now()
    for _ in range(5):
        with pytest.raises(SystemExit):
            uploads.process(upload.pk, now)
        now = again(upload).next_try or now
    uploads.process(upload.pk, now)
    assert (again(upload).state, upload.error) == ("quarantined", "The import was broken off again and again.")
    assert gzip.decompress(upload.body or b"") == minute_file(GOOD).encode()


def test_nothing_of_a_failed_import_stays(described: Logger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "note_transfer", fail)
    described.push("min250701.js", minute_file(GOOD))
    assert day_values(described.plant, "2025-07-01", "ProdPac") == {}


def test_deliveries_of_a_plant_are_imported_in_the_order_they_came(described: Logger):
    first = receive(described, "min250701.js", minute_file(GOOD))
    second = receive(described, "min250701.js", minute_file(LATER, GOOD.replace("500", "501")))
    uploads.process(second.pk)
    assert (again(first).state, again(second).receipt["records"]) == ("stored", 2)
    assert recorded(day_values(described.plant, "2025-07-01", "ProdPac"), "12:00", "12:05") == [501, 510]
    uploads.process(second.pk)
    assert again(second).attempts == 0


def test_a_sweep_is_bounded_and_goes_on_where_it_stopped(described: Logger):
    for day in (1, 2, 3):
        receive(described, f"min25070{day}.js", minute_file(GOOD.replace("01.07", f"0{day}.07")))
    assert uploads.sweep(most=2) == 2
    assert Upload.objects.filter(state="received", attempts=0, receipt={}).count() == 1
    assert uploads.sweep() == 1


# --- People ----------------------------------------------------------------------------------------------------------


def test_retrying_and_throwing_away_are_recorded_with_who_and_why(described: Logger):
    upload = described.push("notes.txt", "hello")
    uploads.retry(upload, MONA)
    uploads.sweep()
    uploads.discard(upload, MONA, "not ours")
    assert (again(upload).state, upload.body) == ("discarded", None)
    acts = AuditEntry.objects.filter(action__startswith="upload.").order_by("id")
    assert [(act.actor, act.action, act.subject, act.reason, act.portal.slug) for act in acts if act.portal] == [
        ("mona@sunny.example", "upload.retried", "Pushed · notes.txt", "", "sunny"),
        ("mona@sunny.example", "upload.discarded", "Pushed · notes.txt", "not ours", "sunny"),
    ]


def test_only_what_is_in_quarantine_can_be_retried_or_thrown_away(described: Logger):
    upload = described.push("min250701.js", minute_file(GOOD))
    for act in (lambda: uploads.retry(upload, MONA), lambda: uploads.discard(upload, MONA, "why")):
        with pytest.raises(ChangeRefused, match="not in quarantine any more"):
            act()


def test_quarantine_shows_the_files_of_its_portal_only(described: Logger, other: Portal):
    described.push("notes.txt", "hello")
    assert uploads.quarantined(other).count() == 0


def test_a_folder_imported_by_hand_and_pushes_go_together(described: Logger, sunny: Portal, tmp_path: Path):
    described.push("min250702.js", minute_file(GOOD.replace("01.07", "02.07")))
    folder = write(tmp_path, base_vars=ONE_INVERTER, min250701=minute_file(GOOD))
    plant = plant_of(import_solarlog(folder, sunny, "--plant", str(described.plant.pk)))
    assert plant == described.plant
    assert [epoch.active_from.isoformat() for epoch in plant.epochs.all()] == ["2025-07-01"]
