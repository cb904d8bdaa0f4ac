"""Loggers that do not give up: each delivers one thing after the other, again and again until it is acknowledged.

`expected` says what the store must answer for all that was acknowledged.
"""

import datetime as dt
import ftplib
import json
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx

from tests.faults.polling import told

BERLIN = ZoneInfo("Europe/Berlin")
SLOT = dt.timedelta(minutes=5)
AGAIN_AFTER = 0.1  # seconds
IN_TIME = 120.0  # seconds until a delivery is acknowledged, whatever is killed meanwhile


@dataclass
class Expected:
    """Values by series and moment, the energy of days by device, events; how they must be read."""

    values: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    days: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    events: list[list[str]] = field(default_factory=list)


class Logger(threading.Thread):
    """Delivers until it is told to stop, and then ends with what it is at."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.expected = Expected()
        self.acknowledged = self.attempts = 0
        self.longest = 0.0  # seconds of an attempt
        self.receipts: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                self.deliver(self.acknowledged)
                self.acknowledged += 1
        except BaseException as failure:  # noqa: BLE001  (told by the test, which runs in another thread)
            self.failure = failure

    def deliver(self, number: int) -> None:
        """Deliver a thing and note what is stored now."""
        raise NotImplementedError

    def insist(self, attempt: Any) -> None:
        """Try until it is acknowledged."""
        deadline = time.monotonic() + IN_TIME
        while True:
            self.attempts += 1
            began = time.monotonic()
            try:
                if attempt():
                    return
            except (httpx.TransportError, ftplib.Error, OSError, EOFError) as refusal:
                self.refusals[str(refusal)[:60]] += 1
            finally:
                self.longest = max(self.longest, time.monotonic() - began)
            assert time.monotonic() < deadline, f"{self.name} is not acknowledged"
            time.sleep(AGAIN_AFTER)


class Script(Logger):
    """Pushes batches of readings as JSON. The first slot of each batch corrects the last one of the batch before."""

    SLOTS = 6
    FIRST = dt.datetime(2025, 6, 1, tzinfo=BERLIN)

    def __init__(self, name: str, url: str, secret: str) -> None:
        super().__init__(name)
        self._client = httpx.Client(headers={"Authorization": f"Bearer {secret}"}, timeout=20)
        self._url = f"{url}/ingest/v1/faults/readings"

    def run(self) -> None:
        with self._client:
            super().run()

    def deliver(self, number: int) -> None:
        slots = range(number * self.SLOTS, (number + 1) * self.SLOTS + 1)
        readings = [(self.FIRST.astimezone(dt.UTC) + slot * SLOT, self._values(slot, number)) for slot in slots]
        batch = [{"component": self.name, "time": at.isoformat(), "values": values} for at, values in readings]
        body, key = json.dumps({"readings": batch}).encode(), f"{self.name}-{number}"
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}

        def attempt() -> bool:
            answer = self._client.post(self._url, content=body, headers=headers)
            assert answer.status_code in (202, 429) or answer.status_code >= 500, answer.text
            if answer.status_code != 202:
                self.refusals[told(answer)] += 1
                return False
            receipt = answer.json()
            assert (receipt["accepted"], receipt["rejected"]) == (3 * len(batch), [])
            self.receipts.append(receipt["id"])
            return True

        self.insist(attempt)
        for at, values in readings:
            for channel, value in values.items():
                self.expected.values[f"{self.name} {channel}"][at.isoformat()] = value
            self.expected.days[self.name][at.astimezone(BERLIN).date().isoformat()] = values["ProdEtotal"]
        time.sleep(0.45)  # a logger may deliver 120 times a minute

    def _values(self, slot: int, batch: int) -> dict[str, float]:
        in_day = slot % 288
        return {"ProdPac": 1000 + in_day, "ProdPdc": 1100 + slot % 97 + batch % 2, "ProdEtotal": 1 + 7 * in_day}


class SolarLog(Logger):
    """Uploads by FTP its configuration, then for each day half of its minutes, all of them, and its event."""

    FIRST = dt.date(2024, 1, 1)
    SERIAL = "2100000009"
    BASE_VARS = (
        "var AnlagenKWP=5000\nvar AnzahlWR = 1\n"
        f'WRInfo[0]=new Array("SB5000","{SERIAL}",5000,1,"Field",1,null,null,5000,null,1,0,0,1000,null)\n'
        "var Serialnr = 4712\n"
    )

    def __init__(self, name: str, port: int, login: str, secret: str) -> None:
        super().__init__(name)
        self._address, self.login_and_secret = port, (login, secret)
        self._client: ftplib.FTP | None = None

    def run(self) -> None:
        super().run()
        self._leave()

    def deliver(self, number: int) -> None:
        if number == 0:
            self._upload("base_vars.js", self.BASE_VARS)
            return
        day, step = self.FIRST + dt.timedelta(days=(number - 1) // 3), (number - 1) % 3
        if step < 2:
            records = self._records(day)[: 6 if step == 0 else None]
            lines = [f'm[mi++]="{at:%d.%m.%y %H:%M:%S}|{pac};{pdc};{energy};400"' for at, pac, pdc, energy in records]
            self._upload(f"min{day:%y%m%d}.js", "".join(f"{line}\n" for line in reversed(lines)))
            self._expect(day, records)
        else:
            self._upload("events_day.js", f'e[ev++]="{day:%d.%m.%y} 12:00:00;{day:%d.%m.%y} 12:30:00;0;1;0"\n')
            begin = dt.datetime.combine(day, dt.time(12), BERLIN)
            times = (begin, begin + dt.timedelta(minutes=30))
            self.expected.events.append([at.astimezone(dt.UTC).isoformat() for at in times])
        time.sleep(0.2)

    def _records(self, day: dt.date) -> list[tuple[dt.datetime, int, int, int]]:
        noon = dt.datetime.combine(day, dt.time(12), BERLIN)
        tone = day.toordinal() % 50
        return [(noon + n * SLOT, 2000 + tone + n, 2100 + tone + n, 5000 + 160 * n) for n in range(12)]

    def _expect(self, day: dt.date, records: list[tuple[dt.datetime, int, int, int]]) -> None:
        for at, pac, pdc, energy in records:
            values = {"ProdPac": pac, "ProdPdc": pdc, "ProdUdc": 400, "ProdEtotal": energy}
            for channel, value in values.items():
                self.expected.values[f"{self.SERIAL} {channel}"][at.astimezone(dt.UTC).isoformat()] = value
        self.expected.days[self.SERIAL][day.isoformat()] = records[-1][3]

    def _upload(self, name: str, text: str) -> None:
        body = text.replace("\n", "\r\n").encode()

        def attempt() -> bool:
            try:
                if self._client is None:
                    self._client = ftplib.FTP(timeout=20)  # noqa: S321
                    self._client.connect("127.0.0.1", self._address)
                    self._client.login(*self.login_and_secret)
                return self._client.storbinary(f"STOR {name}", BytesIO(body)).startswith("226")
            except BaseException:
                self._leave()
                raise

        self.insist(attempt)

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def together(loggers: list[Logger]) -> Expected:
    """What all of them expect, with the days of the plants they belong to."""
    whole = Expected()
    for logger in loggers:
        whole.values |= logger.expected.values
        whole.days |= logger.expected.days
        whole.events += logger.expected.events
        plant = "Field" if isinstance(logger, SolarLog) else "Roof"
        for days in logger.expected.days.values():
            for day, energy in days.items():
                whole.days[plant][day] = whole.days[plant].get(day, 0) + energy
    return whole


def known(receipts: list[str]) -> set[str]:
    """Receipts as the database writes them."""
    return {str(UUID(receipt)) for receipt in receipts}
