"""`manage.py check` for what belongs together: every row of the catalog has a view, every kind of data a rule."""

from typing import Any

from django.core import checks

from apps.measurements.channels import Category
from apps.packages import catalog
from apps.packages.catalog import Depth


@checks.register("api")
def check_catalog(**kwargs: Any) -> list[checks.CheckMessage]:
    """Errors for rows without a view, parameters that select but are not declared, categories without a rule."""
    from . import urls  # noqa: F401  (loads the views, which need all apps)
    from .base import VIEWS

    found: list[checks.CheckMessage] = []
    for row in catalog.FUNCTIONS:
        view = VIEWS.get(row.path)
        if view is None:
            found.append(checks.Error(f"No view answers {row.path} of function {row.name}.", id="api.E001"))
        elif row.selected_by and row.selected_by not in {parameter.name for parameter in view.parameters}:
            found.append(checks.Error(f"{view.__name__} does not declare {row.selected_by}.", id="api.E002"))
    kinds = {(category, depth) for category in Category for depth in Depth}
    missing = sorted(kinds - catalog.CATEGORIES.keys())
    return found + [checks.Error(f"The catalog has no rule for {kind}.", id="api.E003") for kind in missing]
