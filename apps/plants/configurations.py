"""How a plant is built on a day, and what changed from one configuration to the next."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from .epochs import EpochRange, epochs_of
from .models import Component, Plant

COMPARED = ("name", "vendor", "serial", "size")  # what may change while it is the same device


@dataclass(frozen=True, slots=True)
class Replaced:
    """One device gave way to another of the same name and type; or the same device has other properties now."""

    before: Component
    after: Component

    @property
    def fields(self) -> list[str]:
        """The names of the properties that differ."""
        return [name for name in COMPARED if getattr(self.before, name) != getattr(self.after, name)]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new configuration brought. `replaced` are other devices in the same place: their series begin anew."""

    added: list[Component]
    removed: list[Component]
    replaced: list[Replaced]
    changed: list[Replaced]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.replaced or self.changed)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The components of one epoch; `changes` since the epoch before it, None for the first."""

    epoch: EpochRange
    components: list[Component]
    changes: Changes | None


def configurations(plant: Plant) -> list[Configuration]:
    """Every configuration of a plant, oldest first. Two queries."""
    built: dict[UUID, list[Component]] = {}
    for component in Component.objects.filter(epoch__plant=plant).order_by("sort_order", "dataindex", "id"):
        built.setdefault(component.epoch_id, []).append(component)
    return list(_told(epochs_of(plant), built))


def _told(epochs: Iterable[EpochRange], built: dict[UUID, list[Component]]) -> Iterator[Configuration]:
    before: list[Component] | None = None
    for epoch in epochs:
        components = built.get(epoch.id, [])
        yield Configuration(epoch, components, None if before is None else difference(before, components))
        before = components


def difference(before: Sequence[Component], after: Sequence[Component]) -> Changes:
    """What is new, gone, replaced and changed. Devices are told apart by their cross-epoch id."""
    old = {component.cross_epoch_id: component for component in before}
    new = {component.cross_epoch_id: component for component in after}
    kept = [Replaced(old[id_], component) for id_, component in new.items() if id_ in old]
    added = [component for id_, component in new.items() if id_ not in old]
    removed = [component for id_, component in old.items() if id_ not in new]
    replaced = list(_pairs(removed, added))
    gone, come = {pair.before.pk for pair in replaced}, {pair.after.pk for pair in replaced}
    return Changes(
        added=[component for component in added if component.pk not in come],
        removed=[component for component in removed if component.pk not in gone],
        replaced=replaced,
        changed=[pair for pair in kept if pair.fields],
    )


def _pairs(removed: Iterable[Component], added: Iterable[Component]) -> Iterator[Replaced]:
    """A device that came where one of the same type and name went took its place."""
    places = {(component.type, component.name): component for component in added}
    for component in removed:
        successor = places.pop((component.type, component.name), None)
        if successor is not None:
            yield Replaced(component, successor)
