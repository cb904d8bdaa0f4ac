"""Tags of the manager's console: its tabs, and the words of the audit record."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

register = template.Library()

_TABS = (
    ("console", _("Overview")),
    ("users", _("Users")),
    ("assignments", _("Assignments")),
    ("fleets", _("Fleets")),
    ("loggers", _("Loggers")),
    ("uploads", _("Uploads")),
    ("subscriptions", _("Subscriptions")),
    ("packages", _("Packages")),
    ("audit", _("Audit")),
)


@register.inclusion_tag("console/_tabs.html", takes_context=True)
def console_tabs(context: dict[str, Any]) -> dict[str, Any]:
    """The tabs of the console; the one whose address the page's begins with is the active one."""
    path, slug = context["request"].path, context["portal"].slug
    urls = {name: reverse(f"web:{name}", args=[slug]) for name, _label in _TABS}
    here = max((url for url in urls.values() if f"{path}/".startswith(f"{url}/")), key=len, default="")
    return {"tabs": [{"label": label, "url": urls[name], "active": urls[name] == here} for name, label in _TABS]}
