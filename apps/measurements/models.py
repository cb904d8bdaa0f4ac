"""The packed rows of the store. Only rows.py reads or writes them."""

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
