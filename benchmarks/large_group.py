"""One group with very many members, of which a few have changed: only those are written, in one operation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import ldap

from benchmarks.floors import GROUPS, listings
from benchmarks.frame import Aim, Options, Result, Sample
from benchmarks.running import memory_of_run, run
from benchmarks.setting import SOURCE, Setting, bound, prepared
from tests.scenarios import people

MEMBERS, CHANGED = 50_000, 100
_GROUP = "cn=everybody,ou=Groups,"
_BOUND = """\
To know who is who, the job reads key and name of every person on both sides, and normalises as many DNs as the group has members, on
both sides. The write is one operation with only the values that come and go."""  # noqa: E501


def measure(options: Options) -> list[Result]:
    """One result, without a floor: what counts is what is written, and the memory."""
    members = options.people or MEMBERS
    count = members + CHANGED
    options.say(f"One group of {members:,} members: preparing …")
    everybody = [people.person_dn(person.uid, SOURCE).encode() for person in people.people(count)]
    entry = people.entry(
        _GROUP + SOURCE,
        {"objectClass": [b"groupOfNames"], "cn": [b"everybody"], "member": everybody[:members]},
    )
    with prepared(count, jobs=("groups",), log_changes=True, more=entry) as setting:
        floors, runs = [], []
        for turn in range(options.repeat):
            _change(setting, everybody, turn)
            floors.append(listings(setting, GROUPS, ("ou=People", "(employeeNumber=*)", ("employeeNumber",))))
            runs.append(_checked(setting, partial(run, setting, updated=1)))
        _change(setting, everybody, options.repeat)
        memory = memory_of_run(setting, updated=1)
    half = CHANGED // 2
    return [
        Result(
            f"One group of {members:,} members, {CHANGED} changed",
            "`ldapsearch` of the group, and of every person's key, on each side",
            Aim(),
            runs,
            floors,
            memory=memory,
            facts=[
                (
                    f"Each run made one modify operation, with {half} values to add and {half} to delete"
                    " (slapd's audit log)."
                )
            ],
            bound=_BOUND,
        )
    ]


def _change(setting: Setting, everybody: Sequence[bytes], turn: int) -> None:
    """Let the first members leave and those come who were none; the other way round in every second turn."""
    half = CHANGED // 2
    first, last = list(everybody[:half]), list(everybody[-CHANGED : -CHANGED + half])
    coming, going = (last, first) if turn % 2 == 0 else (first, last)
    connection = bound(setting.source)
    connection.modify_s(
        _GROUP + SOURCE, [(ldap.MOD_ADD, "member", coming), (ldap.MOD_DELETE, "member", going)]
    )
    connection.unbind_s()


def _checked(setting: Setting, action: partial[Sample]) -> Sample:
    """Do it, and raise RuntimeError if the server has seen anything but one modification of as many values as
    changed.
    """
    log = setting.folder / "changes.ldif"
    log.unlink(missing_ok=True)
    sample = action()
    lines = log.read_text(encoding="utf-8").splitlines()
    operations = [line for line in lines if line.startswith("changetype:")]
    values = [line for line in lines if line.startswith("member:")]
    if operations != ["changetype: modify"] or len(values) != CHANGED:
        raise RuntimeError(
            f"expected one modification of {CHANGED} values, but slapd saw {operations} with {len(values)}"
            " values"
        )
    return sample
