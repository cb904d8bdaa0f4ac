"""The portal as deploy/ ships it: what callers from outside get, what they do not, and that nobody notices a reload."""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.deploy.stand import HOST, METRICS_TOKEN, TOKEN_PATH, Stand, printed
from tests.live import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.nginx, pytest.mark.curl]
PUSH = "/ingest/v1/clients/readings"
ELSEWHERE = "127.0.0.2"  # another address of a caller


@pytest.fixture(scope="module")
def outside(stand: Stand) -> Iterator[httpx.Client]:
    with stand.https() as client:
        yield client


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["instance"] == f"urn:uuid:{body['requestId']}"
    return answer.status_code, body["code"]


# --- TLS and its absence -------------------------------------------------------------------------------------


def test_a_page_comes_over_tls_and_browsers_shall_not_come_without(outside: httpx.Client) -> None:
    page = outside.get("/account/login/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert "__Host-csrf" in page.cookies


def test_it_speaks_http_2_and_no_old_tls(stand: Stand, curl: str) -> None:
    port = stand.ports["https"]
    command = [curl, "-s", "-o", "/dev/null", "-w", "%{http_version}", "--cacert", str(stand.certificate)]
    address = ["--resolve", f"{HOST}:{port}:127.0.0.1", f"https://{HOST}:{port}/account/login/"]
    assert subprocess.run([*command, *address], capture_output=True, text=True, check=True).stdout == "2"
    assert subprocess.run([*command, "--tls-max", "1.1", *address], capture_output=True, check=False).returncode == 35


def test_pages_are_redirected_to_tls(stand: Stand) -> None:
    with stand.http() as client:
        answer = client.get("/account/login/?next=/")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://portal.example/account/login/?next=/"


@pytest.mark.parametrize("path", ["/api/v1/clients/administration/plants", TOKEN_PATH, PUSH])
def test_programs_without_tls_are_refused_and_never_redirected(stand: Stand, path: str) -> None:
    with stand.http() as client:
        answer = client.post(path, data={"client_secret": "in clear"})
    assert code_of(answer) == (403, "https_required")
    assert "Location" not in answer.headers


def test_who_asks_for_another_host_gets_no_answer(stand: Stand) -> None:
    with stand.https() as client, pytest.raises(httpx.ConnectError):
        client.get("/", headers={"Host": "else.example"})
    with stand.http() as client, pytest.raises(httpx.RemoteProtocolError):
        client.get("/", headers={"Host": "else.example"})


# --- Programs ------------------------------------------------------------------------------------------------


def test_token_and_call_work_through_tls(stand: Stand, outside: httpx.Client, data: dict[str, Any]) -> None:
    answer = outside.get(plants(), headers=bearer(stand.token(data["advanced"])))
    assert [plant["id"] for plant in answer.json()] == [data["plant"]]


def test_20_months_come_whole_through_all_buffers(stand: Stand, outside: httpx.Client, data: dict[str, Any]) -> None:
    answer = outside.get(long_call(data), headers=bearer(stand.token(data["advanced"])))
    assert len(answer.json()) == 609


def test_the_address_is_what_nginx_saw_and_never_what_a_caller_says(stand: Stand, data: dict[str, Any]) -> None:
    limited = ("--networks", f"{ELSEWHERE}/32", "--name", "office")
    owner = ("--user", "advanced@clients.example")
    made = printed(stand.script("blue", "manage.sh", "api_client", "create", *owner, *limited))
    form = {
        "grant_type": "client_credentials",
        "client_id": made["client_id"],
        "client_secret": made["client_secret"],
    }
    forged = {"X-Forwarded-For": ELSEWHERE, "X-Real-IP": ELSEWHERE, "Forwarded": f"for={ELSEWHERE}"}
    with stand.https(address=ELSEWHERE) as there, stand.https() as here:
        token = there.post(TOKEN_PATH, data=form).json()["access_token"]
        assert there.get(plants(), headers=bearer(token)).status_code == 200
        assert here.post(TOKEN_PATH, data=form, headers=forged).json()["error"] == "invalid_client"
        assert here.get(plants(), headers={**bearer(token), **forged}).status_code == 401


def test_a_body_over_the_limit_is_refused_by_nginx_as_the_portal_would(outside: httpx.Client) -> None:
    assert code_of(outside.post(PUSH, content=b"0" * 20_000_001)) == (413, "too_large")
    assert code_of(outside.post(TOKEN_PATH, content=b"0" * 70_000)) == (413, "too_large")


def test_a_body_of_just_the_limit_reaches_the_portal(outside: httpx.Client) -> None:
    assert code_of(outside.post(PUSH, content=b"0" * 20_000_000)) == (401, "invalid_logger_key")


def test_an_answer_is_compressed_once(stand: Stand, outside: httpx.Client, data: dict[str, Any]) -> None:
    headers = bearer(stand.token(data["advanced"]))
    answer = outside.get(long_call(data), headers={**headers, "Accept-Encoding": "gzip"})
    assert answer.headers.get_list("Content-Encoding") == ["gzip"]
    assert len(answer.json()) == 609


# --- Files ---------------------------------------------------------------------------------------------------


def test_files_have_names_that_browsers_keep_for_good(outside: httpx.Client) -> None:
    page = outside.get("/account/login/").text
    [sheet] = re.findall(r'href="(/static/css/portal\.[0-9a-f]{12}\.css)"', page)
    answer = outside.get(sheet, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/css"


def test_modules_import_each_other_by_such_names(stand: Stand, outside: httpx.Client) -> None:
    [chart] = (stand.home / "blue" / "staticfiles" / "js").glob("chart.????????????.js")
    imported = re.findall(r'from "\./(chart-axes\.[0-9a-f]{12}\.js)"', outside.get(f"/static/js/{chart.name}").text)
    assert [outside.get(f"/static/js/{name}").status_code for name in imported] == [200]


def test_a_page_of_the_other_release_still_finds_its_files(stand: Stand, outside: httpx.Client) -> None:
    (stand.home / "green" / "staticfiles" / "only-in.0123456789ab.css").write_text("body {}")
    assert outside.get("/static/only-in.0123456789ab.css").text == "body {}"


# --- What is not public --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_nobody_outside_learns_how_the_portal_is(outside: httpx.Client, path: str) -> None:
    assert outside.get(path, headers=bearer(METRICS_TOKEN)).status_code == 404


def test_monitoring_on_the_machine_learns_it(stand: Stand) -> None:
    with stand.inside() as client:
        assert client.get("/healthz").json() == {
            "status": "ok",
            "database": "ok",
            "broker": "ok",
            "migrations": "ok",
        }
        assert "helioport_request_duration_seconds" in client.get("/metrics", headers=bearer(METRICS_TOKEN)).text
        assert client.get("/account/login/").status_code == 404


def test_many_attempts_of_one_address_are_refused_before_they_reach_the_portal(stand: Stand) -> None:
    with stand.https(address="127.0.0.9") as client:
        answers = [client.post("/account/login/", data={"login": "a", "password": "b"}) for _ in range(25)]
        assert {answer.status_code for answer in answers[:20]} == {403}  # no CSRF token: the portal's own refusal
        assert answers[-1].status_code == 429
        assert client.get("/account/login/").status_code == 200  # reading is not an attempt


def test_no_log_holds_a_secret_or_a_query(stand: Stand, outside: httpx.Client, data: dict[str, Any]) -> None:
    token = stand.token(data["basic"])
    outside.get(f"{plants()}?page=1&secret-of-the-query=1", headers=bearer(token))
    outside.get("/account/login/?next=/secret-of-the-query")
    outside.get("/account/invitation/secret-of-the-address")
    outside.post(PUSH, content=b"{}", headers=bearer("hpl_secret-of-the-logger"))
    log = stand.log()
    assert '"page":"/account/invitation/…"' in log
    assert "secret-of-the" not in log
    assert token not in log
    assert data["basic"]["secret"] not in log


def test_a_request_has_one_id_in_nginx_and_in_the_portal(stand: Stand, outside: httpx.Client) -> None:
    told = outside.get("/account/login/").headers["X-Request-ID"]
    assert told in (stand.folder / f"{stand.serving}.log").read_text()
    wait_until(lambda: told.replace("-", "") in (stand.logs / "access.log").read_text())  # written after the answer


# --- Nobody notices ------------------------------------------------------------------------------------------


def test_a_reload_of_the_web_loses_no_request(stand: Stand, data: dict[str, Any]) -> None:
    main = int((stand.folder / "helioport-web@blue.pid").read_text())
    before = children(main)
    with load(stand, data) as answers:
        stand.systemctl("reload", "helioport-web@blue")
        wait_until(lambda: len(children(main)) == 2 and not children(main) & before)
    assert_nothing_lost(answers)


def test_a_new_release_takes_over_without_losing_a_request(stand: Stand, data: dict[str, Any]) -> None:
    with load(stand, data) as answers:
        assert stand.script("green", "switch.sh") == "green serves, blue has ended\n"
    assert_nothing_lost(answers)
    enabled = {file.name for file in stand.folder.glob("*.enabled")}
    assert enabled == {"helioport-web@green.enabled"}
    assert not (stand.run / "blue.sock").exists()


def test_a_release_that_is_not_well_never_serves(stand: Stand, outside: httpx.Client) -> None:
    broken = stand.home / "blue" / "portal" / "wsgi.py"
    whole = broken.read_text()
    broken.write_text("raise SystemExit(1)\n")
    done = subprocess.run(
        [stand.home / "blue" / "deploy" / "switch.sh"],
        env={**stand.environment, "SWITCH_SECONDS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken.write_text(whole)
    assert done.returncode == 1
    assert "blue is not well, so green goes on" in done.stderr
    assert outside.get("/account/login/").status_code == 200


# --- Helpers -------------------------------------------------------------------------------------------------


def plants() -> str:
    return "/api/v1/clients/administration/plants"


def long_call(data: dict[str, Any]) -> str:
    days = "dateFrom=2024-01-01&dateTo=2025-08-31"
    return f"/api/v1/clients/visualization/plant/{data['plant']}/channels?{days}&channelNames[]=ProdPac"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def load(stand: Stand, data: dict[str, Any]) -> Iterator[list[object]]:
    """Readers and a logger who ask all the time; the list has the status or failure of every request."""
    answers: list[object] = []
    ended = threading.Event()

    def ask(method: str, path: str, pause: float, **options: Any) -> None:
        with stand.https() as client:
            while not ended.is_set():
                try:
                    answers.append(client.request(method, path, **options).status_code)
                except httpx.HTTPError as failure:
                    answers.append(failure)
                ended.wait(pause)

    reading = {"component": "4711", "time": "2026-06-21T12:05:00+02:00", "values": {"ProdPac": 1}}
    push = {"headers": bearer(data["key"]["secret"]), "json": [reading]}
    asked: list[tuple[str, str, float, dict[str, Any]]] = [
        ("GET", "/account/login/", 0.01, {}),
        ("GET", "/account/login/", 0.01, {}),
        ("POST", PUSH, 1.0, push),
    ]
    threads = [threading.Thread(target=ask, args=row[:3], kwargs=row[3]) for row in asked]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: {200, 202} <= set(answers))
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def assert_nothing_lost(answers: list[object]) -> None:
    assert {str(answer) for answer in answers} == {"200", "202"}
    assert len(answers) > 50


def children(pid: int) -> set[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        return set(file.read().split())
