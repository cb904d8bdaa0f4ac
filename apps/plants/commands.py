"""What operators' commands about plants share."""

from uuid import UUID

from apps.accounts.changes import ChangeRefused

from .models import Plant


def find_plant(id_: UUID) -> Plant:
    """The plant an operator means; operators of the server may act in every portal."""
    plant = Plant.objects.select_related("portal").filter(pk=id_).first()
    if plant is None:
        raise ChangeRefused("plant", f"There is no plant {id_}.")
    return plant
