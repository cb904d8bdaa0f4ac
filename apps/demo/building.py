"""Writes the demo plants' master data: plants, epochs, components. Each plant in one transaction, once."""

import datetime as dt
import uuid

from django.db import transaction

from apps.accounts.models import Portal
from apps.plants.models import (
    Address,
    Component,
    Contact,
    Epoch,
    ModuleString,
    MppTracker,
    Plant,
)

from .blueprint import Inverter, Span, Tracker
from .plants import DC_CHANNELS, INVERTER_CHANNELS, VENDOR, DemoPlant


def device_id(plant: Plant, key: str) -> uuid.UUID:
    """The cross-epoch id of a simulated device."""
    return uuid.uuid5(plant.pk, key)


@transaction.atomic
def build_plant(portal: Portal, demo: DemoPlant, span: Span) -> Plant:
    """The plant with everything built in; as it is where it exists already."""
    plant = Plant.objects.filter(portal=portal, identifier=demo.identifier).first()
    if plant is None:
        plant = _new_plant(portal, demo, span.first)
        starts = {span.day(inverter.since) for inverter in demo.model.inverters}
        for start in sorted(starts):
            _build_epoch(plant, demo, span, start)
    return plant


def _new_plant(portal: Portal, demo: DemoPlant, installed: dt.date) -> Plant:
    plant = Plant.objects.create(
        portal=portal,
        label=demo.label,
        size=demo.size,
        timezone=demo.timezone,
        health=demo.health,
        address=_new_address(demo),
        latitude=demo.model.site.latitude,
        longitude=demo.model.site.longitude,
        installation_date=installed,
        plant_cost=demo.cost,
        electricity_cost=demo.electricity_cost,
        feed_in_tariff=demo.feed_in_tariff,
        currency=demo.currency,
        emission_factor=demo.emission_factor,
        yearly_target=demo.yearly_target,
        monthly_shares=list(demo.monthly_shares),
        vendor=VENDOR,
        device_name=demo.logger,
        identifier=demo.identifier,
        firmware=demo.firmware,
        firmware_date=installed,
        last_transfer_type="HTTP",
    )
    last_name, first_name, company, email = demo.contact
    Contact.objects.create(
        plant=plant,
        last_name=last_name,
        first_name=first_name,
        company=company,
        email=email,
        address=_new_address(demo),
        comment="Invented for the demo.",
    )
    return plant


def _new_address(demo: DemoPlant) -> Address:
    street, number, postal_code, city, country = demo.address
    return Address.objects.create(
        street=street, house_number=number, postal_code=postal_code, city=city, country=country
    )


def _build_epoch(plant: Plant, demo: DemoPlant, span: Span, start: dt.date) -> None:
    """The configuration that begins on a day: the inverters of that time, and all other devices."""
    epoch = Epoch.objects.create(plant=plant, active_from=start)
    present = [inverter for inverter in demo.model.inverters if _is_there(inverter, span, start)]
    for index, inverter in enumerate(sorted(present, key=lambda inverter: inverter.name)):
        _build_inverter(epoch, device_id(plant, inverter.key), inverter, index)
    Component.objects.bulk_create(
        Component(
            epoch=epoch,
            cross_epoch_id=device_id(plant, device.key),
            type=device.type,
            classes=list(device.classes),
            name=device.name,
            vendor=device.vendor,
            serial=device.serial,
            dataindex=index,
            sort_order=index,
            channels=list(device.channels),
        )
        for index, device in enumerate(demo.devices, start=len(present))
    )


def _is_there(inverter: Inverter, span: Span, day: dt.date) -> bool:
    gone = None if inverter.until is None else span.day(inverter.until)
    return span.day(inverter.since) <= day and (gone is None or day < gone)


def _build_inverter(epoch: Epoch, device: uuid.UUID, inverter: Inverter, index: int) -> None:
    component = Component.objects.create(
        epoch=epoch,
        cross_epoch_id=device,
        type=Component.Type.INVERTER,
        classes=["production"],
        name=inverter.name,
        vendor=inverter.vendor,
        serial=inverter.serial,
        size=inverter.size,
        dataindex=index,
        sort_order=index,
        channels=INVERTER_CHANNELS,
    )
    string = 1
    for number, tracker in enumerate(inverter.trackers, start=1):
        row = _build_tracker(component, number, tracker)
        _build_strings(row, tracker, string, measured=inverter.strings_measured)
        string += len(tracker.strings)


def _build_tracker(component: Component, number: int, tracker: Tracker) -> MppTracker:
    return MppTracker.objects.create(
        component=component,
        index=number,
        name=f"MPPT {number}",
        size=tracker.size,
        field_index=number,
        orientation=tracker.azimuth,
        tilt=tracker.tilt,
        channels=DC_CHANNELS,
    )


def _build_strings(row: MppTracker, tracker: Tracker, first: int, *, measured: bool) -> None:
    """The strings of a tracker; their index counts on through the inverter, from `first`."""
    ModuleString.objects.bulk_create(
        ModuleString(
            component=row.component,
            tracker=row,
            index=index,
            name=f"String {index}",
            size=tracker.string_size(modules),
            channels=DC_CHANNELS if measured else [],
        )
        for index, modules in enumerate(tracker.strings, start=first)
    )
