"""`visible_to(access)`: the only door from an id to a row. Pages, API and commands all come through here."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, models

from apps.accounts import statements
from apps.accounts.access import Access

if TYPE_CHECKING:
    from .models import Fleet, Plant  # noqa: F401  (Fleet only for the type argument below)


class PlantQuerySet(models.QuerySet["Plant"]):
    """Plants, narrowed to what somebody may see."""

    def visible_to(self, access: Access) -> Self:
        """The plants that exist for `access`; every other id is as unknown to it as a random one."""
        if access.user is None and not access.sees_whole_portal:
            return self.none()  # a filter on no user would match every plant that is assigned to nobody
        plants = self.filter(portal=access.portal)
        if not access.sees_whole_portal:
            plants = plants.filter(assignments__membership__user=access.user)
        if access.plant_subset is not None:
            plants = plants.filter(id__in=access.plant_subset)
        return plants


class FleetQuerySet(models.QuerySet["Fleet"]):
    """Fleets, narrowed to what somebody may see."""

    def visible_to(self, access: Access) -> Self:
        """Fleets group a whole portal, so they exist only for those who see all of it."""
        return self.filter(portal=access.portal) if access.sees_whole_portal else self.none()


# --- One plant, by its id ------------------------------------------------------------------------------------------


def find_visible(plants: "type[Plant]", access: Access, plant: UUID) -> "Plant | None":
    """`visible_to(access).filter(id=plant).first()`, asked on every call, but written by the ORM only once.

    It is written for stand-ins, once for each kind of access; a call puts its own ids in their places.
    """
    subset = access.plant_subset
    kind = Access(
        _PORTAL,
        "",
        access.via,
        user=None if access.user is None else _USER,
        role=access.role,
        plant_subset=None if subset is None else frozenset({_PLANT} if plant in subset else ()),
    )
    written = _written(plants, kind)
    if written is None:
        return None
    ids = {_PORTAL: access.portal, _USER: access.user, _PLANT: plant}
    rows = statements.fetch(written.sql, [ids[stand_in] for stand_in in written.places])
    return written.plant(rows[0]) if rows else None


_PORTAL, _USER, _PLANT = uuid4(), uuid4(), uuid4()


class _Written:
    """A statement of the ORM, the stand-ins it goes with, and how its columns become a plant."""

    def __init__(self, model: "type[Plant]", query: Any) -> None:
        compiler = query.get_compiler(connection=connection)
        self.sql, values = compiler.as_sql()
        self.places = [value if isinstance(value, UUID) else UUID(value) for value in values]
        columns = [column for column, _sql, _alias in compiler.select]
        self._model, self._fields = model, [column.target.attname for column in columns]
        self._converters = compiler.get_converters(columns)

    def plant(self, row: Sequence[Any]) -> "Plant":
        values = list(row)
        for index, (converters, column) in self._converters.items():
            for convert in converters:
                values[index] = convert(values[index], column, connection)
        return self._model.from_db(DEFAULT_DB_ALIAS, self._fields, values)


@cache
def _written(model: "type[Plant]", kind: Access) -> _Written | None:
    """None where nothing can be found."""
    try:
        return _Written(model, model.objects.visible_to(kind).filter(id=_PLANT).order_by().query)
    except EmptyResultSet:
        return None
