"""A change goes out only if its object is as it was seen: how that is found out, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable

import ldap
import pytest
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.ldap import answers, send, write
from directory_sync.endpoints.ldap.destination import LdapDestination
from tests.endpoints.conftest import Container
from tests.scenarios import directories
from tests.scenarios.delay_proxy import DelayProxy
from tests.scenarios.directories import deletion, person, update, write_one
from tests.scenarios.slapd import Database, Slapd

SUFFIX = "dc=example,dc=org"
PEOPLE = f"ou=people,{SUFFIX}"


def carried_out(
    endpoint: LdapDestination, changes: list[Change], before_send: Callable[[], None] = lambda: None
) -> list[Outcome]:
    outcomes = endpoint.write(enumerate(changes), before_send=before_send)
    return sorted(outcomes, key=lambda outcome: outcome.sequence)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The filters of all searches that are sent from now on."""
    sent: list[str] = []
    real = SimpleLDAPObject.search_ext

    def search(
        self: SimpleLDAPObject, base: str, scope: int, filterstr: str = "", *rest: object, **more: object
    ) -> int:
        sent.append(filterstr)
        return int(real(self, base, scope, filterstr, *rest, **more))

    monkeypatch.setattr(SimpleLDAPObject, "search_ext", search)
    return sent


def test_no_assertion_control_unless_the_connection_says_so(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenLDAP hands the control on to what its overlays do by themselves, so it is sent only where somebody
    asks for it.
    """
    asserted: list[str] = []
    control = send.AssertionControl

    def asserting(critical: bool, filter: str) -> object:
        asserted.append(filter)
        return control(critical, filter)

    monkeypatch.setattr(send, "AssertionControl", asserting)
    dn = container.add("uid=fry", title="Boy")
    assert (
        write_one(
            container.destination(), update(dn, {"title": ("Boy", "Captain"), "mail": ([], "a@x")})
        ).result
        is Result.DONE
    )
    assert asserted == []
    connection = directories.slapd_connection(container.slapd, assertion_control=True)
    endpoint = directories.destination(connection, container.dn)
    assert (
        write_one(endpoint, update(dn, {"title": ("Captain", "Boy"), "street": ([], "x")})).result
        is Result.DONE
    )
    assert asserted == ["(!(street=*))"]
    assert write_one(endpoint, deletion(Record(dn, {"title": [b"Captain"]}))).result is Result.CONFLICT


def test_one_search_looks_at_many_objects(container: Container, searches: list[str]) -> None:
    """Where the server finds identities quickly, 32 objects are looked at by one search, and the reasons are
    told as for one.
    """
    names = [container.add(f"uid=u{n}", title="Clerk") for n in range(320)]
    found = directories.records(container.source(filter="(uid=*)"), "entryUUID")
    changes = [update(dn, {"title": ("Clerk", "Head")}, identity=found[dn]["entryUUID"][0]) for dn in names]
    container.admin.delete_s(names[3])
    container.admin.rename_s(names[100], "uid=elsewhere")
    container.admin.modify_s(names[200], [(ldap.MOD_REPLACE, "title", b"Boss")])
    container.admin.delete_s(names[300])
    container.add("uid=u300", title="Clerk")
    searches.clear()
    outcomes = carried_out(container.destination(), changes)
    bad = {outcome.sequence: outcome for outcome in outcomes if outcome.result is not Result.DONE}
    assert {number: outcome.result for number, outcome in bad.items()} == dict.fromkeys(
        (3, 100, 200, 300), Result.CONFLICT
    )
    assert "does not exist any more" in bad[3].message
    assert f"it is now uid=elsewhere,{container.dn}" in bad[100].message
    assert "title is not as it was" in bad[200].message
    assert "another object has this name" in bad[300].message
    assert len(searches) < 100


def test_where_that_is_slow_each_object_is_looked_at_alone(
    new_slapd: Callable[..., Slapd], searches: list[str]
) -> None:
    """Without an index of identities a search for several objects reads the whole directory, so it is tried
    and given up.
    """
    count = 20_000
    people = "".join(
        f"dn: uid=u{n},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: u\nsn: s\ntitle: Clerk\n\n"
        for n in range(count)
    )
    slapd = new_slapd(SUFFIX, ldif=directories.tree(SUFFIX, "people"))
    slapd.stop()
    configuration = slapd.folder / "slapd.conf"
    configuration.write_text(
        configuration.read_text().replace("index objectClass,entryUUID,entryCSN eq", "index objectClass eq")
    )
    slapd.load(people)
    slapd.start()
    endpoint = directories.destination(directories.slapd_connection(slapd), PEOPLE)
    found = directories.records(endpoint, "entryUUID")
    changes = [
        update(dn, {"title": ("Clerk", "Head")}, identity=values["entryUUID"][0])
        for dn, values in found.items()
        if dn.startswith("uid=u1")
    ][:400]
    searches.clear()
    outcomes = carried_out(endpoint, changes)
    assert {outcome.result for outcome in outcomes} == {Result.DONE}
    assert sum("entryUUID" in each for each in searches) <= 3


def test_a_look_does_not_count_for_long(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """If sending is held up, the objects are looked at again before their changes go out."""
    # Longer than a busy machine holds up the first look, and shorter than what holds up the second.
    monkeypatch.setattr(write, "FRESH", 1.0)
    first, second = container.add("uid=first"), container.add("uid=second", title="Clerk")
    held_up = iter([True])

    def before_send() -> None:
        if next(held_up, False):
            container.admin.modify_s(second, [(ldap.MOD_REPLACE, "title", b"Boss")])
            time.sleep(1.2)

    changes = [deletion(Record(first, {"sn": [b"first"]})), deletion(Record(second, {"title": [b"Clerk"]}))]
    outcomes = carried_out(container.destination(), changes, before_send)
    assert [outcome.result for outcome in outcomes] == [Result.DONE, Result.CONFLICT]
    assert "title is not as it was" in outcomes[1].message


def test_a_single_value_that_came_between_look_and_write(container: Container) -> None:
    """The server refuses a second value, which proves that there is one now: a conflict, no failure."""
    dn = container.add("uid=fry")

    def before_send() -> None:
        container.admin.modify_s(dn, [(ldap.MOD_REPLACE, "preferredLanguage", b"en")])

    (outcome,) = carried_out(
        container.destination(), [update(dn, {"preferredLanguage": ([], "de")})], before_send
    )
    assert (outcome.result, "preferredLanguage is not as it was" in outcome.message) == (
        Result.CONFLICT,
        True,
    ), outcome


# -- references that the server changes along ----------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.DELETE, Action.MOVE])
def test_what_cannot_be_asserted_is_looked_at(container: Container, action: Action) -> None:
    """The value that was seen is too long for a filter, and somebody has changed it since."""
    ann = container.add("uid=ann", description="new " * 1000)
    connection = directories.slapd_connection(container.slapd, assertion_control=True)
    fields = (FieldChange("description", (b"old " * 1000,), ()),)
    new = f"uid=eve,{container.dn}" if action is Action.MOVE else None
    outcome = directories.write_one(
        directories.destination(connection, container.dn), Change(action, ann, ann, new, fields=fields)
    )
    assert outcome.result is Result.CONFLICT
    assert container.values(ann)


@pytest.fixture
def staff(container: Container) -> tuple[str, str, str]:
    """Somebody, a superior, and another one."""
    boss, other = container.add("uid=boss"), container.add("uid=other")
    return container.add("uid=fry", manager=boss), boss, other


def test_a_reference_that_went_with_its_object(container: Container, staff: tuple[str, str, str]) -> None:
    """A server takes away values that name a deleted object: that is no conflict, for a change of the value
    or a deletion.
    """
    fry, boss, other = staff
    leela = container.add("uid=leela", manager=boss)
    container.admin.delete_s(boss)
    for dn in (fry, leela):
        container.admin.modify_s(dn, [(ldap.MOD_DELETE, "manager", None)])
    changes = [update(fry, {"manager": (boss, other)}), deletion(Record(leela, {"manager": [boss.encode()]}))]
    assert [outcome.result for outcome in carried_out(container.destination(), changes)] == [Result.DONE] * 2
    assert container.values(fry, "manager") == {"manager": [other.encode()]}


def test_a_reference_that_somebody_took_away(container: Container, staff: tuple[str, str, str]) -> None:
    """If the object that a value named is still there, somebody else has changed the value: that is a
    conflict.
    """
    fry, boss, other = staff
    container.admin.modify_s(fry, [(ldap.MOD_DELETE, "manager", None)])
    for change in (
        update(fry, {"manager": (boss, other)}),
        deletion(Record(fry, {"manager": [boss.encode()]})),
    ):
        outcome = write_one(container.destination(), change)
        assert (outcome.result, "manager is not as it was" in outcome.message) == (Result.CONFLICT, True), (
            outcome
        )


def test_a_reference_that_follows_a_rename(new_slapd: Callable[..., Slapd]) -> None:
    """Whatever the server lets follow and when: who is renamed together with a superior names that one
    rightly in the end.
    """
    for overlays in ({}, {"refint": ["refint_attributes manager member"]}):
        slapd = new_slapd(Database(SUFFIX, overlays=overlays))
        endpoint = directories.destination(directories.slapd_connection(slapd), PEOPLE)
        boss, new_boss = f"uid=boss,{PEOPLE}", f"uid=chief,{PEOPLE}"
        staff = [f"uid=u{n},{PEOPLE}" for n in range(100)]
        setting_up = [person(boss), *(person(dn, manager=boss) for dn in staff)]
        assert {outcome.result for outcome in carried_out(endpoint, setting_up)} == {Result.DONE}
        follows = FieldChange("manager", (boss.encode(),), (new_boss.encode(),), late=True, partial=True)
        changes = [update(boss, {"uid": ("boss", "chief")}, new_object=new_boss)]
        for number, dn in enumerate(staff):
            change = update(dn, {"uid": (f"u{number}", f"n{number}")}, new_object=f"uid=n{number},{PEOPLE}")
            changes.append(change._replace(fields=(*change.fields, follows)))
        assert {outcome.result for outcome in carried_out(endpoint, changes)} == {Result.DONE}
        found = directories.records(endpoint, "manager")
        assert {found[f"uid=n{n},{PEOPLE}"]["manager"][0] for n in range(100)} == {new_boss.encode()}


def test_a_reference_does_not_follow_where_the_rename_failed(
    container: Container, staff: tuple[str, str, str]
) -> None:
    """A superior who could not get the new name is still meant by the old one."""
    fry, boss, _ = staff
    container.add("uid=chief")
    new_boss, new = f"uid=chief,{container.dn}", f"uid=philip,{container.dn}"
    container.admin.delete_s(new_boss)
    follows = FieldChange("manager", (boss.encode(),), (new_boss.encode(),), late=True, partial=True)
    renamed = update(
        boss,
        {"uid": ("boss", "chief"), "c": ([], "Earth")},
        new_object=f"uid=chief,ou=nowhere,{container.dn}",
    )
    change = update(fry, {"uid": ("fry", "philip")}, new_object=new)
    outcomes = carried_out(
        container.destination(), [renamed, change._replace(fields=(*change.fields, follows))]
    )
    assert [outcome.result for outcome in outcomes] == [Result.FAILED, Result.DONE]
    assert container.values(new, "manager") == {"manager": [boss.encode()]}


def test_members_are_judged_one_by_one(container: Container) -> None:
    """A member who is gone already, or there already, is what the change wants; the others are written."""
    fry, leela, bender = (container.add(f"uid={name}") for name in ("fry", "leela", "bender"))
    group = container.add("cn=crew", objectClass="groupOfNames", cn="crew", member=[leela, bender])
    fields = (
        FieldChange(
            "member", (fry.encode(), leela.encode()), (bender.encode(), container.dn.encode()), partial=True
        ),
    )
    assert (
        write_one(container.destination(), Change(Action.UPDATE, "crew", group, fields=fields)).result
        is Result.DONE
    )
    assert sorted(container.values(group, "member")["member"]) == sorted(
        [bender.encode(), container.dn.encode()]
    )
    again = write_one(container.destination(), Change(Action.UPDATE, "crew", group, fields=fields))
    assert again.result is Result.FOUND_DONE


# -- values that only one object may have --------------------------------------------------------------------


@pytest.fixture
def unique(new_slapd: Callable[..., Slapd]) -> LdapDestination:
    """A directory that allows a mail address and a uid once."""
    slapd = new_slapd(Database(SUFFIX, overlays={"unique": ["unique_uri ldap:///?mail,uid?sub"]}))
    return directories.destination(directories.slapd_connection(slapd), PEOPLE)


def test_the_refusal_says_who_has_the_value(unique: LdapDestination) -> None:
    """A value that another object has: the message names that object and the attribute, for every kind of
    write.
    """
    holder = f"uid=holder,{PEOPLE}"
    assert write_one(unique, person(holder, uid="holder", mail="desk@x")).result is Result.DONE
    other = f"uid=other,{PEOPLE}"
    assert write_one(unique, person(other, uid="other")).result is Result.DONE
    refused = [
        (person(f"uid=new,{PEOPLE}", mail="desk@x"), "mail"),
        (update(other, {"mail": ([], "desk@x")}), "mail"),
        (update(other, {"uid": ("other", "holder")}, new_object=f"uid=holder,ou=groups,{SUFFIX}"), "uid"),
    ]
    for change, attribute in refused:
        outcome = write_one(unique, change)
        assert outcome.result is Result.FAILED
        assert (
            f"{holder} has the same {attribute}, and the directory lets only one object have it"
            in outcome.message
        )
        assert "desk@x" not in outcome.message


def test_the_refusal_does_not_say_the_value(unique: LdapDestination, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody is asked who has it: the server's own text may hold it."""
    monkeypatch.setattr(answers, "_HOLDERS_AT_MOST", 0)
    assert write_one(unique, person(f"uid=holder,{PEOPLE}", mail="s3cret@x")).result is Result.DONE
    outcome = write_one(unique, person(f"uid=other,{PEOPLE}", mail="s3cret@x"))
    assert outcome.result is Result.FAILED
    assert (
        "mail or uid: another object has this value, and the directory lets only one have" in outcome.message
    )
    assert "s3cret" not in outcome.message


def test_a_value_that_is_freed_later_is_waited_for(unique: LdapDestination) -> None:
    """In whatever order changes come: one that is refused for a value is tried again after the others."""
    names = [f"uid=u{n},{PEOPLE}" for n in range(30)]
    assert {
        o.result for o in carried_out(unique, [person(dn, mail=f"{n}@x") for n, dn in enumerate(names)])
    } == {Result.DONE}
    changes = [person(f"uid=n{n},{PEOPLE}", mail=f"{n}@x") for n in range(30)]
    changes += [deletion(Record(dn, {"mail": [b"%d@x" % n]})) for n, dn in enumerate(names)]
    assert {outcome.result for outcome in carried_out(unique, changes)} == {Result.DONE}
    assert sorted(directories.records(unique)) == sorted(
        [PEOPLE, *(change.object for change in changes[:30])]
    )


def test_a_server_that_answers_slowly_is_written_to(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where each answer takes longer than a look counts, no look would ever be fresh enough."""
    monkeypatch.setattr(write, "FRESH", 0.1)
    first = container.add("uid=first")
    with DelayProxy(container.slapd.port, delay=0.15) as proxy:
        connection = directories.slapd_connection(container.slapd, port=proxy.port)
        outcome = directories.write_one(
            directories.destination(connection, container.dn), deletion(Record(first, {"sn": [b"first"]}))
        )
    assert outcome.result is Result.DONE, outcome
