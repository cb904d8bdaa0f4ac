"""The rows of the store: packed, fresh, and the newest values of each plant. Only rows.py reads or writes them."""

from typing import ClassVar

from django.db import models

from apps.plants.models import Plant


class DaySeries(models.Model):
    """All channels of one device on one local day, packed (see packing.py)."""

    pk = models.CompositePrimaryKey("plant_id", "device_id", "day")
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="+", db_index=False)
    device_id = models.UUIDField()
    day = models.DateField()
    data = models.BinaryField()

    class Meta:
        verbose_name_plural: ClassVar = "day series"

    def __str__(self) -> str:
        return f"{self.device_id} {self.day}"


class MonthSeries(models.Model):
    """The daily values of all channels of one device in one month, packed; `month` is its first day."""

    pk = models.CompositePrimaryKey("plant_id", "device_id", "month")
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="+", db_index=False)
    device_id = models.UUIDField()
    month = models.DateField()
    data = models.BinaryField()

    class Meta:
        verbose_name_plural: ClassVar = "month series"

    def __str__(self) -> str:
        return f"{self.device_id} {self.month}"


class FreshReading(models.Model):
    """All that was delivered of one plant in one 5-minute slot and is not packed yet (see fresh.py).

    `slot` is its beginning. Every delivery appends to `data`; `parts` counts them until the row is tidied up.
    """

    pk = models.CompositePrimaryKey("plant_id", "slot")
    plant = models.ForeignKey(Plant, models.CASCADE, related_name="+", db_index=False)
    slot = models.DateTimeField()
    changed_at = models.DateTimeField()
    parts = models.PositiveIntegerField(default=1)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.plant_id} {self.slot}"


class PlantLatest(models.Model):
    """The newest values of a plant: what lists of plants show and sort by. Every write recomputes it (see latest.py).

    Times are the beginnings of slots; power in W, energies in Wh. What is not known is null.
    """

    plant = models.OneToOneField(Plant, models.CASCADE, primary_key=True, related_name="latest")
    data_at = models.DateTimeField(null=True)  # the last slot with any value
    power_at = models.DateTimeField(null=True)  # the last slot with a production power
    power = models.FloatField(null=True)
    day = models.DateField(null=True)  # the last local day with a production energy
    day_energy = models.FloatField(null=True)
    month = models.DateField(null=True)  # the first day of the last such month
    month_energy = models.FloatField(null=True)

    class Meta:
        verbose_name_plural: ClassVar = "latest values of plants"

    def __str__(self) -> str:
        return f"{self.plant_id} {self.data_at}"
