"""A clock that stands still until it is told to go on, for code that must see time pass.

Moved is what `django.utils.timezone.now` itself reads. Patching that function would not do: models keep a reference
to it (`default=timezone.now`), so a client would be made at the real time and its token at the patched one. Moving
stored moments back instead would move the very columns that are compared, and prove nothing about how they are set.
"""

import datetime as dt
from typing import Any

import pytest

START = dt.datetime(2025, 6, 21, 10, 0, tzinfo=dt.UTC)


class Clock:
    """`now` is what the portal is told; `wait` lets time pass."""

    def __init__(self, now: dt.datetime = START) -> None:
        self.now = now

    def wait(self, **span: float) -> None:
        """Go on by so many `seconds`, `hours`, ..., as a timedelta takes them."""
        self.now += dt.timedelta(**span)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Clock":
        """Let the portal read this clock until the patches are undone."""
        clock = self

        class Moment(dt.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> dt.datetime:  # type: ignore[override]
                return clock.now.astimezone(tz)

        monkeypatch.setattr("django.utils.timezone.datetime", Moment)
        return self
