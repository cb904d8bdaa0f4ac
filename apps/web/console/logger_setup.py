"""What a logger or a script is told to deliver by itself: texts to copy, filled with the key's own addresses.

The texts are templates in templates/console/logger_setup/. Nothing that people may have typed gets into them, save the
plant's label, on one line, in a comment.
"""

import datetime as dt
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from apps.ingest.models import LoggerKey
from apps.plants.models import Component
from apps.web.api_access.examples import Example, one_line

PLACEHOLDER = "YOUR_SECRET"
_FTP_PORT = 21  # where the address names none
WAYS: tuple[tuple[str, str | Promise, str | Promise], ...] = (
    (
        "ftp",
        gettext_lazy("Solar-Log (FTP)"),
        gettext_lazy("Enter these in the logger’s own menu, where it exports or backs up its data by FTP."),
    ),
    (
        "readings",
        gettext_lazy("Readings (curl)"),
        gettext_lazy("For a script: paste it into a terminal of Linux or macOS, then put in your own values."),
    ),
    (
        "file",
        gettext_lazy("Files (curl)"),
        gettext_lazy("For files that a Solar-Log wrote: paste it into a terminal beside the file."),
    ),
)


def texts(key: LoggerKey, secret: str = PLACEHOLDER) -> list[Example]:
    """One text for each way to deliver."""
    context = _context(key, secret)
    return [
        Example(
            name, str(title), str(use), render_to_string(f"console/logger_setup/{name}.txt", context).strip() + "\n"
        )
        for name, title, use in WAYS
    ]


def _context(key: LoggerKey, secret: str) -> dict[str, object]:
    ftp = urlsplit(f"//{settings.FTP_ADDRESS}")
    return {
        "key": key,
        "secret": secret,
        "plant": one_line(key.plant.label),
        "address": f"{settings.BASE_URL}/ingest/v1/{key.plant.portal.slug}",
        "component": _component(key),
        "time": _five_minutes_ago(key.plant.zone),
        "host": ftp.hostname,
        "port": ftp.port or _FTP_PORT,
    }


def _five_minutes_ago(zone: dt.tzinfo) -> str:
    """A time as a reading has it, with its offset."""
    return (timezone.now() - dt.timedelta(minutes=5)).astimezone(zone).isoformat(timespec="minutes")


def _component(key: LoggerKey) -> str:
    """The inverter of the plant that was built in last, by its id; a made-up serial number where there is none."""
    inverters = Component.objects.filter(epoch__plant=key.plant_id, type=Component.Type.INVERTER)
    newest = inverters.order_by("-epoch__active_from", "sort_order", "pk").first()
    return str(newest.cross_epoch_id) if newest else "INV-1"
