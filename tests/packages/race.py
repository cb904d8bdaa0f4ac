"""Processes that do the same thing at the same moment, on the database of the test."""

import multiprocessing
import traceback
from collections.abc import Callable
from typing import Any

from django.db import connections


def race(work: Callable[[int], Any], processes: int = 8) -> list[Any]:
    """What `work(number)` returned in each process. Needs a test with committed data (`transaction=True`)."""
    fork = multiprocessing.get_context("fork")
    start, results = fork.Barrier(processes), fork.SimpleQueue()
    connections.close_all()  # a connection must not be shared with a child
    children = [fork.Process(target=_run, args=(work, number, start, results)) for number in range(processes)]
    for child in children:
        child.start()
    found = [results.get() for _child in children]
    for child in children:
        child.join()
    failures = [result for passed, result in found if not passed]
    assert not failures, failures[0]
    return [result for _passed, result in found]


def _run(work: Callable[[int], Any], number: int, start: Any, results: Any) -> None:
    try:
        start.wait(30)
        results.put((True, work(number)))
    except Exception:  # noqa: BLE001  (reported to the parent)
        results.put((False, traceback.format_exc()))
    finally:
        connections.close_all()
