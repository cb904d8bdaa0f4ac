"""Uploads in the console: what was delivered, what became of it, and the quarantine with its way out."""

import csv
import datetime as dt
import gzip
import io
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import expect

from apps.accounts.audit import Actor
from apps.accounts.models import AuditEntry
from apps.ingest import deliveries, keys
from apps.ingest.models import LoggerKey, Upload
from apps.plants.models import Plant
from tests.cast import Cast
from tests.web.api_pages import text
from tests.web.conftest import PHONE
from tests.web.console_pages import delivery, manager

LIST = "/p/sunny/console/uploads"
RETRY, DISCARD = f"{LIST}/retry", f"{LIST}/discard"
MONA = Actor("mona@sunny.example")
HOUR = dt.timedelta(hours=1)
REASON = "Nothing in it reads as a record."


@pytest.fixture
def mona(client: Client, cast: Cast) -> Client:
    return manager(client, cast)


@pytest.fixture
def key(cast: Cast) -> LoggerKey:
    return keys.create_key(cast.plant_a, "Cellar", MONA)[0]


@pytest.fixture
def foreign(cast: Cast) -> Upload:
    """A file in the quarantine of the other portal."""
    return poison(keys.create_key(cast.plant_o, "Logger", MONA)[0], "foreign.jpg")


def poison(key: LoggerKey, name: str = "holiday.jpg", **fields: Any) -> Upload:
    """A file in quarantine."""
    given = {"kind": "file", "name": name, "via": "FTP", "state": "quarantined", "error": REASON, "attempts": 1}
    return delivery(key, **{**given, "body": gzip.compress(b"JPEG"), **fields})


def page_of(upload: Upload) -> str:
    return f"{LIST}/{upload.pk}"


def listed(browser: Client, query: str = "") -> list[str]:
    """The names of the deliveries on a page."""
    return re.findall(rf'href="{LIST}/[0-9a-f-]{{36}}">([^<]+)', browser.get(LIST + query).content.decode())


# --- The list ------------------------------------------------------------------------------------------------------


def test_deliveries_are_listed_newest_first_with_what_became_of_them(mona: Client, key: LoggerKey, foreign: Upload):
    now = timezone.now()
    receipt = {"accepted": 1200, "rejected": [{"reading": 3, "reason": "x"}] * 2, "flagged": []}
    delivery(key, receipt=receipt, received_at=now - 3 * HOUR)
    delivery(key, kind="file", name="days.js", via="FTP", state="received", received_at=now - 2 * HOUR, size=2048)
    page = text(mona.get(LIST)).replace("\xa0", " ")
    assert "days.js Plant A 2 hours ago Cellar FTP 2.0 KB waiting – – –" in page
    assert "Readings Plant A 3 hours ago Cellar HTTP 120 bytes stored 1,200 2 0" in page
    assert listed(mona) == ["days.js", "Readings"]
    assert "foreign" not in page


def test_what_waits_and_what_is_in_quarantine_is_counted(mona: Client, key: LoggerKey, foreign: Upload):
    assert "In quarantine" not in text(mona.get(LIST))
    poison(key)
    poison(key)
    delivery(key, kind="file", name="days.js", state="received")
    assert "In quarantine 2 Waiting for the import 1" in text(mona.get(LIST))
    overview = text(mona.get("/p/sunny/console"))
    assert "2 files in quarantine" in overview
    assert f'href="{LIST}?state=quarantined"' in mona.get("/p/sunny/console").content.decode()


def test_a_console_without_quarantine_says_nothing_of_it(mona: Client, foreign: Upload):
    assert "in quarantine" not in text(mona.get("/p/sunny/console"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=stored", ["third.js", "second.js"]),
        ("?state=received", ["first.js"]),
        ("?search=plant+b", ["third.js"]),
        ("?search=ulm", ["third.js", "second.js", "first.js"]),
        ("?since=2026-03-02", ["third.js", "second.js"]),
        ("?until=2026-03-02", ["second.js", "first.js"]),
        ("?since=2026-03-02&until=2026-03-02&state=stored", ["second.js"]),
        ("?search=nothing", []),
        ("?state=nonsense", []),
        ("?plant=nonsense", []),
    ],
)
def test_filters_narrow_the_list(mona: Client, cast: Cast, key: LoggerKey, query: str, found: list[str]):
    other = keys.create_key(cast.plant_b, "Barn", MONA)[0]
    for number, (by, name, state) in enumerate(
        ((key, "first.js", "received"), (key, "second.js", "stored"), (other, "third.js", "stored"))
    ):
        at = dt.datetime(2026, 3, 1 + number, 12, tzinfo=dt.UTC)
        delivery(by, kind="file", name=name, state=state, received_at=at)
    assert listed(mona, query) == found


def test_the_deliveries_of_one_plant_are_shown_by_its_id(mona: Client, cast: Cast, key: LoggerKey, foreign: Upload):
    delivery(keys.create_key(cast.plant_b, "Barn", MONA)[0], kind="file", name="barn.js")
    delivery(key, kind="file", name="cellar.js")
    assert listed(mona, f"?plant={cast.plant_b.pk}") == ["barn.js"]
    assert "Only deliveries to Plant B" in text(mona.get(f"{LIST}?plant={cast.plant_b.pk}"))
    assert listed(mona, f"?plant={cast.plant_o.pk}") == []
    assert "Plant O" not in text(mona.get(f"{LIST}?plant={cast.plant_o.pk}"))


def test_a_period_that_ends_before_it_begins_is_said_at_its_field(mona: Client, key: LoggerKey):
    page = mona.get(f"{LIST}?since=2026-03-02&until=2026-03-01&search=Plant")
    assert "The end lies before the beginning." in text(page)
    assert 'value="Plant"' in page.content.decode()


def test_empty_lists_say_what_to_do(mona: Client):
    assert "Make a key for the data logger of a plant" in text(mona.get(LIST))
    assert "No delivery matches." in text(mona.get(f"{LIST}?search=x"))
    assert "Nothing is in quarantine." in text(mona.get(f"{LIST}?state=quarantined"))


# --- Many of them --------------------------------------------------------------------------------------------------


def test_steps_lead_to_the_oldest_and_back_without_missing_any(
    mona: Client, key: LoggerKey, django_assert_max_num_queries: Any
):
    at = timezone.now()
    rows = [
        Upload(
            plant=key.plant, key=key, kind="file", name=f"{number:03}.js", via="FTP", size=1, digest="0" * 64,
            state="stored", received_at=at - dt.timedelta(minutes=number // 7), receipt={"accepted": 1, "rejected": []},
        )
        for number in range(120)
    ]  # fmt: skip
    Upload.objects.bulk_create(rows)
    found, query = [], "?state=stored"
    while query:
        with django_assert_max_num_queries(13):
            page = mona.get(LIST + query).content.decode()
        found.append(listed(mona, query))
        query = next(iter(re.findall(r'rel="next" href="([^"]+)"', page)), "").replace("&amp;", "&")
    assert [len(names) for names in found] == [50, 50, 20]
    assert len(set().union(*found)) == 120
    back = re.findall(r'rel="prev" href="([^"]+)"', page)[0].replace("&amp;", "&")
    assert listed(mona, back) == found[1]
    assert "state=stored" in back


def test_a_step_from_a_delivery_that_is_gone_begins_anew(mona: Client, key: LoggerKey):
    delivery(key, kind="file", name="days.js")
    for query in (f"?before={uuid.uuid4()}", f"?after={uuid.uuid4()}", "?before=nonsense"):
        assert listed(mona, query) == ["days.js"]


def test_a_page_reads_neither_bodies_nor_receipts_and_counts_nothing_it_need_not(mona: Client, key: LoggerKey):
    delivery(key, body=b"body", receipt={"accepted": 1, "rejected": [{"reading": 0, "reason": "x" * 100_000}]})
    with CaptureQueriesContext(
        connection,
    ) as captured:
        mona.get(LIST)
    statements = [one["sql"] for one in captured if 'FROM "ingest_upload"' in one["sql"]]
    assert [sql for sql in statements if '"ingest_upload"."body"' in sql] == []
    assert [sql for sql in statements if '"ingest_upload"."receipt", "' in sql] == []
    assert all("state" in sql for sql in statements if "COUNT(" in sql)


def test_a_hundred_thousand_deliveries_are_found_by_an_index(mona: Client, cast: Cast, key: LoggerKey):
    rows = deliveries.of_plants(Plant.objects.filter(portal=cast.sunny))
    if connection.vendor == "sqlite":  # PostgreSQL plans for the few rows of a test
        for found, index in ((rows, "uploads_by_time"), (rows.filter(plant=cast.plant_a), "uploads_of_plant_by_time")):
            plan = found.values_list("pk")[:51].explain()
            assert index in plan
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan


# --- One of them ---------------------------------------------------------------------------------------------------


def test_a_receipt_names_what_was_rejected_and_flagged(mona: Client, key: LoggerKey):
    receipt = {
        "accepted": 2,
        "rejected": [
            {"reading": 4, "reason": "there is no such channel", "channel": "Nonsense", "value": "7"},
            {"file": "min_day.js", "line": 12, "reason": "not a number", "field": "Pac", "value": "<b>x"},
        ],
        "flagged": [{"reading": 0, "channel": "Irradiation", "value": 5000.0, "reason": "beyond what is physical"}],
        "newComponents": ["SN-77"],
    }
    page = text(mona.get(page_of(delivery(key, receipt=receipt, idempotency_key="batch-1"))))
    for words in (
        "Values accepted 2 Rejected 2 Flagged 1",
        "reading 4 Nonsense 7 there is no such channel",
        "min_day.js, line 12 Pac <b>x not a number",
        "reading 0 Irradiation 5000.0 beyond what is physical",
        "Built in as new components: SN-77.",
        "By Cellar , HTTP",
        "batch-1",
    ):
        assert words in page
    assert "<b>x" not in mona.get(page_of(Upload.objects.get())).content.decode()


def test_a_long_receipt_is_cut_on_the_page_and_whole_in_the_csv(mona: Client, key: LoggerKey):
    bad = [{"reading": number, "reason": "=1+1", "channel": "X", "value": "y"} for number in range(1234)]
    upload = delivery(key, receipt={"accepted": 0, "rejected": bad, "flagged": []})
    page = mona.get(page_of(upload))
    assert "The first 200 of 1,234; the CSV has all that are named." in text(page)
    assert len(page.content) < 100_000
    answer: Any = mona.get(f"{page_of(upload)}/receipt.csv")
    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert lines[0] == ["what", "file", "line", "reading", "channel", "field", "value", "reason"]
    assert lines[1] == ["rejected", "", "", "0", "X", "", "y", "'=1+1"]
    assert len(lines) == 1235
    assert answer.headers["Content-Disposition"] == f'attachment; filename="receipt-{upload.pk}.csv"'


def test_a_file_that_waits_says_so(mona: Client, key: LoggerKey):
    soon = timezone.now() + 2 * HOUR
    row = delivery(key, kind="file", name="days.js", state="received", attempts=1, error="Try later.", next_try=soon)
    page = text(mona.get(page_of(row))).replace("\xa0", " ")
    assert "The file waits for the import." in page
    assert "Try later." in page
    assert "Next attempt in 1 hour" in page


def test_the_time_is_that_of_the_plant(mona: Client, key: LoggerKey):
    row = delivery(key, received_at=dt.datetime(2026, 6, 21, 22, 30, tzinfo=dt.UTC))
    assert "22 June 2026, 00:30 (+02:00)" in text(mona.get(page_of(row)))


def test_a_delivery_of_another_portal_is_as_unknown_as_none(mona: Client, foreign: Upload):
    for path in (page_of(foreign), f"{LIST}/{uuid.uuid4()}", f"{page_of(foreign)}/receipt.csv"):
        assert mona.get(path).status_code == 404


# --- Quarantine ----------------------------------------------------------------------------------------------------


def test_the_quarantine_names_files_with_their_reasons(mona: Client, key: LoggerKey, foreign: Upload):
    upload = poison(key, received_at=timezone.now() - 2 * HOUR)
    assert listed(mona, "?state=quarantined") == ["holiday.jpg"]
    assert f"Plant A · 2 hours ago · 120 bytes {REASON}" in text(mona.get(f"{LIST}?state=quarantined")).replace(
        "\xa0", " "
    )
    assert f"In quarantine {REASON} Import again Throw away" in text(mona.get(page_of(upload)))


def test_the_chosen_files_wait_for_the_import_again(mona: Client, cast: Cast, key: LoggerKey):
    chosen, left = [poison(key, f"{number}.js") for number in range(2)], poison(key, "left.js")
    done = mona.post(RETRY, {"ids": [str(one.pk) for one in chosen]}, follow=True)
    assert done.redirect_chain == [(f"{LIST}?state=quarantined", 302)]
    assert "2 files wait for the import again." in text(done)
    assert {one.name: one.state for one in Upload.objects.all()} == {
        "0.js": "received",
        "1.js": "received",
        "left.js": "quarantined",
    }
    entry = AuditEntry.objects.filter(action="upload.retried").latest("id")
    assert (entry.actor, entry.portal, entry.address) == (cast.mona.email, cast.sunny, "127.0.0.1")
    assert left.body is not None


def test_retrying_one_leads_back_to_its_page(mona: Client, key: LoggerKey):
    upload = poison(key)
    done = mona.post(RETRY, {"ids": str(upload.pk), "back": str(upload.pk)})
    assert done.headers["Location"] == page_of(upload)


def test_files_are_thrown_away_for_a_reason_after_a_typed_word(mona: Client, key: LoggerKey):
    upload = poison(key)
    asked = mona.post(DISCARD, {"ids": str(upload.pk)})
    assert asked.status_code == 200
    assert "These files end for good" in text(asked)
    assert "holiday.jpg Plant A" in text(asked)
    wrong = mona.post(DISCARD, {"ids": str(upload.pk), "typed": "yes", "reason": "A picture"})
    assert wrong.status_code == 422
    assert "This is not “throw away”. Nothing was changed." in text(wrong)
    assert 'value="A picture"' in wrong.content.decode()
    assert "This field is required." in text(mona.post(DISCARD, {"ids": str(upload.pk), "typed": "throw away"}))
    assert Upload.objects.get().state == "quarantined"
    done = mona.post(DISCARD, {"ids": str(upload.pk), "typed": "throw away", "reason": "A picture"}, follow=True)
    assert "1 file is thrown away." in text(done)
    assert not Upload.objects.filter(state="quarantined").exists()
    assert AuditEntry.objects.get(action="upload.discarded").reason == "A picture"


@pytest.mark.parametrize("address", [RETRY, DISCARD])
def test_files_of_another_portal_and_files_that_are_stored_are_passed_over(
    mona: Client, key: LoggerKey, foreign: Upload, address: str
):
    stored = delivery(key, kind="file", name="days.js")
    ids = [str(foreign.pk), str(stored.pk), str(uuid.uuid4()), "nonsense"]
    done = mona.post(address, {"ids": ids, "typed": "throw away", "reason": "x", "back": str(foreign.pk)}, follow=True)
    assert "No file in quarantine was chosen." in text(done)
    assert [Upload.objects.get(pk=one.pk).state for one in (foreign, stored)] == ["quarantined", "stored"]
    assert not AuditEntry.objects.filter(action__startswith="upload.").exists()


@pytest.mark.parametrize("address", [RETRY, DISCARD])
def test_nobody_but_managers_acts_on_the_quarantine(client: Client, cast: Cast, key: LoggerKey, address: str):
    upload = poison(key)
    for user, status in ((cast.alice, 403), (cast.mo, 403), (cast.oskar, 404)):
        client.force_login(user)
        data = {"ids": str(upload.pk), "typed": "throw away", "reason": "x"}
        assert client.post(address, data).status_code == status
    assert Upload.objects.get().state == "quarantined"


@pytest.mark.parametrize("address", [RETRY, DISCARD])
def test_a_link_changes_nothing(mona: Client, key: LoggerKey, address: str):
    upload = poison(key)
    assert mona.get(f"{address}?ids={upload.pk}").status_code == 405


# --- In a browser --------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_manager_empties_the_quarantine_in_the_browser(
    cast: Cast, key: LoggerKey, visit: Any, assert_accessible: Any
):
    for name in ("holiday.jpg", "letter.pdf"):
        poison(key, name)
    page = visit(cast.mona).to("/p/sunny/console")
    page.get_by_role("link", name="Look at them").click()
    expect(page.get_by_role("heading", name="Uploads")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Choose letter.pdf").check()
    page.get_by_role("button", name="Throw the chosen away").click()
    expect(page.get_by_role("heading", name="Throw files away")).to_be_visible()
    assert_accessible(page)
    button = page.get_by_role("button", name="Throw away")
    assert button.is_disabled()
    page.get_by_label("Reason").fill("no data in it")
    page.get_by_label("Type “throw away” to confirm").fill("throw away")
    button.click()
    expect(page.get_by_text("1 file is thrown away.")).to_be_visible()
    page.get_by_role("link", name="holiday.jpg").click()
    page.get_by_role("button", name="Import again").click()
    expect(page.get_by_text("1 file waits for the import again.")).to_be_visible()


@pytest.mark.browser
def test_uploads_fit_a_phone_in_the_dark_in_german(cast: Cast, key: LoggerKey, visit: Any, assert_accessible: Any):
    rejected = [{"file": "a_rather_long_name_of_a_file.js", "line": 7, "reason": "no record", "value": "x" * 120}]
    receipt = {"accepted": 1, "rejected": rejected, "flagged": []}
    stored = delivery(key, kind="file", name="a_rather_long_name_of_a_file.js", via="FTP", receipt=receipt)
    poison(key)
    visitor = visit(cast.mona, screen=PHONE, scheme="dark", locale="de-DE")
    for path, words in (
        (LIST, "Warten auf den Import"),
        (f"{LIST}?state=quarantined", "Diese Dateien konnten nicht importiert werden."),
        (page_of(stored), "Zeile 7"),
    ):
        page = visitor.to(path)
        expect(page.locator("main")).to_contain_text(words)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert_accessible(page)
