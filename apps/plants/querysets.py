"""`visible_to(access)`: the only door from an id to a row. Pages, API and commands all come through here."""

from typing import TYPE_CHECKING, Self

from django.db import models

from apps.accounts.access import Access

if TYPE_CHECKING:
    from .models import Fleet, Plant  # noqa: F401  (only for the type arguments below)


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
