"""`manage.py find_latest`: find the newest values of all plants anew, once after the update that began to keep them."""

from typing import Any

from apps.accounts.commands import OperatorCommand
from apps.measurements import store
from apps.plants.models import Plant


class Command(OperatorCommand):
    help = "Find the newest values of every plant in its measurements; prints how many plants there are."

    def act(self, **options: Any) -> dict[str, Any]:
        plants = list(Plant.objects.all())
        for plant in plants:
            store.find_latest(plant)
        return {"plants": len(plants)}
