"""`make bench`: every benchmark of the project as one table, each figure beside its baseline from the same run.

    python -m tests.bench [--only NAME...] [--engine sqlite|postgresql|both] [--rounds N] [--quick] [--write]

Which database is used is decided by the environment, so each one is measured by a process of its own. PostgreSQL (with
fsync, as it comes) and Redis run on free ports as long as it takes; nothing is left behind, and var/ is not touched.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from tests.faults.stand import Stand, programs_of_postgres
from tests.live import ROOT

from .frame import Place, Row, machine, table, versions

MODULES = ("calls", "storage", "reads", "ingest", "push", "imports", "pages")
NEED_WRK = ("calls", "push")
ENGINES = ("sqlite", "postgresql")
RESULTS = "results.json"
REPORT = ROOT / "docs" / "benchmarks.md"
Measure = Callable[[Place], Iterator[Row]]
_MARKED = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.DOTALL)


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are ended all the same
    if options.inside:
        return measure(options)
    if options.write and (options.only or options.quick or options.engine != "both"):
        sys.exit("--write keeps whole results only: leave out --only, --quick and --engine")
    results: dict[str, list[Row]] = {}
    servers: dict[str, str] = {}
    failed = 0
    for engine in ENGINES if options.engine == "both" else (options.engine,):
        with tempfile.TemporaryDirectory(prefix="helioport-bench-") as folder, ExitStack() as cleanup:
            environment = prepare(engine, Path(folder), cleanup)
            if environment is not None:
                failed += run_inside(engine, Path(folder), environment)
                found = json.loads((Path(folder) / RESULTS).read_text())
                results[engine] = [Row(**row) for row in found["rows"]]
                servers |= found["servers"]
    print("\n" + report(results, servers))
    if options.write and not failed:
        write(report(results, servers))
    return 1 if failed or not results else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure, and show one table.")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="names of rows or of modules of rows")
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="both")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a small workload: to try the benchmark itself")
    parser.add_argument("--write", action="store_true", help=f"keep the results in {REPORT.relative_to(ROOT)}")
    parser.add_argument("--inside", metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


# --- Outside: servers, one process for each database, the report ---------------------------------------------


def prepare(engine: str, folder: Path, cleanup: ExitStack) -> dict[str, str] | None:
    """The environment of a portal in production on this kind of database; None, and why, where it cannot be."""
    stand = Stand(folder)
    cleanup.callback(stand.close)
    if engine == "sqlite":
        stand.on_sqlite()
    else:
        postgres = programs_of_postgres()
        missing = [] if (postgres / "initdb").exists() else ["postgresql"]
        missing += [] if shutil.which("redis-server") else ["redis-server"]
        if missing:
            print(f"Leaving out {engine}: install {' and '.join(missing)}", file=sys.stderr)
            return None
        stand.on_servers(postgres)
        stand.stores[0].command = [*stand.stores[0].command, "-c", "shared_buffers=1GB"]
        for store in stand.stores:
            store.start()
            store.wait_until_ready()
    production = {"DEBUG": "0", "SECRET_KEY": "only-for-benchmarks" * 3, "SECRET_PEPPER": "only-for-benchmarks"}
    hosts = {"ALLOWED_HOSTS": "127.0.0.1,testserver", "BASE_URL": "https://127.0.0.1"}
    own = {"BROKER_FOLDER": str(folder / "broker"), "PYTHONWARNINGS": "ignore:No directory at"}
    return {**stand.environment, **production, **hosts, **own}


def run_inside(engine: str, folder: Path, environment: Mapping[str, str]) -> int:
    """All rows on one kind of database; returns how many could not be measured. Ends where nothing was."""
    command = [sys.executable, "-m", "tests.bench", *sys.argv[1:], "--engine", engine, "--inside", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as child:
        try:
            failed = child.wait()
        except BaseException:
            child.terminate()  # and wait: it has servers to end
            raise
    if not (folder / RESULTS).exists():
        sys.exit(failed)
    return failed


def report(results: Mapping[str, list[Row]], servers: Mapping[str, str]) -> str:
    """The table, and what it was measured on."""
    rows = [row for found in results.values() for row in found]
    missed = sum(row.met is False for row in rows)
    rounds = max((len(row.ours) for row in rows), default=0)
    told = f"{datetime.now(UTC):%Y-%m-%d}, {rounds} rounds, on {machine()}. {versions(**servers)}."
    return f"{told}\n\n{table(results)}\n\n{len(rows)} rows, {missed} of them miss their target.\n"


def write(text: str) -> None:
    """Put the results between the marks of the report."""
    REPORT.write_text(_MARKED.sub(lambda _: f"\n{text}\n", REPORT.read_text()))


# --- Inside: the rows on the database of the environment -----------------------------------------------------


def measure(options: argparse.Namespace) -> int:
    """Measure, tell each row as it comes, leave all of them in a file; returns how many functions failed."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    folder, found, failed = Path(options.inside), [], 0
    with ExitStack() as cleanup:
        place = Place(options.engine, options.rounds, options.quick, folder, cleanup)
        for function in chosen(options.only):
            try:
                for row in function(place):
                    found.append(row)
                    print(table({place.engine: [row]}).splitlines()[-1], flush=True)
            except Exception:  # noqa: BLE001  (the other rows can be measured all the same)
                failed += 1
                traceback.print_exc()
    results = {"rows": [asdict(row) for row in found], "servers": server_versions()}
    (folder / RESULTS).write_text(json.dumps(results))
    return failed


def chosen(names: list[str]) -> Iterator[Measure]:
    """The functions of rows, or those of these names; a name may be that of a module."""
    modules: dict[str, dict[str, Measure]] = {name: import_module(f"tests.bench.{name}").ROWS for name in MODULES}
    known = {*modules, *(name for rows in modules.values() for name in rows)}
    if unknown := set(names) - known:
        raise SystemExit(f"No such rows: {', '.join(sorted(unknown))}. There are: {', '.join(sorted(known))}")
    for module, rows in modules.items():
        wanted = [row for name, row in rows.items() if not names or {name, module} & set(names)]
        if wanted and module in NEED_WRK and not shutil.which("wrk"):
            print(f"Leaving out {module}: install wrk", file=sys.stderr)
        else:
            yield from wanted


def server_versions() -> dict[str, str]:
    """Of PostgreSQL and Redis, where they are used."""
    if not os.environ.get("REDIS_URL"):
        return {}
    import redis
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0]
    return {"PostgreSQL": postgres, "Redis": redis.Redis.from_url(os.environ["REDIS_URL"]).info()["redis_version"]}


if __name__ == "__main__":
    sys.exit(main())
