"""Writing to a real slapd: what a change becomes, what is held back, what is refused, and what users are
told.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import ldap
import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.ldap import ldif
from directory_sync.errors import LeaseLost
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.directories import creation, deletion, person, update, write, write_one

SUFFIX = "dc=example,dc=org"


def results(outcomes: list[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


# -- what a change becomes -----------------------------------------------------------------------------------


def test_life_of_an_object(container: Container) -> None:
    """Create, update, rename, move, delete: each does what it says, and the object stays the same one."""
    endpoint = container.destination()
    dn = f"uid=fry,{container.dn}"
    unit = container.add("ou=unit", objectClass="organizationalUnit")
    assert write_one(endpoint, person(dn, mail=["a@x", "b@x"], jpegPhoto=b"\xff\xd8")).result is Result.DONE
    before = container.record(dn, "mail", "uid", "cn")
    identity = before.values["entryUUID"][0]
    change = update(dn, {"mail": (["a@x", "b@x"], ["b@x", "c@x"]), "title": ([], "Boy")}, identity=identity)
    assert write_one(endpoint, change).result is Result.DONE
    renamed, moved = f"uid=philip,{container.dn}", f"uid=philip,{unit}"
    change = update(
        dn, {"uid": ("fry", "philip"), "cn": ("fry", "Philip")}, identity=identity, new_object=renamed
    )
    assert write_one(endpoint, change).result is Result.DONE
    assert (
        write_one(endpoint, Change(Action.MOVE, "p", renamed, new_object=moved, identity=identity)).result
        is Result.DONE
    )
    after = container.record(moved, "mail", "uid", "cn", "title")
    assert {name: sorted(values) for name, values in after.values.items()} == {
        "mail": [b"b@x", b"c@x"],
        "uid": [b"philip"],
        "cn": [b"Philip"],
        "title": [b"Boy"],
        "entryUUID": [identity],
    }
    assert write_one(endpoint, deletion(after, identity=identity)).result is Result.DONE
    assert directories.records(container.source(filter="(uid=*)")) == {}


def test_multi_valued_naming_attribute(container: Container) -> None:
    """A rename takes away and adds only the naming values; what else the attribute holds changes value by
    value.
    """
    dn = container.add("cn=One", cn=["One", "Two", "Three"], sn="s")
    new = f"cn=Four,{container.dn}"
    change = update(dn, {"cn": (["One", "Two", "Three"], ["Four", "Two", "Five"])}, new_object=new)
    assert write_one(container.destination(), change).result is Result.DONE
    assert sorted(container.values(new, "cn")["cn"]) == [b"Five", b"Four", b"Two"]


def test_several_values_in_the_rdn(container: Container) -> None:
    """An RDN of several attributes is renamed as a whole."""
    dn = container.add("cn=Fry+uid=fry", cn="Fry", uid="fry", sn="s")
    endpoint = container.destination()
    new = endpoint.names.renamed(dn, {"uid": [b"philip"], "sn": [b"x"]})
    assert new == f"cn=Fry+uid=philip,{container.dn}"
    assert write_one(endpoint, update(dn, {"uid": ("fry", "philip")}, new_object=new)).result is Result.DONE
    assert container.values(new, "cn", "uid") == {"cn": [b"Fry"], "uid": [b"philip"]}


@pytest.mark.parametrize(
    "name",
    [
        "a,b",
        "a+b",
        'say "hi"',
        "back\\slash",
        "#sharp",
        " leading",
        "trailing ",
        "<x>;y",
        "Köln 柴",
        "a=b",
        "a  b",
        "nul\x00",
        "line\nbreak",
    ],
)
def test_names_with_special_characters(container: Container, name: str) -> None:
    """Whatever a name consists of, the object can be created, found under its DN, renamed and deleted."""
    endpoint = container.destination()
    dn = endpoint.names.new("cn", {"CN": [name.encode()]}, container.dn)
    assert write_one(endpoint, creation(dn, cn=name, sn="s")).result is Result.DONE
    (found,) = [r for batch in container.source(filter="(sn=s)").read(["cn", "sn"]) for r in batch]
    assert endpoint.names.normalise(found.id) == endpoint.names.normalise(dn)
    assert endpoint.names.renamed(found.id, {"cn": [name.encode()]}) == found.id
    new = endpoint.names.renamed(found.id, {"cn": [f"{name}!".encode()]})
    assert (
        write_one(endpoint, update(found.id, {"cn": (name, f"{name}!")}, new_object=new)).result
        is Result.DONE
    )
    assert (
        write_one(endpoint, deletion(Record(new, {"cn": [f"{name}!".encode()], "sn": [b"s"]}))).result
        is Result.DONE
    )


def test_no_equality_rule(container: Container) -> None:
    """Values that cannot be told apart are replaced, but only if they are still those that were seen."""
    endpoint = container.destination()
    dn = container.add("uid=fry", jpegPhoto=b"old")
    rule = endpoint.rule("jpegPhoto")
    assert rule is not None
    assert not rule.equality
    change = Change(
        Action.UPDATE, "fry", dn, fields=(FieldChange("jpegPhoto", (b"old",), (b"new",), replace=True),)
    )
    assert write_one(endpoint, change).result is Result.DONE
    assert container.values(dn, "jpegPhoto") == {"jpegPhoto": [b"new"]}
    late = Change(
        Action.UPDATE, "fry", dn, fields=(FieldChange("jpegPhoto", (b"old",), (b"newer",), replace=True),)
    )
    outcome = write_one(endpoint, late)
    assert outcome.result is Result.CONFLICT
    assert "jpegPhoto is not as it was" in outcome.message
    assert container.values(dn, "jpegPhoto") == {"jpegPhoto": [b"new"]}


def test_certificates(container: Container, authority: object) -> None:
    """Certificates have an equality rule, but no filter can ask for one; they are written all the same."""
    der = ldap_certificate(authority)
    endpoint = container.destination()
    dn = container.add("uid=fry")
    assert (
        write_one(endpoint, update(dn, {"userCertificate;binary": ([], der), "title": ([], "x")})).result
        is Result.DONE
    )
    assert directories.records(container.source(filter="(uid=fry)"), "userCertificate")[dn] == {
        "userCertificate": [der]
    }
    assert (
        write_one(endpoint, update(dn, {"userCertificate;binary": (der, []), "title": ("x", "y")})).result
        is Result.DONE
    )
    assert container.values(dn, "userCertificate", "title") == {"title": [b"y"]}


def ldap_certificate(authority: object) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(authority.ca.read_text())  # type: ignore[attr-defined]


def test_password_is_written_and_never_shown(container: Container) -> None:
    """A password is replaced without regard to the old one, and appears in no LDIF and no message."""
    endpoint = container.destination()
    dn = f"uid=fry,{container.dn}"
    secret = "Panucci's Pizza"
    change = person(dn, userPassword=secret)
    assert secret not in endpoint.render(change)
    assert write_one(endpoint, change).result is Result.DONE
    container.admin.__class__(container.slapd.uri).simple_bind_s(dn, secret)
    change = update(dn, {"userPassword": ([], "Other " + secret), "c": ([], "Earth")})
    outcome = write_one(endpoint, change)
    assert outcome.result is Result.FAILED
    assert secret not in outcome.message + endpoint.render(change)
    assert write_one(endpoint, update(dn, {"userPassword": ([], "Other " + secret)})).result is Result.DONE
    container.admin.__class__(container.slapd.uri).simple_bind_s(dn, "Other " + secret)


def test_members_change_one_by_one(container: Container) -> None:
    """Members come and go one by one: those that somebody else added in between stay."""
    fry, leela, bender = (container.add(f"uid={name}") for name in ("fry", "leela", "bender"))
    group = container.add("cn=crew", objectClass="groupOfNames", cn="crew", member=[fry])
    container.admin.modify_s(group, [(ldap.MOD_ADD, "member", leela.encode())])
    fields = (FieldChange("member", (fry.encode(),), (bender.encode(),), partial=True),)
    assert (
        write_one(container.destination(), Change(Action.UPDATE, "crew", group, fields=fields)).result
        is Result.DONE
    )
    assert sorted(container.values(group, "member")["member"]) == sorted([leela.encode(), bender.encode()])


def test_objects_that_name_each_other(container: Container) -> None:
    """Values that form a circle are written after all objects are there; what a class demands cannot wait."""
    one_dn, other_dn = f"uid=one,{container.dn}", f"uid=other,{container.dn}"
    changes = []
    for dn, manager in ((one_dn, other_dn), (other_dn, one_dn)):
        change = person(dn)
        changes.append(
            change._replace(
                fields=(*change.fields, FieldChange("manager", (), (manager.encode(),), late=True))
            )
        )
    group, outer = f"cn=inner,{container.dn}", f"cn=outer,{container.dn}"
    for dn, member in ((group, outer), (outer, group)):
        change = creation(dn, objectClass="groupOfNames", cn=dn[3:8])
        changes.append(
            change._replace(fields=(*change.fields, FieldChange("member", (), (member.encode(),), late=True)))
        )
    assert results(write(container.destination(), changes)) == [Result.DONE] * 4
    assert container.values(one_dn, "manager") == {"manager": [other_dn.encode()]}
    assert container.values(outer, "member") == {"member": [group.encode()]}


# -- order ---------------------------------------------------------------------------------------------------


def test_dependent_changes_wait(container: Container) -> None:
    """Parents before children, renames before what takes the free name, leaves deleted first: 200 rounds, no
    failure.
    """
    endpoint = container.destination()

    def chain(n: int) -> Iterator[Change]:
        unit, renamed = f"ou=q{n},{container.dn}", f"ou=r{n},{container.dn}"
        yield creation(unit, objectClass="organizationalUnit")
        yield person(f"uid=a{n},{unit}", title="0")
        yield person(f"uid=b{n},{unit}")
        yield update(f"uid=a{n},{unit}", {"title": ("0", "1")})
        yield update(f"uid=a{n},{unit}", {"uid": (f"a{n}", f"c{n}")}, new_object=f"uid=c{n},{unit}")
        yield person(f"uid=a{n},{unit}", title="2")
        yield deletion(Record(f"uid=b{n},{unit}", {"sn": [f"b{n}".encode()]}))
        yield update(unit, {"ou": (f"q{n}", f"r{n}")}, new_object=renamed)
        yield creation(unit, objectClass="organizationalUnit")
        yield update(f"uid=c{n},{renamed}", {"title": ("1", "3")})
        yield deletion(Record(f"uid=a{n},{renamed}", {"title": [b"2"]}))

    changes = [change for n in range(200) for change in chain(n)]
    outcomes = write(endpoint, changes)
    assert [(changes[o.sequence], o.message) for o in outcomes if o.result is not Result.DONE] == []
    titles = {
        values["title"][0]
        for values in directories.records(container.source(filter="(uid=*)"), "title").values()
    }
    assert titles == {b"3"}
    assert len(directories.records(container.source(filter="(uid=*)"))) == 200


def test_what_needs_a_failed_object_is_not_sent(container: Container) -> None:
    """A group whose member could not be created, and a child whose container could not, are reported and not
    written.
    """
    endpoint = container.destination()
    bad = person(f"uid=bad,{container.dn}", c="Earth")
    unit = creation(f"ou=bad,{container.dn}", objectClass="organizationalUnit", c="Earth")
    group = creation(
        f"cn=g,{container.dn}", objectClass="groupOfNames", cn="g", member=bad.object, after=[bad.object]
    )
    child = person(f"uid=child,{unit.object}")
    outcomes = write(endpoint, [bad, unit, group, child])
    assert results(outcomes) == [Result.FAILED] * 4
    assert f"not sent, because {bad.object}" in outcomes[2].message
    assert "not sent, because" in outcomes[3].message
    assert directories.records(container.source(filter="(|(cn=g)(uid=child))")) == {}


def test_changes_are_pulled_as_room_frees(container: Container) -> None:
    """The writer holds a bounded number of changes, and tells outcomes while it goes on taking changes in."""
    taken = 0

    def endless() -> Iterator[tuple[int, Change]]:
        nonlocal taken
        for n in range(100_000):
            taken = n
            yield n, person(f"uid=e{n},{container.dn}")

    outcomes = container.destination().write(endless(), before_send=lambda: None)
    for told in range(50):
        assert next(outcomes).result is Result.DONE
        assert taken <= told + 400
    outcomes.close()  # type: ignore[attr-defined]


def test_lost_lease_stops_at_once(container: Container) -> None:
    """When `before_send` raises nothing more is sent; what was underway is answered and told first."""
    sent = 0

    def before_send() -> None:
        nonlocal sent
        if sent == 10:
            raise LeaseLost("gone")
        sent += 1

    told: list[Outcome] = []
    with pytest.raises(LeaseLost):
        changes = ((n, person(f"uid=l{n},{container.dn}")) for n in range(100))
        told.extend(container.destination().write(changes, before_send=before_send))
    assert results(told) == [Result.DONE] * 10
    assert len(directories.records(container.source(filter="(uid=*)"))) == 10


# -- LDIF ----------------------------------------------------------------------------------------------------


def test_ldapmodify_does_the_same(container: Container, tmp_path: Path) -> None:
    """The LDIF of changes, carried out by OpenLDAP's own tool, gives the same objects as writing them."""
    endpoint = container.destination()

    def changes(unit: str) -> list[Change]:
        old, new = f"cn=Ol\\2C d+uid=old,{unit}", f"cn=New\\+,ou=sub,{unit}"
        return [
            creation(unit, objectClass="organizationalUnit"),
            creation(f"ou=sub,{unit}", objectClass="organizationalUnit"),
            person(
                old,
                cn="Ol, d",
                uid="old",
                description=[" leading", "trailing ", "ümläut", ": colon", "x" * 200],
                jpegPhoto=bytes(range(256)),
            ),
            person(f"uid=gone,{unit}"),
            update(f"uid=gone,{unit}", {"mail": ([], ["b@x", "a@x"])}),
            update(
                old,
                {"cn": ("Ol, d", ["New+", "Also"]), "description": (["ümläut"], ["line\nbreak"])},
                new_object=new,
            ),
            Change(Action.DELETE, "gone", f"uid=gone,{unit}"),
        ]

    direct, by_tool = (f"ou={name},{container.dn}" for name in ("direct", "tool"))
    assert results(write(endpoint, changes(direct))) == [Result.DONE] * 7
    script = tmp_path / "changes.ldif"
    script.write_text("".join(map(endpoint.render, changes(by_tool))))
    tool = [
        "ldapmodify",
        "-x",
        "-H",
        container.slapd.uri,
        "-D",
        container.slapd.admin,
        "-w",
        container.slapd.password,
        "-f",
        str(script),
    ]
    done = subprocess.run(
        tool, capture_output=True, text=True, check=False, env={**os.environ, "LDAPNOINIT": "1"}
    )
    assert done.returncode == 0, done.stderr

    def content(unit: str) -> dict[str, dict[str, list[bytes]]]:
        found = directories.records(
            directories.source(directories.slapd_connection(container.slapd), unit),
            "cn",
            "uid",
            "description",
            "jpegPhoto",
            "ou",
        )
        return {
            dn.removesuffix(unit): {k: sorted(v) for k, v in values.items() if dn != unit}
            for dn, values in found.items()
        }

    assert content(direct) == content(by_tool)
    assert len(content(direct)) == 3


def test_comment_for_hidden_values() -> None:
    """A password's place in LDIF is taken by a comment."""
    from directory_sync.endpoints.ldap.operations import Add

    assert ldif.render([Add("cn=x", (("userPassword", (b"s3cret",)),))]) == (
        "dn: cn=x\nchangetype: add\n# userPassword: its value is not shown\n\n"
    )


def test_late_values_that_are_refused(container: Container) -> None:
    """A refused late value fails its change, once, although the rest of it was written."""
    change = person(f"uid=fry,{container.dn}")
    change = change._replace(fields=(*change.fields, FieldChange("manager", (), (b"no dn",), late=True)))
    outcome = write_one(container.destination(), change)
    assert outcome.result is Result.FAILED
    assert "manager: a value does not have the form" in outcome.message


def test_object_taken_away_before_its_late_values(container: Container) -> None:
    """An object that somebody deletes between its creation and its late values is not created again."""
    change = person(f"uid=fry,{container.dn}")
    change = change._replace(
        fields=(*change.fields, FieldChange("manager", (), (container.dn.encode(),), late=True))
    )

    def changes() -> Iterator[tuple[int, Change]]:
        yield 0, change
        for n in range(300):
            yield n + 1, person(f"uid=u{n},{container.dn}")
        container.admin.delete_s(change.object)

    outcomes = {o.sequence: o for o in container.destination().write(changes(), before_send=lambda: None)}
    assert outcomes.pop(0).result is Result.CONFLICT
    assert {outcome.result for outcome in outcomes.values()} == {Result.DONE}
    assert directories.records(container.source(filter="(uid=fry)")) == {}
