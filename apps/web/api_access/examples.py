"""The first calls of a program, ready to run: filled with the reader's own addresses, plant and channels.

The texts are templates in templates/api_access/examples/. What people may have typed (a plant's label) gets into them
on one line only, and never where a shell or an interpreter reads more than a comment or a quoted string.
"""

import json
from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.measurements.channels import Aggregate, Level, at
from apps.packages.catalog import Api, Depth, Package, readable
from apps.packages.clients import access_of
from apps.packages.models import ApiClient
from apps.plants.models import Plant

PLACEHOLDER = "YOUR_CLIENT_SECRET"
LANGUAGES: tuple[tuple[str, str, str | Promise], ...] = (
    ("curl", "curl", gettext_lazy("Paste it into a terminal of Linux or macOS.")),
    ("python", "Python", gettext_lazy("Save it as first_call.py and run: python3 first_call.py")),
    (
        "javascript",
        "JavaScript",
        gettext_lazy("Save it as first-call.mjs and run: node first-call.mjs (needs Node 18)"),
    ),
    (
        "homeassistant",
        "Home Assistant",
        gettext_lazy(
            "Add it to configuration.yaml and restart. Home Assistant’s REST sensor cannot ask for a token by itself, "
            "so this sensor runs the two calls as a command."
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A text to copy, and what to do with it."""

    key: str
    title: str
    use: str
    text: str


def first_calls(client: ApiClient, secret: str = PLACEHOLDER) -> list[Example]:
    """One example for each language; of the client's first plant, or of the list of plants where it sees none."""
    context = _context(client, secret)
    return [
        Example(key, title, str(use), render_to_string(f"api_access/examples/{key}.txt", context).strip() + "\n")
        for key, title, use in LANGUAGES
    ]


def _context(client: ApiClient, secret: str) -> dict[str, object]:
    subscription = client.subscription
    plant = first_plant(client)
    api = f"{settings.BASE_URL}/api/v1/{subscription.portal.slug}"
    channels = power_channels(subscription.api, Package(subscription.package))
    day = f"{api}/visualization/plant/{plant.pk}/channels?dateFrom=today&dateTo=today" if plant else ""
    return {
        "token_url": f"{settings.BASE_URL}/auth/realms/quotaapi/protocol/openid-connect/token",
        "url": day + "".join(f"&channelNames={name}" for name in channels[:2])
        if plant
        else f"{api}/administration/plants",
        "sensor_url": f"{day}&channelNames={channels[0]}",
        "client_id": client.client_id,
        "client_secret": secret,
        "what": _("the power of “%(plant)s” today") % {"plant": one_line(plant.label)} if plant else _("your plants"),
        "plant": plant,
        "sensor_name": sensor_name(plant.label) if plant else "",
    }


def first_plant(client: ApiClient) -> Plant | None:
    """The first plant, by name, that the client may read."""
    plants = Plant.objects.visible_to(access_of(client.subscription))
    if client.plant_ids is not None:
        plants = plants.filter(pk__in=client.plant_ids)
    return plants.order_by("label", "pk").first()


def power_channels(api: Api, package: Package) -> list[str]:
    """Names of the plant's channels in watts that a package may read, in the order of the channel table."""
    kinds = readable(api, package)
    found = (channel for channel in at(Level.PLANT) if channel.unit == "W" and channel.aggregate is Aggregate.MEAN)
    return [channel.name for channel in found if (channel.category, Depth.PLANT) in kinds]


def channel_names(api: Api, package: Package) -> list[str]:
    """Every channel of a plant's totals that a package may read."""
    kinds = readable(api, package)
    return [channel.name for channel in at(Level.PLANT) if (channel.category, Depth.PLANT) in kinds]


def sensor_name(label: str) -> str:
    """A label as a string of YAML without braces: Home Assistant reads names as templates."""
    return json.dumps(one_line(label).translate(str.maketrans("{}", "()")), ensure_ascii=False)


def one_line(text: str) -> str:
    """A label without line breaks and control characters, which could end a comment and begin a command."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
