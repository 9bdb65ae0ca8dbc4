"""A run that finds both sides the same: what a schedule does most of the time.

Also the large one, on demand only.
"""

from __future__ import annotations

from functools import partial

from benchmarks.floors import PEOPLE, listings
from benchmarks.frame import Aim, Options, Result, in_turn
from benchmarks.running import memory_of_run, run
from benchmarks.setting import prepared

PEOPLE_COUNT, LARGE_COUNT = 100_000, 1_000_000
_FLOOR = "`ldapsearch` of each side, one after the other"
_BOUND = """\
Two readers run side by side, each in a process of its own, and share the machine's cores with the two servers. Per record a
reader needs about 12 µs inside python-ldap (taking the answer apart and making Python objects of it) and about 6 µs for the
mapping, the key, the fingerprint and the spool; the parent needs less than 2 µs to match it. So the LDAP library is what bounds
it: one that handed out an entry's bytes without making an object of each value would halve the time."""  # noqa: E501


def measure(options: Options) -> list[Result]:
    """The usual size."""
    return [_measured(options.people or PEOPLE_COUNT, options.repeat, Aim(ratio=2.0, memory=200), options)]


def measure_large(options: Options) -> list[Result]:
    """The size of the largest directories. Needs 6 GB of disk and some minutes."""
    return [
        _measured(options.people or LARGE_COUNT, min(options.repeat, 2), Aim(ratio=3.0, memory=400), options)
    ]


def _measured(count: int, repeat: int, aim: Aim, options: Options) -> Result:
    options.say(f"No change, {count:,} people: preparing …")
    with prepared(count) as setting:
        runs, floors = in_turn(
            repeat, partial(listings, setting, PEOPLE), partial(run, setting, unchanged=count)
        )
        memory = memory_of_run(setting, unchanged=count)
    return Result(
        f"Nothing to do, {count:,} people × 12 fields", _FLOOR, aim, runs, floors, memory=memory, bound=_BOUND
    )
