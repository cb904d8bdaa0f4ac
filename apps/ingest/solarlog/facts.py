"""What a logger knows about its plant, written into the plant: filled in where empty, never against a person.

Size, target, price and address may have been corrected by hand; only the logger's own identity follows the files.
"""

import datetime as dt

from apps.plants.models import Address, Plant

from .base_vars import BaseVars

VENDOR = "Solar-Log"


def describe(plant: Plant, facts: BaseVars, *, newest_day: dt.date, resized: bool) -> None:
    """Take over what `facts` says; `resized` tells that a new configuration began."""
    last = plant.last_transfer
    newest = last is None or newest_day >= last.astimezone(plant.zone).date()
    if newest:
        _identify(plant, facts)
    if facts.size and (not plant.size or (newest and resized)):
        plant.size = facts.size
    if facts.tariff and plant.feed_in_tariff is None:
        plant.feed_in_tariff = facts.tariff
        plant.currency = facts.currency or plant.currency
    plant.yearly_target = plant.yearly_target or facts.yearly_target
    plant.monthly_shares = plant.monthly_shares or facts.monthly_shares
    plant.installation_date = plant.installation_date or facts.in_operation_since
    if facts.postal_code and plant.address is None:
        plant.address = Address.objects.create(postal_code=facts.postal_code, city=facts.city, country=facts.country)
    plant.save()


def _identify(plant: Plant, facts: BaseVars) -> None:
    plant.vendor = VENDOR
    plant.identifier = facts.serial or plant.identifier
    plant.device_name = facts.model or plant.device_name
    plant.firmware = facts.firmware or plant.firmware
    plant.firmware_date = facts.firmware_date or plant.firmware_date
