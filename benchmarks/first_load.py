"""All people are new: everything is read, planned, stored and written."""

from __future__ import annotations

from functools import partial

from benchmarks.floors import WINDOWS, additions, pipelined
from benchmarks.frame import Aim, Options, Result, in_turn
from benchmarks.running import memory_of_run, run
from benchmarks.setting import prepared

PEOPLE_COUNT = 100_000
_BOUND = """\
While it writes, a run is as fast as the server: the floor is slapd's single writer, and the plan is read, sent and recorded
at the same time. What a run does before the first write comes on top, because the whole plan is stored before anything is written: it
reads the source, drafts the objects on all cores, orders them, takes the digest and fills the store. To reach the aim all of that
would have to fit into 15 % of the floor. With 20 s for the floor that is 3 s, and reading the source takes bare python-ldap more
than 2 s of them. So the aim would need compiled code for reading and drafting, or first writes before the plan is complete, which
no limit and no approval could allow."""  # noqa: E501


def measure(options: Options) -> list[Result]:
    """One result."""
    count = options.people or PEOPLE_COUNT
    options.say(f"First load of {count:,} people: preparing …")
    operations = additions(count)
    with prepared(count, same=False) as setting:
        tried = {}
        for window in WINDOWS:
            setting.empty_destination()
            tried[window] = pipelined(setting.destination, operations, window).seconds
        best = min(tried, key=tried.__getitem__)
        runs, floors = in_turn(
            options.repeat,
            lambda: pipelined(setting.destination, operations, best),
            partial(run, setting, created=count),
            before=setting.empty_destination,
        )
        setting.empty_destination()
        memory = memory_of_run(setting, created=count)
    shown = ", ".join(f"{window}: {seconds:.1f} s" for window, seconds in tried.items())
    return [
        Result(
            f"First load of {count:,} people × 12 fields",
            f"bare python-ldap adding the same entries, {best} under way",
            Aim(ratio=1.15),
            runs,
            floors,
            memory=memory,
            facts=[f"Floor by the number of operations under way: {shown}."],
            bound=_BOUND,
        )
    ]
