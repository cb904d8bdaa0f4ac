"""The rules of docs/architecture.md that source text alone can break, read with plain `ast`.

A rule is a function from a module to its complaints. Each is tried on the whole source and, so that it is known to
be able to fail, on a few lines that break it.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

_PLANTS = {"plants", "accounts"}
_INGEST = {"events", "measurements", "monitoring", *_PLANTS}
_FACE = {"ingest", "packages", "background", *_INGEST}
MAY_IMPORT: dict[str, set[str]] = {
    "portal": {"web", "api", "demo", "ingest", "background"},
    "web": _FACE,
    "api": _FACE,
    "demo": _FACE,  # a leaf: nobody but the wiring names it
    "ingest": _INGEST,
    "packages": {"monitoring", *_PLANTS},
    "measurements": _PLANTS,
    "events": {"measurements", *_PLANTS},
    "plants": {"accounts"},
    "accounts": set(),
    "background": set(),  # how tasks run, not what they do
    "monitoring": set(),  # how the log looks and what is counted
}


@dataclass(frozen=True, slots=True)
class Module:
    """A source file by its dotted name."""

    name: str
    tree: ast.Module
    is_package: bool = False

    @property
    def part(self) -> str | None:
        return part_of(self.name)

    def says(self, node: ast.AST, what: str) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 0)} {what}"


Rule = Callable[[Module], Iterator[str]]


# --- Reading -------------------------------------------------------------------------------------------------


@cache
def source() -> tuple[Module, ...]:
    """Every module of portal/ and apps/, migrations left out: they are history."""
    files = [file for folder in ("portal", "apps") for file in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(_read(file) for file in files if "migrations" not in file.parts)


def _read(file: Path) -> Module:
    steps = list(file.relative_to(ROOT).with_suffix("").parts)
    is_package = steps[-1] == "__init__"
    return Module(".".join(steps[:-1] if is_package else steps), ast.parse(file.read_text()), is_package)


def part_of(name: str) -> str | None:
    """The part of the layout a dotted name belongs to: "plants", "portal", ...; None for other people's code."""
    steps = name.split(".")
    if steps[0] == "portal":
        return "portal"
    return steps[1] if steps[0] == "apps" and len(steps) > 1 else None


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every dotted name a module imports, wherever the statement stands, relative ones resolved."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            yield from ((node, f"{base}.{alias.name}") for alias in node.names)


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    up = node.level - (1 if module.is_package else 0)
    steps = module.name.split(".")
    return ".".join([*steps[: len(steps) - up], *([node.module] if node.module else [])])


def references(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """What it imports, and what it names in a string such as "apps.plants.models" for a later import."""
    yield from imports(module)
    for node in ast.walk(module.tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and re.fullmatch(r"apps(\.\w+)+", text):
            yield node, text


# --- The rules -----------------------------------------------------------------------------------------------


def imports_point_one_way(module: Module) -> Iterator[str]:
    for node, name in imports(module) if module.name == "portal.settings" else references(module):
        target = part_of(name)
        if target and target != module.part and target not in MAY_IMPORT[module.part or ""]:
            yield module.says(node, f"imports {name}")


def the_catalog_needs_only_the_standard_library(module: Module) -> Iterator[str]:
    if module.name == "apps.packages.catalog":
        for node, name in imports(module):
            if name.split(".")[0] not in sys.stdlib_module_names:
                yield module.says(node, f"imports {name}")


def access_imports_nothing_of_ours(module: Module) -> Iterator[str]:
    if module.name == "apps.accounts.access":
        for node, name in imports(module):
            if part_of(name):
                yield module.says(node, f"imports {name}")


BEHIND_THE_STORE: dict[str, set[str]] = {  # a module of measurements, and who may import it
    "rice": {"packing"},
    "packing": {"rows", "fresh"},
    "fresh": {"rows"},
    "models": {"rows", "admin"},
    "rows": {"periods", "merging", "tiers", "writing", "latest", "store"},
    "periods": {"merging", "tiers", "latest", "store"},
    "totals": {"merging", "store"},
    "merging": {"tiers", "writing", "store"},
    "tiers": {"store"},
    "latest": {"writing"},
    "writing": {"store"},
}


def only_the_store_knows_how_values_are_packed(module: Module) -> Iterator[str]:
    for node, name in references(module):
        found = re.match(r"apps\.measurements\.(\w+)", name)
        allowed = BEHIND_THE_STORE.get(found[1]) if found else None
        if allowed is not None and module.name not in {f"apps.measurements.{importer}" for importer in allowed}:
            yield module.says(node, f"imports {name}")


def only_measurements_touch_the_packed_rows(module: Module) -> Iterator[str]:
    if module.part != "measurements":
        for node, name in references(module):
            if name.startswith("apps.measurements.models"):
                yield module.says(node, f"imports {name}")


HTTP_BASIC = {"apps.api.oauth": {"basic"}, "apps.ingest.push": {"basic"}}  # there it is the HTTP authentication scheme


def only_the_catalog_names_a_package(module: Module) -> Iterator[str]:
    if module.name in ("apps.packages.catalog", "portal.settings") or module.part == "demo":
        return
    names = {"basic", "advanced"} - HTTP_BASIC.get(module.name, set())
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            yield module.says(node, f"names the package {node.value!r}")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("Package.BASIC", "Package.ADVANCED"):
            yield module.says(node, f"names {ast.unparse(node)}")


def faces_reach_rows_only_through_visible_to(module: Module) -> Iterator[str]:
    if module.part not in ("api", "web"):
        return
    through_the_door = {
        id(node.value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr == "visible_to"
    }
    for node in ast.walk(module.tree):
        if _is_manager(node) and id(node) not in through_the_door:
            yield module.says(node, f"uses {ast.unparse(node)} without visible_to")
        if _is_shortcut(node):
            yield module.says(node, f"fetches a row with {ast.unparse(node)}")


_GUARDED = r"(\w+\.)*(Plant|Fleet)"


def _is_manager(node: ast.AST) -> bool:
    managers = ("objects", "_default_manager", "_base_manager")
    return (
        isinstance(node, ast.Attribute)
        and node.attr in managers
        and re.fullmatch(_GUARDED, ast.unparse(node.value)) is not None
    )


def _is_shortcut(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and re.search(r"get_(object|list)_or_404$", ast.unparse(node.func)) is not None
        and bool(node.args)
        and re.fullmatch(_GUARDED, ast.unparse(node.args[0])) is not None
    )


# --- The rules hold ------------------------------------------------------------------------------------------


def complaints(rule: Rule) -> list[str]:
    return [line for module in source() for line in rule(module)]


def test_imports_point_one_way_and_nobody_but_the_wiring_names_the_demo():
    assert complaints(imports_point_one_way) == []


def test_every_part_of_the_layout_has_its_line_in_the_table():
    assert {module.part for module in source()} - {None} <= set(MAY_IMPORT)


def test_the_catalog_imports_only_the_standard_library():
    assert complaints(the_catalog_needs_only_the_standard_library) == []


def test_access_imports_nothing_of_ours():
    assert complaints(access_imports_nothing_of_ours) == []


def test_only_the_store_imports_what_is_behind_it():
    assert complaints(only_the_store_knows_how_values_are_packed) == []


def test_only_measurements_imports_the_packed_rows():
    assert complaints(only_measurements_touch_the_packed_rows) == []


def test_nobody_but_the_catalog_names_a_package():
    assert complaints(only_the_catalog_names_a_package) == []


def test_api_and_web_reach_plants_and_fleets_only_through_visible_to():
    assert complaints(faces_reach_rows_only_through_visible_to) == []


# --- Every rule can fail -------------------------------------------------------------------------------------

BREACHES: list[tuple[Rule, str, str]] = [
    (imports_point_one_way, "apps.plants.x", "from apps.measurements import store"),
    (imports_point_one_way, "apps.plants.x", "def f():\n    from ..measurements.store import read"),
    (imports_point_one_way, "apps.web.x", "import apps.api.errors"),
    (imports_point_one_way, "apps.api.x", "from apps import web"),
    (imports_point_one_way, "apps.accounts.x", "from ..plants.models import Plant"),
    (imports_point_one_way, "apps.packages.x", "from apps.events.models import ComponentEvent"),
    (imports_point_one_way, "apps.ingest.x", "from apps.packages.catalog import Package"),
    (imports_point_one_way, "apps.web.x", "from apps.demo import seed"),
    (imports_point_one_way, "apps.web.x", "import_module('apps.demo.seed')"),
    (imports_point_one_way, "apps.api.x", "from portal import settings"),
    (imports_point_one_way, "portal.urls", "from apps.plants.models import Plant"),
    (the_catalog_needs_only_the_standard_library, "apps.packages.catalog", "import django"),
    (the_catalog_needs_only_the_standard_library, "apps.packages.catalog", "from . import policy"),
    (access_imports_nothing_of_ours, "apps.accounts.access", "from .models import User"),
    (only_the_store_knows_how_values_are_packed, "apps.measurements.kpis", "from . import totals"),
    (only_the_store_knows_how_values_are_packed, "apps.measurements.store", "from .packing import unpack_day"),
    (only_the_store_knows_how_values_are_packed, "apps.measurements.writing", "from .models import DaySeries"),
    (only_the_store_knows_how_values_are_packed, "apps.ingest.x", "from apps.measurements.writing import write"),
    (only_the_store_knows_how_values_are_packed, "apps.api.x", "from apps.measurements.packing import Days"),
    (only_measurements_touch_the_packed_rows, "apps.api.x", "from apps.measurements.models import DaySeries"),
    (only_measurements_touch_the_packed_rows, "apps.ingest.x", "from apps.measurements import models"),
    (only_the_catalog_names_a_package, "apps.api.x", "if package == 'advanced': pass"),
    (only_the_catalog_names_a_package, "apps.web.x", "best = Package.ADVANCED"),
    (only_the_catalog_names_a_package, "apps.api.oauth", "if package == 'advanced': pass"),
    (faces_reach_rows_only_through_visible_to, "apps.api.x", "Plant.objects.get(id=plant_id)"),
    (faces_reach_rows_only_through_visible_to, "apps.web.x", "models.Fleet.objects.filter(pk=pk)"),
    (faces_reach_rows_only_through_visible_to, "apps.web.x", "get_object_or_404(Plant, pk=pk)"),
    (faces_reach_rows_only_through_visible_to, "apps.api.x", "queryset = Plant._default_manager.all()"),
]

FAIR: list[tuple[Rule, str, str]] = [
    (imports_point_one_way, "apps.measurements.store", "from . import grid\nfrom apps.plants import models"),
    (imports_point_one_way, "apps.demo.seed", "from apps.packages.catalog import Package"),
    (imports_point_one_way, "portal.settings", "INSTALLED_APPS = ['apps.accounts', 'apps.demo']"),
    (imports_point_one_way, "portal.urls", "include('apps.web.urls')"),
    (the_catalog_needs_only_the_standard_library, "apps.packages.catalog", "from enum import StrEnum"),
    (only_the_store_knows_how_values_are_packed, "apps.measurements.store", "from .totals import Terms"),
    (only_the_store_knows_how_values_are_packed, "apps.measurements.rows", "from . import packing"),
    (only_measurements_touch_the_packed_rows, "apps.measurements.rows", "from .models import DaySeries"),
    (only_the_catalog_names_a_package, "apps.api.x", "'''Basic or advanced.'''\nchoices = list(Package)"),
    (only_the_catalog_names_a_package, "apps.demo.seed", "package = Package.ADVANCED"),
    (faces_reach_rows_only_through_visible_to, "apps.api.x", "Plant.objects.visible_to(a).get(id=i)"),
    (faces_reach_rows_only_through_visible_to, "apps.ingest.x", "Plant.objects.get(id=plant_id)"),
]


def _case(case: tuple[Rule, str, str]) -> str:
    return f"{case[1]}: {case[2].splitlines()[-1].strip()}"


@pytest.mark.parametrize("case", BREACHES, ids=_case)
def test_a_breach_is_found(case: tuple[Rule, str, str]):
    rule, name, text = case
    assert list(rule(Module(name, ast.parse(text))))


@pytest.mark.parametrize("case", FAIR, ids=_case)
def test_what_the_rule_allows_passes(case: tuple[Rule, str, str]):
    rule, name, text = case
    assert list(rule(Module(name, ast.parse(text)))) == []
