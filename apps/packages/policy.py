"""May this package call this function on these data? One question, answered from the catalog alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from apps.accounts.access import Access

from .catalog import CATEGORIES, Api, Depth, Function, Grant, Package


@dataclass(frozen=True, slots=True)
class Decision:
    """`missing_package` names the package that would do; None where no package of this API does."""

    allowed: bool
    missing_package: Package | None = None


ALLOWED = Decision(allowed=True)


def decide(access: Access, function: Function, data: Iterable[tuple[str, Depth]] = ()) -> Decision:
    """Whether the subscription behind `access` covers the function and every kind of data it touches."""
    if access.package is None:
        return Decision(allowed=False)
    api, package = Api(access.via), Package(access.package)
    grants: list[Grant] = [function.packages, *(CATEGORIES[kind] for kind in data)]
    if all((api, package) in grant for grant in grants):
        return ALLOWED
    enough = (better for better in Package if all((api, better) in grant for grant in grants))
    return Decision(allowed=False, missing_package=next(enough, None))
