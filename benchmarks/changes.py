"""One in ten objects has changed: titles, names, and members of groups.

The source is changed with bare python-ldap, all operations in one pipeline: that is at the same time the
floor for writing the same changes to the destination.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import ldap
from ldap.ldapobject import SimpleLDAPObject

from benchmarks.floors import GROUPS, PEOPLE, Send, listings, pipelined, together
from benchmarks.frame import Aim, Options, Result, Sample, in_turn
from benchmarks.running import memory_of_run, run
from benchmarks.setting import SOURCE, prepared
from tests.scenarios import people

PEOPLE_COUNT = 100_000
SHARE = 10
_WINDOW = 64
_TITLES = (b"Director", b"Deputy")
_BOUND = """\
Reading comes first and takes most of the time, as in a run without changes; the groups' job reads the people of both sides
again, by key only, to know who is who. The changes themselves cost little in comparison. To reach the aim the two jobs would have
to share one listing of the people. They are separate tasks, maybe on separate machines and hours apart, so the second would
decide about members by a listing that may be out of date: it is not done."""  # noqa: E501


@dataclass(frozen=True, slots=True)
class _Changes:
    """What is changed, and the state that it is in."""

    titles: list[str]
    names: list[str]
    groups: list[tuple[str, str]]

    @property
    def objects(self) -> int:
        return len(self.titles) + len(self.names) + len({group for group, _ in self.groups})

    def operations(self, turn: int) -> Iterator[Send]:
        """To get into the state with this number, 1 or more, from the one before; states 1 and 3, and 2 and
        4, are the same.
        """
        old, new = (_TITLES[turn % 2 - 1], _TITLES[turn % 2])
        for uid in self.titles:
            change = (
                [(ldap.MOD_REPLACE, "title", new)]
                if turn == 1
                else [(ldap.MOD_DELETE, "title", old), (ldap.MOD_ADD, "title", new)]
            )
            yield _modifying(people.person_dn(uid, SOURCE), change)
        forth = turn % 2 == 1
        for uid in self.names:
            now, then = (uid, f"{uid}x") if forth else (f"{uid}x", uid)
            yield _renaming(people.person_dn(now, SOURCE), f"uid={then}")
        for group, uid in self.groups:
            kind = ldap.MOD_ADD if forth else ldap.MOD_DELETE
            yield _modifying(
                f"cn={group},ou=Groups,{SOURCE}", [(kind, "member", people.person_dn(uid, SOURCE).encode())]
            )


def measure(options: Options) -> list[Result]:
    """One result."""
    count = options.people or PEOPLE_COUNT
    options.say(f"{count // SHARE:,} changes among {count:,} people: preparing …")
    with prepared(count, jobs=("people", "groups"), with_groups=True) as setting:
        changes = _choose(count)
        states = iter(range(1, 1_000_000))

        def floor() -> Sample:
            listed = listings(setting, PEOPLE, GROUPS)
            written = pipelined(setting.source, list(changes.operations(next(states))), _WINDOW)
            return together(listed, written)

        runs, floors = in_turn(options.repeat, floor, partial(run, setting, updated=changes.objects))
        floor()
        memory = memory_of_run(setting, updated=changes.objects)
    return [
        Result(
            f"{changes.objects:,} changes among {count:,} people and {count // 20:,} groups",
            "`ldapsearch` of people and groups of each side + bare python-ldap making the same changes",
            Aim(ratio=1.5),
            runs,
            floors,
            memory=memory,
            facts=[
                (
                    f"{len(changes.titles):,} titles, {len(changes.names):,} renames and"
                    f" {len(changes.groups):,} memberships."
                ),
                "They go forth in one run and back in the next.",
            ],
            bound=_BOUND,
        )
    ]


def _choose(count: int) -> _Changes:
    """A tenth of the people and groups: eight parts titles, one part names, one part members."""
    part = count // SHARE // 10
    groups = list(people.groups(count))
    members = {uid for group in groups for uid in group.members}
    # slapd as it is here lets no reference follow a rename, so only people in no group get another name.
    free = [person.uid for person in people.people(count) if person.uid not in members]
    others = [person.uid for person in people.people(count) if person.uid in members]
    renamed = free[:part]
    joining = free[part : 2 * part]
    chosen = groups[:: max(1, len(groups) // part)][:part]
    titles = [*free[2 * part :], *others][: 8 * part]
    return _Changes(titles, renamed, [(group.name, uid) for group, uid in zip(chosen, joining, strict=False)])


def _modifying(dn: str, modifications: list[tuple[int, str, bytes]]) -> Send:
    def send(connection: SimpleLDAPObject) -> int:
        return int(connection.modify_ext(dn, modifications))

    return send


def _renaming(dn: str, rdn: str) -> Send:
    def send(connection: SimpleLDAPObject) -> int:
        return int(connection.rename(dn, rdn, delold=1))

    return send
