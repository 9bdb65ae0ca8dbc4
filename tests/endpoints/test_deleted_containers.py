"""A plan deletes containers with all that is in them, and breaks off: what is gone is found done, and what
this login may not see is not.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace

import ldap
import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Result
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.endpoints.ldap.destination import LdapDestination
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.forked_child import ForkedChild
from tests.scenarios.slapd import Database, Slapd

SUFFIX = "dc=example,dc=org"
PEOPLE = 8
"""In each of the two containers, one of which is in the other."""
SERVICE = f"uid=svc,{SUFFIX}"
Restricted = Callable[[str, str], tuple[Container, LdapDestination]]


@pytest.fixture
def restricted(new_slapd: Callable[..., Slapd]) -> Restricted:
    """Gives a container, and it as a login sees it that may write everything, but has only a certain right to
    some of it; both as slapd.access(5) has them.
    """

    def start(what: str, right: str) -> tuple[Container, LdapDestination]:
        lines = [
            f'access to {what} by dn.exact="{SERVICE}" {right} by * break',
            f'access to * by dn.exact="{SERVICE}" write by * read',
        ]
        slapd = new_slapd(Database(SUFFIX, lines=lines))
        container = Container(SUFFIX, slapd, directories.administrator(slapd))
        container.add("uid=svc", userPassword=slapd.password)
        connection = replace(directories.slapd_connection(slapd), login=SERVICE)
        return container, directories.destination(connection, SUFFIX)

    return start


def team(container: Container) -> list[Change]:
    """The deletions of a container, of one in it, and of people in both; in the order of a plan."""
    outer = container.add("ou=team", objectClass="organizationalUnit", ou="team")
    inner = container.add("ou=night,ou=team", objectClass="organizationalUnit", ou="night")
    dns = [
        container.add(f"uid=p{number},{place.removesuffix(f',{container.dn}')}")
        for place in (inner, outer)
        for number in range(PEOPLE)
    ]
    return [
        Change(Action.DELETE, dn, dn, identity=container.values(dn, "entryUUID")["entryUUID"][0])
        for dn in (*dns[:PEOPLE], inner, *dns[PEOPLE:], outer)
    ]


def kill_after(sent: int, connection: ConnectionInfo, place: str, changes: Sequence[Change]) -> None:
    """Carry changes out in a process that ends without a word before it would send one more."""

    def work(tell: Callable[[str], None]) -> None:
        count = itertools.count()

        def before_send() -> None:
            if next(count) == sent:
                os.kill(os.getpid(), signal.SIGKILL)

        for _ in directories.destination(connection, place).write(
            enumerate(changes), before_send=before_send
        ):
            pass

    child = ForkedChild(work)
    status = child.end()
    assert os.WIFSIGNALED(status) or sent == len(changes)


def there(container: Container, changes: Sequence[Change]) -> set[int]:
    """The places of the changes whose objects exist."""

    def exists(dn: str) -> bool:
        try:
            return bool(container.values(dn))
        except ldap.NO_SUCH_OBJECT:
            return False

    return {place for place, change in enumerate(changes) if exists(change.object)}


@pytest.mark.parametrize("sent", [PEOPLE, PEOPLE + 1, 2 * PEOPLE + 1, 2 * PEOPLE + 2])
def test_a_retry_finds_all_that_is_gone(container: Container, sent: int) -> None:
    """Killed between its writes, before any outcome was recorded: what was deleted is found done, by the
    retry and by one who only looks.
    """
    changes = team(container)
    connection = directories.slapd_connection(container.slapd)
    kill_after(sent, connection, container.dn, changes)
    left = there(container, changes)
    # The server may still be at what was sent last.
    assert len(changes) - len(left) <= sent
    destination = directories.destination(connection, container.dn)
    looked = {each.sequence: each.result for each in destination.look(enumerate(changes), renamed={})}
    outcomes = directories.write(destination, changes, verify=range(len(changes)))
    for outcome in outcomes:
        if outcome.sequence in left:
            assert outcome.result in (Result.DONE, Result.FOUND_DONE), outcome.message
        else:
            assert outcome.result is Result.FOUND_DONE, outcome.message
            assert looked[outcome.sequence] is Result.FOUND_DONE
    assert Result.UNCERTAIN not in looked.values()
    assert there(container, changes) == set()


def test_what_rests_on_a_deletion_is_told_before_it(container: Container) -> None:
    """A retry that is killed too must not find the container on record, and no proof for what was in it."""
    changes = team(container)
    destination = container.destination()
    directories.write(destination, changes)
    retried = destination.write(enumerate(changes), before_send=lambda: None, verify=range(len(changes)))
    inner, outer = PEOPLE, 2 * PEOPLE + 1
    for outcomes in (retried, destination.look(enumerate(changes), renamed={})):
        told = [outcome.sequence for outcome in outcomes]
        assert told[-1] == outer
        assert set(told[told.index(inner) + 1 :]).isdisjoint(range(PEOPLE))


def test_without_the_deletion_of_the_container_nothing_is_proven(container: Container) -> None:
    """Somebody else has deleted it, or this login was moved to another server: the plan cannot tell."""
    changes = team(container)
    directories.write(container.destination(), changes)
    *rest, _ = changes
    outcomes = directories.write(container.destination(), rest, verify=range(len(rest)))
    assert {outcome.result for outcome in outcomes} == {Result.FAILED}
    assert "nor anything else that shows entryUUID is seen" in outcomes[0].message
    looked = container.destination().look(enumerate(rest), renamed={})
    assert {outcome.result for outcome in looked} == {Result.UNCERTAIN}


def test_what_was_not_created_in_a_container_that_was_not_created(container: Container) -> None:
    """A plan that broke off before its first write: nothing of it is uncertain."""
    above = f"ou=new,{container.dn}"
    changes = [
        directories.creation(above, objectClass="organizationalUnit", ou="new"),
        *(directories.person(f"uid=p{number},{above}") for number in range(3)),
    ]
    container.add("uid=other")
    looked = container.destination().look(enumerate(changes), renamed={})
    assert {outcome.result for outcome in looked} == {Result.NOT_DONE}


@pytest.mark.parametrize("right", ["=wsd", "=wd", "=w", "none"])
@pytest.mark.parametrize("what", ["dn.subtree", "dn.children", "dn.exact"])
def test_what_is_hidden_was_not_deleted(restricted: Restricted, what: str, right: str) -> None:
    """A login that may not see a container any more is told that there is none, while it sees others next to
    it: neither the container nor what is in it counts as deleted.
    """
    container, destination = restricted(f'{what}="ou=team,{SUFFIX}" attrs=entry', right)
    container.add("uid=other")
    changes = team(container)
    looked = {each.sequence: each.result for each in destination.look(enumerate(changes), renamed={})}
    outcomes = directories.write(destination, changes, verify=range(len(changes)))
    exist = there(container, changes)
    for outcome in outcomes:
        if outcome.sequence in exist:
            assert outcome.result is Result.FAILED, (changes[outcome.sequence].object, outcome)
            assert looked[outcome.sequence] in (Result.UNCERTAIN, Result.NOT_DONE)
        else:
            # It could be read, and was deleted.
            assert outcome.result is Result.DONE
            assert looked[outcome.sequence] is Result.NOT_DONE
    if what == "dn.subtree":
        assert len(exist) == len(changes)


@pytest.mark.parametrize("action", [Action.DELETE, Action.DISABLE, Action.MOVE, Action.UPDATE])
def test_what_cannot_be_told_from_another_is_not_touched(restricted: Restricted, action: Action) -> None:
    """What names an object permanently was readable when the plan was made, and is not now: another object
    may have its name.
    """
    container, destination = restricted("attrs=entryUUID", "none")
    container.add("ou=left", objectClass="organizationalUnit", ou="left")
    dn = container.add("uid=ann", description="old")
    identity = container.values(dn, "entryUUID")["entryUUID"][0]
    container.admin.delete_s(dn)
    container.add("uid=ann", description="old")
    change = Change(
        action,
        "ann",
        dn,
        new_object=f"uid=ann,ou=left,{SUFFIX}" if action is Action.MOVE else None,
        identity=identity,
        fields=(
            FieldChange("description", (b"old",), () if action is Action.DELETE else (b"new",), replace=True),
        ),
    )
    for verify in ((), (0,)):
        (outcome,) = directories.write(destination, [change], verify=verify)
        assert outcome.result is Result.FAILED
        assert "may not read it" in outcome.message
    assert [each.result for each in destination.look([(0, change)], renamed={})] == [Result.UNCERTAIN]
    assert container.values(dn)["description"] == [b"old"]


@pytest.mark.parametrize("renamed", ["uid=p0,ou=team", "ou=team"])
@pytest.mark.parametrize("hidden", ["dn.subtree", "dn.children"])
def test_who_may_not_read_identities_any_more_finds_nothing_gone(
    restricted: Restricted, renamed: str, hidden: str
) -> None:
    """An object that has another name now would be found by its identity only: not to find it proves nothing
    where others do not show theirs either.
    """
    container, destination = restricted(f'{hidden}="{SUFFIX}" attrs=entryUUID', "none")
    changes = team(container)
    attribute = renamed.partition("=")[0]
    container.admin.rename_s(f"{renamed},{SUFFIX}", f"{attribute}=other")
    looked = destination.look(enumerate(changes), renamed={})
    assert {outcome.result for outcome in looked} == {Result.UNCERTAIN}
    outcomes = directories.write(destination, changes, verify=range(len(changes)))
    assert {outcome.result for outcome in outcomes} == {Result.FAILED}
