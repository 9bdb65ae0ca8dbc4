"""Both directories are far away: everything goes through a proxy that delays it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.floors import PEOPLE, listings
from benchmarks.frame import Aim, Options, Result, in_turn
from benchmarks.running import run
from benchmarks.setting import prepared

PEOPLE_COUNT = 10_000
DELAY = 0.005
"""Seconds, one way."""
_BOUND = """\
Round trips. The listings run side by side, the next page is asked for before the last one is looked at, and nothing is asked per
record. What a run asks before it lists (root DSE, schema, naming context, container) costs some round trips of each side."""  # noqa: E501
_SERVE = """\
import sys
from tests.scenarios.delay_proxy import DelayProxy
with DelayProxy(int(sys.argv[1]), delay=float(sys.argv[2])) as proxy:
    print(proxy.port, flush=True)
    sys.stdin.read()
"""


def measure(options: Options) -> list[Result]:
    """One result."""
    count = options.people or PEOPLE_COUNT
    options.say(f"No change, {count:,} people, {DELAY * 1000:g} ms each way: preparing …")
    with (
        prepared(count) as direct,
        _proxy(direct.source.port) as source,
        _proxy(direct.destination.port) as destination,
    ):
        setting = direct.behind((source, destination))
        runs, floors = in_turn(
            options.repeat * 2 + 1, partial(listings, setting, PEOPLE), partial(run, setting, unchanged=count)
        )
    return [
        Result(
            f"Nothing to do, {count:,} people, {DELAY * 1000:g} ms each way",
            "paged `ldapsearch` of each side, one after the other",
            Aim(ratio=2.0),
            runs,
            floors,
            bound=_BOUND,
        )
    ]


@contextlib.contextmanager
def _proxy(port: int) -> Iterator[int]:
    """A delaying proxy in a process of its own, so that it takes no time from the run's; yields its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port), str(DELAY)],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)
