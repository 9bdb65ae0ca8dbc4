"""Servers and networks that break in the middle of writing: everything is written exactly once, or
reported.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import ldap
import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.contract import Record
from directory_sync.errors import EndpointUnavailable
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.delay_proxy import DelayProxy
from tests.scenarios.directories import creation, deletion, person, update, write
from tests.scenarios.slapd import Slapd

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"


def work(count: int, container: str) -> list[Change]:
    """Changes of every kind, for objects that `prepare` creates: a quarter each of creations, renames, moves
    and deletions.
    """
    changes: list[Change] = [creation(f"ou=left,{container}", objectClass="organizationalUnit")]
    for n in range(count):
        old = f"uid=r{n},{container}"
        changes += [
            person(f"uid=c{n},{container}", mail=[f"{n}@x", f"{n}@y"]),
            update(
                old,
                {"uid": (f"r{n}", f"n{n}"), "mail": ("old@x", "new@x"), "title": ([], "T")},
                new_object=f"uid=n{n},{container}",
            ),
            Change(Action.MOVE, "m", f"uid=m{n},{container}", new_object=f"uid=m{n},ou=left,{container}"),
            deletion(Record(f"uid=d{n},{container}", {"mail": [b"old@x"]})),
        ]
    return changes


def prepare(count: int, container: str) -> str:
    """LDIF of what `work` changes."""
    return directories.ldif(
        *(
            (
                f"uid={kind}{n},{container}",
                {"objectClass": "inetOrgPerson", "uid": f"{kind}{n}", "cn": "c", "sn": "s", "mail": "old@x"},
            )
            for kind in "rmd"
            for n in range(count)
        )
    )


def with_identity(changes: list[Change], slapd: Slapd) -> list[Change]:
    """The changes with the identity that their objects have now, as a plan has it."""
    source = directories.source(directories.slapd_connection(slapd), SUFFIX)
    known = {dn: values["entryUUID"][0] for dn, values in directories.records(source, "entryUUID").items()}
    return [
        change._replace(identity=known.get(change.object)) if change.action is not Action.CREATE else change
        for change in changes
    ]


def assert_all_done(count: int, slapd: Slapd) -> None:
    """The directory holds exactly what `work` wants."""
    source = directories.source(directories.slapd_connection(slapd), SUFFIX, filter="(uid=*)")
    found = directories.records(source, "uid", "mail", "title")
    expected = {}
    for n in range(count):
        expected[f"uid=c{n},{PEOPLE}"] = {"uid": [b"c%d" % n], "mail": [b"%d@x" % n, b"%d@y" % n]}
        expected[f"uid=n{n},{PEOPLE}"] = {"uid": [b"n%d" % n], "mail": [b"new@x"], "title": [b"T"]}
        expected[f"uid=m{n},ou=left,{PEOPLE}"] = {"uid": [b"m%d" % n], "mail": [b"old@x"]}
    assert {dn: {k: sorted(v) for k, v in values.items()} for dn, values in found.items()} == expected


def prepared(new_slapd: Callable[..., Slapd], count: int, **arguments: object) -> Slapd:
    return new_slapd(SUFFIX, ldif=directories.tree(SUFFIX, "people") + prepare(count, PEOPLE), **arguments)


@pytest.mark.parametrize("kill_after", [1, 40, 150])
def test_killed_server(new_slapd: Callable[..., Slapd], kill_after: int) -> None:
    """slapd is killed while a window of operations is underway, and starts again: every change is carried out
    exactly once.
    """
    count = 100
    slapd = prepared(new_slapd, count)
    changes = with_identity(work(count, PEOPLE), slapd)
    endpoint = directories.destination(
        directories.slapd_connection(slapd), PEOPLE, reconnect_delays=(0.1, 0.2, 0.4, 0.8)
    )
    outcomes: list[Outcome] = []
    for outcome in endpoint.write(enumerate(changes), before_send=lambda: None):
        outcomes.append(outcome)
        if len(outcomes) == kill_after:
            slapd.kill()
            threading.Timer(0.15, slapd.start).start()
    assert [outcome for outcome in outcomes if outcome.result is not Result.DONE] == []
    assert sorted(outcome.sequence for outcome in outcomes) == list(range(len(changes)))
    assert_all_done(count, slapd)


@pytest.mark.parametrize("cut_after", [3_000, 20_000, 20_137])
def test_cut_connections(new_slapd: Callable[..., Slapd], cut_after: int) -> None:
    """A network that cuts every connection after some octets only slows things down."""
    count = 100
    slapd = prepared(new_slapd, count)
    changes = with_identity(work(count, PEOPLE), slapd)
    with DelayProxy(slapd.port, cut_after=cut_after) as proxy:
        endpoint = directories.destination(
            directories.slapd_connection(slapd, port=proxy.port), PEOPLE, reconnect_delays=(0.0,) * 4
        )
        outcomes = write(endpoint, changes)
        assert proxy.connections > 2
    assert [outcome for outcome in outcomes if outcome.result is not Result.DONE] == []
    assert_all_done(count, slapd)


def test_slow_network(new_slapd: Callable[..., Slapd]) -> None:
    """With a long way to the server operations do not wait for each other's answers."""
    slapd = new_slapd(SUFFIX)
    with DelayProxy(slapd.port, delay=0.04) as proxy:
        endpoint = directories.destination(directories.slapd_connection(slapd, port=proxy.port), PEOPLE)
        endpoint.check()
        began = time.monotonic()
        outcomes = write(endpoint, [person(f"uid=s{n},{PEOPLE}") for n in range(200)])
        took = time.monotonic() - began
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    # One after the other they would take 200 x 80 ms.
    assert took < 12


def test_hanging_server(new_slapd: Callable[..., Slapd]) -> None:
    """A server that hangs is taken for lost after the timeout; when it is back, what it had carried out is
    not done twice.
    """
    count = 20
    slapd = prepared(new_slapd, count)
    changes = with_identity(work(count, PEOPLE), slapd)
    endpoint = directories.destination(
        directories.slapd_connection(slapd, timeout=0.5), PEOPLE, reconnect_delays=(0.2, 0.5, 1.0, 1.0)
    )
    outcomes = []
    for outcome in endpoint.write(enumerate(changes), before_send=lambda: None):
        outcomes.append(outcome)
        if len(outcomes) == 5:
            slapd.suspend()
            threading.Timer(0.8, slapd.resume).start()
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert_all_done(count, slapd)


def test_server_that_stays_away(new_slapd: Callable[..., Slapd]) -> None:
    """After some attempts the writer gives up; a later run that verifies what was underway ends with
    everything written once.
    """
    count = 60
    slapd = prepared(new_slapd, count)
    changes = with_identity(work(count, PEOPLE), slapd)
    endpoint = directories.destination(
        directories.slapd_connection(slapd), PEOPLE, reconnect_delays=(0.01,) * 4
    )
    done: dict[int, Outcome] = {}
    with pytest.raises(EndpointUnavailable, match="gave up after 5 attempts to connect") as caught:
        for outcome in endpoint.write(enumerate(changes), before_send=lambda: None):
            done[outcome.sequence] = outcome
            if len(done) == 77:
                slapd.kill()
    assert caught.value.transient
    assert 77 <= len(done) < len(changes)
    slapd.start()
    rest = [(n, change) for n, change in enumerate(changes) if n not in done]
    for outcome in endpoint.write(rest, before_send=lambda: None, verify={n for n, _ in rest}):
        done[outcome.sequence] = outcome
    assert len(done) == len(changes)
    assert {outcome.result for outcome in done.values()} <= {Result.DONE, Result.FOUND_DONE}
    assert_all_done(count, slapd)


def test_half_done_rename(container: Container) -> None:
    """A rename whose second half is missing is recognised, by the name or by the identity, and completed."""
    endpoint = container.destination()
    dn = container.add("uid=fry", mail="old@x", cn="fry")
    change = update(
        dn,
        {"uid": ("fry", "philip"), "mail": ("old@x", "new@x"), "cn": ("fry", "Philip")},
        new_object=f"uid=philip,{container.dn}",
    )
    container.admin.rename_s(dn, "uid=philip", None)
    (outcome,) = write(endpoint, [change], verify=[0])
    assert outcome.result is Result.DONE
    assert container.values(change.final_object, "uid", "mail", "cn") == {
        "uid": [b"philip"],
        "mail": [b"new@x"],
        "cn": [b"Philip"],
    }
    (again,) = write(endpoint, [change], verify=[0])
    assert again.result is Result.FOUND_DONE


def test_half_done_creation(container: Container) -> None:
    """A creation whose late values are missing is recognised and completed."""
    endpoint = container.destination()
    change = person(f"uid=fry,{container.dn}")
    change = change._replace(
        fields=(*change.fields, FieldChange("manager", (), (container.dn.encode(),), late=True))
    )
    container.add("uid=fry")
    assert [outcome.result for outcome in write(endpoint, [change], verify=[0])] == [Result.DONE]
    assert container.values(change.object, "manager") == {"manager": [container.dn.encode()]}
    assert [outcome.result for outcome in write(endpoint, [change], verify=[0])] == [Result.FOUND_DONE]


def test_verifying_finds_conflicts(container: Container) -> None:
    """What is neither as before nor as wanted is a conflict, also when an earlier attempt may have written
    it.
    """
    endpoint = container.destination()
    dn = container.add("uid=fry", mail="other@x")
    changes = [
        update(dn, {"mail": ("old@x", "new@x")}),
        person(dn, mail="new@x"),
        deletion(Record(dn, {"mail": [b"old@x"]})),
        update(f"uid=gone,{container.dn}", {"mail": ("old@x", "new@x")}),
    ]
    for change in changes:
        (outcome,) = write(endpoint, [change], verify=[0])
        assert outcome.result is Result.CONFLICT
    assert container.values(dn, "mail") == {"mail": [b"other@x"]}


def test_change_that_breaks_every_connection(container: Container) -> None:
    """A change at which the connection breaks each time is reported, and the others are written."""
    big = person(f"uid=big,{container.dn}", jpegPhoto=b"x" * 30_000)
    with DelayProxy(container.slapd.port, cut_after=25_000) as proxy:
        connection = directories.slapd_connection(container.slapd, port=proxy.port)
        endpoint = directories.destination(connection, container.dn, reconnect_delays=(0.0,) * 4)
        outcomes = write(endpoint, [person(f"uid=a,{container.dn}"), big, person(f"uid=b,{container.dn}")])
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.FAILED, Result.DONE]
    assert "the connection broke each of the" in outcomes[1].message


def test_busy_server(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """`busy` is not final: the operation is sent again after a pause, a few times."""
    from directory_sync.endpoints.ldap import answers as module

    monkeypatch.setattr(module, "_BUSY_DELAYS", (0.01, 0.01))
    answers = iter([ldap.BUSY, ldap.UNAVAILABLE])
    receive = ldap.ldapobject.SimpleLDAPObject.result4

    def busy(self: object, *arguments: object, **more: object) -> object:
        kind, data, message, *rest = receive(self, *arguments, **more)
        if kind == ldap.RES_ADD and (answer := next(answers, None)) is not None:
            container.admin.delete_s(f"uid=fry,{container.dn}")
            raise answer({"msgid": message, "desc": "busy"})
        return kind, data, message, *rest

    monkeypatch.setattr(ldap.ldapobject.SimpleLDAPObject, "result4", busy)
    (outcome,) = write(container.destination(), [person(f"uid=fry,{container.dn}")])
    assert outcome.result is Result.DONE
    answers = iter([ldap.BUSY] * 3)
    (outcome,) = write(container.destination(), [person(f"uid=leela,{container.dn}")])
    # The third time is the last: deleted by the stand-in above under another name, so the entry itself is
    # there.
    assert outcome.result in (Result.FAILED, Result.FOUND_DONE)


def test_stopped_between_sends_is_resumed(container: Container) -> None:
    """A run that was stopped at any send and is repeated with everything to verify ends in the same state."""
    reference = [person(f"uid=p{n},{container.dn}", mail="1@x") for n in range(6)]
    changes = [
        *reference,
        *(update(c.object, {"mail": ("1@x", "2@x"), "title": ([], "t")}) for c in reference),
    ]

    class Stop(Exception):
        pass

    def stopping(at: int) -> Callable[[], None]:
        calls = iter(range(1000))

        def before_send() -> None:
            if next(calls) == at:
                raise Stop

        return before_send

    endpoint = container.destination()
    done: set[int] = set()
    for at in (0, 1, 3, 5, 2):
        with pytest.raises(Stop):
            rest: Iterator[tuple[int, Change]] = iter(
                [(n, c) for n, c in enumerate(changes) if n not in done]
            )
            for outcome in endpoint.write(rest, before_send=stopping(at), verify=set(range(len(changes)))):
                assert outcome.result in (Result.DONE, Result.FOUND_DONE), outcome
                done.add(outcome.sequence)
    last = endpoint.write([(n, c) for n, c in enumerate(changes) if n not in done], before_send=lambda: None)
    assert {outcome.result for outcome in last} <= {Result.DONE, Result.FOUND_DONE}
    found = directories.records(container.source(filter="(uid=*)"), "mail", "title")
    assert found == {c.object: {"mail": [b"2@x"], "title": [b"t"]} for c in reference}
