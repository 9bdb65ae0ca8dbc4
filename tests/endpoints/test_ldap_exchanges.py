"""Objects that exchange names and values, on real servers: by way of a temporary name, whatever comes
between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import ldap
import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.errors import LeaseLost
from tests.endpoints.conftest import Container
from tests.scenarios import directories
from tests.scenarios.directories import creation, person, update, write
from tests.scenarios.slapd import Database, Slapd

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"


def results(outcomes: list[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


def rotation(endpoint: LdapDestination, names: list[str], **more: tuple[str, str]) -> list[Change]:
    """Each object gets the name of the next one, the last one that of the first, as a plan has it; and all
    another title.
    """
    found = directories.records(endpoint, "entryUUID")
    changes = []
    for number, dn in enumerate(names):
        then = names[(number + 1) % len(names)]
        old, new = dn.partition(",")[0].partition("=")[2], then.partition(",")[0].partition("=")[2]
        identity = found[dn]["entryUUID"][0]
        change = update(
            dn, {"uid": (old, new), "title": (old, "moved"), **more}, new_object=then, identity=identity
        )
        changes.append(change)
    via = endpoint.names.temporary(names[0], found[names[0]]["entryUUID"][0], 0)
    # The order of a plan: the one that gets out of the way, then each that takes a name that has become free.
    return [changes[0]._replace(via=via), *reversed(changes[1:])]


def people(container: Container, count: int) -> list[str]:
    """Objects that know by their `cn` who they are."""
    return [container.add(f"uid=p{n}", cn=f"person {n}", title=f"p{n}") for n in range(count)]


def assert_rotated(container: Container, count: int) -> None:
    for n in range(count):
        found = container.values(f"uid=p{(n + 1) % count},{container.dn}", "cn", "uid", "title")
        assert found == {
            "cn": [f"person {n}".encode()],
            "uid": [f"p{(n + 1) % count}".encode()],
            "title": [b"moved"],
        }
    assert len(directories.records(container.source(filter="(uid=*)"))) == count


@pytest.mark.parametrize("count", [2, 3, 7, 400])
def test_names_go_round(container: Container, count: int) -> None:
    """Whatever the number: all have their new names and values in the end, and no temporary name is left."""
    names = people(container, count)
    outcomes = write(container.destination(), rotation(container.destination(), names))
    assert results(outcomes) == [Result.DONE] * count
    assert_rotated(container, count)


def test_a_temporary_name_fits_its_attribute(container: Container) -> None:
    """It is made of the identity, always the same, in the same container, and of the form that the attribute
    demands.
    """
    endpoint = container.destination()
    identity = b"0e0e0e0e-0000-1000-8000-000000000000"
    one = endpoint.names.temporary(f"cn=A\\, B+uid=ab,{container.dn}", identity, 0)
    assert one is not None
    assert one == endpoint.names.temporary(f"cn=Other+uid=ab,{container.dn}", identity, 0)
    assert one != endpoint.names.temporary(f"cn=A\\, B+uid=ab,{container.dn}", identity, 1)
    assert one.startswith("cn=exchange-")
    assert one.endswith(f"+uid=ab,{container.dn}")
    number = endpoint.names.temporary(f"uidNumber=7,{container.dn}", identity, 0)
    assert number is not None
    assert number.partition(",")[0].removeprefix("uidNumber=").isdecimal()


def test_containers_exchange_their_names(container: Container) -> None:
    """What is in them goes with them, is changed under the old name, and what is new comes to where the new
    name leads.
    """
    units = [
        container.add(f"ou=u{n}", objectClass="organizationalUnit", description=f"unit {n}") for n in range(2)
    ]
    for n, unit in enumerate(units):
        container.admin.add_s(
            f"uid=in{n},{unit}", [("objectClass", b"inetOrgPerson"), ("cn", b"c"), ("sn", b"s")]
        )
    endpoint = container.destination()
    found = directories.records(endpoint, "entryUUID")

    def renamed(n: int) -> Change:
        fields = {"ou": (f"u{n}", f"u{1 - n}")}
        return update(units[n], fields, new_object=units[1 - n], identity=found[units[n]]["entryUUID"][0])

    via = endpoint.names.temporary(units[0], found[units[0]]["entryUUID"][0], 0)
    changes = [
        update(f"uid=in0,{units[0]}", {"title": ([], "changed")}),
        renamed(0)._replace(via=via),
        renamed(1),
        person(f"uid=new,{units[1]}"),
    ]
    assert results(write(endpoint, changes)) == [Result.DONE] * 4
    listed = directories.records(container.source(filter="(|(uid=*)(ou=u*))"), "description", "title")
    assert listed == {
        units[1]: {"description": [b"unit 0"]},
        f"uid=in0,{units[1]}": {"title": [b"changed"]},
        f"uid=new,{units[1]}": {},
        units[0]: {"description": [b"unit 1"]},
        f"uid=in1,{units[0]}": {},
    }


def test_who_cannot_have_the_new_name_gets_the_old_one_back(container: Container) -> None:
    """One of two has changed meanwhile and keeps its name: the other one must not be left with the temporary
    name.
    """
    names = people(container, 2)
    endpoint = container.destination()
    changes = rotation(endpoint, names)
    container.admin.modify_s(names[1], [(ldap.MOD_REPLACE, "title", b"Boss")])
    group = creation(
        f"cn=g,{container.dn}", objectClass="groupOfNames", cn="g", member=names[1], after=[names[1]]
    )
    outcomes = write(endpoint, [*changes, group])
    assert results(outcomes) == [Result.FAILED, Result.CONFLICT, Result.FAILED]
    assert "an object of this name exists already" in outcomes[0].message
    assert "It has its old name again" in outcomes[0].message
    assert "which it needs, could not be written" in outcomes[2].message
    for n, dn in enumerate(names):
        assert container.values(dn, "cn", "uid") == {
            "cn": [f"person {n}".encode()],
            "uid": [f"p{n}".encode()],
        }
    assert len(directories.records(container.source(filter="(uid=*)"))) == 2


def test_who_can_have_neither_name_says_so(container: Container) -> None:
    """Of three, one keeps its name: the one that got out of the way stays under the temporary name, and the
    message tells it.
    """
    names = people(container, 3)
    endpoint = container.destination()
    changes = rotation(endpoint, names)
    container.admin.modify_s(names[1], [(ldap.MOD_REPLACE, "title", b"Boss")])
    outcomes = write(endpoint, changes)
    assert results(outcomes) == [Result.FAILED, Result.DONE, Result.CONFLICT]
    assert f"so it is called {changes[0].via} now. Run the job again" in outcomes[0].message
    assert container.values(changes[0].via or "", "cn") == {"cn": [b"person 0"]}
    # The next run, whose plan begins with that name, puts it right.
    container.admin.modify_s(names[1], [(ldap.MOD_REPLACE, "title", b"p1")])
    uid = (changes[0].via or "").partition(",")[0].removeprefix("uid=")
    again = [
        update(names[1], {"uid": ("p1", "p2"), "title": ("p1", "moved")}, new_object=names[2]),
        update(changes[0].via or "", {"uid": (uid, "p1"), "title": ("p0", "moved")}, new_object=names[1]),
    ]
    assert results(write(endpoint, again)) == [Result.DONE] * 2
    assert_rotated(container, 3)


def test_a_temporary_name_that_somebody_has_taken(container: Container) -> None:
    """Then nothing is exchanged, and everybody keeps the name."""
    names = people(container, 2)
    endpoint = container.destination()
    changes = rotation(endpoint, names)
    container.add((changes[0].via or "").partition(",")[0], cn="stranger")
    outcomes = write(endpoint, changes)
    assert results(outcomes) == [Result.CONFLICT, Result.CONFLICT]
    for n, dn in enumerate(names):
        assert container.values(dn, "cn") == {"cn": [f"person {n}".encode()]}


class Stop(LeaseLost):
    """Ends a pass before a send."""


def stopping(at: int) -> Callable[[], None]:
    calls = iter(range(10_000))

    def before_send() -> None:
        if next(calls) == at:
            raise Stop("stopped")

    return before_send


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("recorded", [True, False])
def test_an_exchange_that_was_interrupted_goes_on(
    container: Container, count: int, *, recorded: bool
) -> None:
    """Stopped before any of its sends, and taken up with or without recorded outcomes: it ends as if nothing
    had happened.
    """
    for stop_at in range(2 * count + 1):
        directories.delete_below(container.admin, container.dn, top=False)
        names = people(container, count)
        endpoint = container.destination()
        changes = rotation(endpoint, names)
        done: dict[int, Outcome] = {}
        with pytest.raises(Stop):
            for outcome in endpoint.write(enumerate(changes), before_send=stopping(stop_at)):
                done[outcome.sequence] = outcome
        rest = [(n, change) for n, change in enumerate(changes) if not (recorded and n in done)]
        for outcome in endpoint.write(rest, before_send=lambda: None, verify=range(count)):
            done[outcome.sequence] = outcome
        assert {outcome.result for outcome in done.values()} <= {Result.DONE, Result.FOUND_DONE}, (
            stop_at,
            done,
        )
        assert len(done) == count
        assert_rotated(container, count)


def test_a_server_that_is_killed_in_the_middle(new_slapd: Callable[..., Slapd]) -> None:
    """Many circles at once, and slapd is killed among them: every object ends with its own name."""
    slapd = new_slapd(SUFFIX, ldif=directories.tree(SUFFIX, "people"))
    session = directories.administrator(slapd)
    container = Container(PEOPLE, slapd, session)
    circles = []
    for circle in range(40):
        names = [
            container.add(f"uid=c{circle}-{n}", cn=f"{circle} {n}", title=f"c{circle}-{n}") for n in range(3)
        ]
        circles.append(names)
    endpoint = directories.destination(directories.slapd_connection(slapd), PEOPLE)
    changes = [change for names in circles for change in rotation(endpoint, names)]
    told = []
    for outcome in endpoint.write(enumerate(changes), before_send=lambda: None):
        told.append(outcome)
        if len(told) == 20:
            slapd.kill()
            threading.Timer(0.15, slapd.start).start()
    assert {outcome.result for outcome in told} == {Result.DONE}
    found = directories.records(
        directories.source(directories.slapd_connection(slapd), PEOPLE, filter="(uid=*)"), "cn", "title"
    )
    for circle, names in enumerate(circles):
        for n in range(3):
            assert found.pop(names[(n + 1) % 3]) == {"cn": [f"{circle} {n}".encode()], "title": [b"moved"]}
    assert found == {}


@pytest.fixture
def referring(new_slapd: Callable[..., Slapd]) -> Iterator[tuple[Container, str]]:
    """A directory that lets references follow, with a group."""
    overlays = {"refint": ["refint_attributes member manager"], "memberof": []}
    slapd = new_slapd(Database(SUFFIX, overlays=overlays))
    container = Container(PEOPLE, slapd, directories.administrator(slapd))
    people(container, 4)
    group = f"cn=g,ou=groups,{SUFFIX}"
    members = [f"uid=p{n},{PEOPLE}".encode() for n in (0, 3)]
    container.admin.add_s(group, [("objectClass", b"groupOfNames"), ("cn", b"g"), ("member", members)])
    container.admin.modify_s(f"uid=p2,{PEOPLE}", [(ldap.MOD_ADD, "manager", f"uid=p0,{PEOPLE}".encode())])
    yield container, group
    container.admin.unbind_s()


def test_references_follow_an_exchange(referring: tuple[Container, str]) -> None:
    """Members and `manager` mean the same people afterwards, also one that the same plan adds."""
    container, group = referring
    names = [f"uid=p{n},{PEOPLE}" for n in range(2)]
    endpoint = container.destination()
    added = FieldChange("member", (f"uid=p3,{PEOPLE}".encode(),), (names[0].encode(),), partial=True)
    to_group = Change(Action.UPDATE, "g", group, fields=(added,), after=(names[0],))
    assert results(write(endpoint, [*rotation(endpoint, names), to_group])) == [Result.DONE] * 3
    # Person 0 is p1 now, person 1 is p0.
    deadline = threading.Event()
    for _ in range(50):
        members = sorted(container.values(group, "member")["member"])
        manager = container.values(f"uid=p2,{PEOPLE}", "manager")["manager"]
        if members == sorted(name.encode() for name in names) and manager == [names[1].encode()]:
            break
        deadline.wait(0.02)
    assert members == sorted(name.encode() for name in names)
    assert manager == [names[1].encode()]
    for name in names:
        assert container.values(name, "memberOf") == {"memberOf": [group.encode()]}


def test_addresses_are_exchanged(new_slapd: Callable[..., Slapd]) -> None:
    """The server allows each address once: one is given up first, the other taken in the end; a stop in
    between is harmless.
    """
    slapd = new_slapd(Database(SUFFIX, overlays={"unique": ["unique_uri ldap:///?mail?sub"]}))
    container = Container(PEOPLE, slapd, directories.administrator(slapd))
    endpoint = container.destination()
    one, two = (f"uid={name},{PEOPLE}" for name in ("one", "two"))
    for stop_at in range(4):
        directories.delete_below(container.admin, PEOPLE, top=False)
        container.add("uid=one", mail="one@x")
        container.add("uid=two", mail="two@x")
        changes = [
            Change(
                Action.UPDATE,
                "one",
                one,
                fields=(
                    FieldChange("mail", (b"one@x",), ()),
                    FieldChange("mail", (), (b"two@x",), late=True, partial=True),
                ),
            ),
            update(two, {"mail": ("two@x", "one@x")}, after=(one,)),
        ]
        if stop_at < 3:
            with pytest.raises(Stop):
                list(endpoint.write(enumerate(changes), before_send=stopping(stop_at)))
        outcomes = write(endpoint, changes, verify=[0, 1])
        assert {outcome.result for outcome in outcomes} <= {Result.DONE, Result.FOUND_DONE}, (
            stop_at,
            outcomes,
        )
        assert container.values(one, "mail") == {"mail": [b"two@x"]}
        assert container.values(two, "mail") == {"mail": [b"one@x"]}
