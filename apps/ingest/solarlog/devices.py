"""A device as the logger knows it: what it is, how its block in a minute record is laid out, what it delivers.

The same value is made from base_vars.js, from the epochs already stored, or guessed from the number of fields,
so that reading a file does not depend on where the knowledge came from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from apps.measurements.channels import CHANNELS
from apps.plants.models import Component

Key = tuple[str, int]  # channel name and part, as the store addresses a series
Layout = tuple[Key | None, ...]  # one entry per field of a block; None is not kept

SENSOR_CHANNELS = ("Irradiation", "TempModule", "TempAmbient", "WindVelocity")
_CARRIED = 3  # minute files hold at most this many inputs of a device


@dataclass(frozen=True, slots=True)
class Input:
    """An MPP tracker with the string on it. `field` is the number of its module field."""

    index: int
    name: str = ""
    size: int = 0
    field: int | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """One entry of WRInfo. `serial` is empty where the logger gives a bus address instead."""

    index: int
    type: str = Component.Type.INVERTER
    classes: tuple[str, ...] = ("production",)
    name: str = ""
    serial: str = ""
    vendor: str = ""
    size: int = 0
    inputs: tuple[Input, ...] = ()
    temperature: bool = False
    voltages: bool = True  # the oldest firmware wrote no DC voltages for devices of several inputs
    sensors: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same physical device in another configuration."""
        return (self.type, self.serial) if self.serial else (self.type, str(self.index), self.name)

    @property
    def configuration(self) -> "Device":
        """Itself without what may change while the configuration stays the same."""
        inputs = tuple(replace(entry, name="") for entry in self.inputs)
        return replace(self, name="" if self.serial else self.name, vendor="", inputs=inputs)

    @property
    def is_guess(self) -> bool:
        """Whether nothing is known of it but the number of its fields."""
        return not (self.serial or self.size or self.vendor)

    @property
    def carried(self) -> tuple[Input, ...]:
        """The inputs that minute files hold."""
        return self.inputs[:_CARRIED]

    @property
    def power(self) -> str | None:
        """The channel of its AC power; None where it has none or its block is not understood."""
        return _role(self, "ConsPac", "ProdPac")

    @property
    def counter(self) -> str | None:
        """The channel of its energy since midnight."""
        return _role(self, "ConsEtotal", "ProdEtotal")


def _role(device: Device, consumption: str, production: str) -> str | None:
    if device.type not in (Component.Type.INVERTER, Component.Type.METER):
        return None
    return consumption if "consumption" in device.classes else production


def layouts(device: Device) -> dict[int, Layout]:
    """How a block of so many fields is read. Nothing for a device whose block nobody has documented."""
    if device.type == Component.Type.SENSOR:
        return {4: tuple((name, 0) if name in device.sensors else None for name in SENSOR_CHANNELS)}
    if device.power is None or device.counter is None:
        return {}
    power, counter = (device.power, 0), (device.counter, 0)
    if device.type == Component.Type.METER:
        # No licensed sample is known: power and counter, or the block of an inverter without DC values.
        return {2: (power, counter), 4: (power, None, counter, None)}
    layout: list[Key | None] = [power, *_parts("ProdPdc", device), counter]
    if device.voltages:
        layout += _parts("ProdUdc", device)
    if device.temperature:
        layout.append(("Temp", 0))
    return {len(layout): tuple(layout)}


def _parts(name: str, device: Device) -> list[Key]:
    return [(name, entry.index) for entry in device.carried]


def channels(device: Device) -> list[str]:
    """The names of the channels the device itself delivers, in the order of the channel table."""
    return _in_order(_delivered(device))


def _delivered(device: Device) -> set[str]:
    if device.type == Component.Type.SENSOR:
        return set(device.sensors)
    names = {name for name in (device.power, device.counter) if name}
    if device.type == Component.Type.INVERTER:
        names |= {"ProdPdc"}
        names |= {"ProdUdc"} if len(device.inputs) == 1 else set()
        names |= {"Temp"} if device.temperature else set()
    return names


def input_channels(device: Device, entry: Input) -> list[str]:
    """The names of the channels of one MPP tracker."""
    if entry not in device.carried:
        return []
    names = {"ProdPdc"}
    names |= {"ProdUdc"} if device.voltages else set()
    return _in_order(names)


def _in_order(names: set[str]) -> list[str]:
    return [channel.name for channel in CHANNELS if channel.name in names]


def guess(index: int, fields: int) -> Device:
    """A device of which only the number of fields in its block is known."""
    inputs, temperature = {5: (1, True), 6: (2, False), 7: (2, True), 8: (3, False), 9: (3, True)}.get(
        fields, (1, False)
    )
    if fields == 2:
        return Device(index, Component.Type.METER, ("consumption", "meter"), name=f"Meter {index + 1}")
    return Device(
        index,
        name=f"Inverter {index + 1}",
        inputs=tuple(Input(number) for number in range(1, inputs + 1)),
        temperature=temperature,
    )


def same(one: Mapping[int, Device], other: Mapping[int, Device]) -> bool:
    """Whether two sets of devices are the same configuration."""
    return one.keys() == other.keys() and all(one[index].configuration == other[index].configuration for index in one)


def confirms(known: Mapping[int, Device], guessed: Mapping[int, Device]) -> bool:
    """Whether `known` tells what `guessed` could only guess: the same blocks, all of them guesses."""
    return (
        known.keys() == guessed.keys()
        and all(device.is_guess for device in guessed.values())
        and all(layouts(known[index]) == layouts(guessed[index]) for index in known)
    )
