"""The door to a plant's pages: an id in an address becomes a plant here, and nowhere else."""

from uuid import UUID

from django.http import Http404

from apps.plants.models import Plant
from apps.web.session import PortalRequest


def plant_of(request: PortalRequest, plant_id: UUID) -> Plant:
    """The plant of the address, with its address; 404 where it does not exist for who asks."""
    plant = Plant.objects.visible_to(request.access).select_related("address").filter(pk=plant_id).first()
    if plant is None:
        raise Http404
    return plant
