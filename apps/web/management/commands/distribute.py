"""`manage.py distribute`: spread the tables that grow over the workers of a Citus cluster. Safe to repeat.

What is to be done is looked up in the database, table by table, so a run that was broken off is simply run again.
"""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error

from apps.accounts.commands import OperatorCommand

from . import _cluster
from ._arguments import at_least_one
from ._cluster import Plan


class Command(OperatorCommand):
    help = "Spread measurements, receipts and usage over the workers of a Citus cluster; prints what it did and why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--online", action="store_true", help="let writes go on while rows move; takes longer")
        parser.add_argument(
            "--shards", type=at_least_one, default=32, help="twice to four times the processors of all workers to come"
        )

    def act(self, **options: Any) -> dict[str, Any]:
        try:
            return _distribute(options["shards"], online=options["online"], dry_run=options["dry_run"])
        except _cluster.Unfit as reason:
            raise CommandError(str(reason)) from reason
        except Error as error:
            raise CommandError(
                f"{error}\nTables named before are done; run this again once the cause is gone."
            ) from error


def _distribute(shards: int, *, online: bool, dry_run: bool) -> dict[str, Any]:
    cluster = _cluster.inspect(online=online)
    plans = [_cluster.plan(table, shards, online=online) for table in _cluster.DISTRIBUTED]
    if not dry_run:
        for plan in plans:
            _cluster.carry_out(plan, online=online)
    return {
        **cluster,
        "dry_run": dry_run,
        "distributed": {plan.table: _told(plan) for plan in plans},
        "on_the_coordinator": _cluster.others(),
    }


def _told(plan: Plan) -> list[str]:
    already = [] if plan.shards is None else [f"lies on the workers by {plan.column}, in {plan.shards} shards"]
    return [*already, *(step.words for step in plan.steps)]
