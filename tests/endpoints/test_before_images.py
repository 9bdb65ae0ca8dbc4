"""Objects as they were before they were removed: in the store, and of real directories and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap
import pytest
from sqlalchemy import update

from directory_sync.apply.apply import ApplyResult, apply_plan
from directory_sync.definition.addresses import FILE_KINDS
from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.change import Action, Change, FieldChange, Result
from directory_sync.endpoints.files.csv_destination import CsvDestination
from directory_sync.endpoints.files.ldif_destination import LdifDestination
from directory_sync.endpoints.ldap import images as ldap_images
from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.errors import EndpointError, PlanAltered, StoreError
from directory_sync.run.result import JobState
from directory_sync.store import before_images
from directory_sync.store.before_images import BeforeImage
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store
from directory_sync.store.tables import BeforeImageRow
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.corner import FIELDS, Corner, succeed
from tests.scenarios.files import file_destination
from tests.scenarios.json_lines import JSON_LINES
from tests.scenarios.memory import MemoryImages, MemoryOutcomes
from tests.scenarios.requests import stored_plan
from tests.scenarios.slapd import Database, Slapd


def plan_of(store: Store, count: int) -> int:
    return stored_plan(store, [Change(Action.DELETE, str(number), f"cn={number}") for number in range(count)])


def test_an_image_is_given_back_as_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are text and others, in the plan's order, however many there are."""
    monkeypatch.setattr(before_images, "READ_BATCH", 2)
    plan_id = plan_of(store, 5)
    values = {"cn": ("Zoë".encode(), b"a\nb"), "jpegPhoto": (b"\xff\xd8\x00",), "empty": ()}
    images = [BeforeImage(number, f"cn={number}", values, ("userPassword",)) for number in range(5)]
    store.before_images.record(plan_id, images)
    store.before_images.record(plan_id, [])
    assert list(store.before_images.of_plan(plan_id)) == images
    assert list(store.before_images.of_plan(plan_id + 1)) == []


def test_the_first_image_stands_where_the_newest_does_not_count(store: Store) -> None:
    """A second attempt may find what the first one has made of the object."""
    plan_id = plan_of(store, 2)
    first = [BeforeImage(number, "cn=a", {"sn": (b"first",)}) for number in range(2)]
    store.before_images.record(plan_id, first)
    again = [
        BeforeImage(number, "cn=a", {"sn": (b"again",)}, newest_counts=not number) for number in range(2)
    ]
    store.before_images.record(plan_id, again)
    assert [image.values["sn"] for image in store.before_images.of_plan(plan_id)] == [
        (b"again",),
        (b"first",),
    ]


def test_an_odd_name_of_an_object_is_no_alteration(store: Store) -> None:
    """What no database stores as text is replaced before the seal is made."""
    plan_id = plan_of(store, 2)
    names = ("cn=a\0b", "cn=\ud83d")
    images = [BeforeImage(number, name, {"sn": (b"Fry",)}) for number, name in enumerate(names)]
    store.before_images.record(plan_id, images)
    assert [image.object for image in store.before_images.of_plan(plan_id)] == ["cn=a\ufffdb", "cn=\ufffd"]


def test_an_altered_image_is_noticed(store: Store) -> None:
    """What would be written back is what was recorded."""
    plan_id = plan_of(store, 1)
    store.before_images.record(plan_id, [BeforeImage(0, "cn=0", {"sn": (b"Fry",)})])
    with store._database.write() as connection:
        connection.execute(update(BeforeImageRow).values(fields={"sn": ["Mallory"]}))
    with pytest.raises(PlanAltered, match="is not what was recorded"):
        list(store.before_images.of_plan(plan_id))


# -- of directories ------------------------------------------------------------------------------------------


def test_a_deleted_entry_is_kept_with_all_that_may_be_read(corner: Corner) -> None:
    """Attributes that no job maps too, and values that are no text; the password is left out and named."""
    corner.people("from", "ann", "bob")
    corner.run()
    dn = f"uid=ann,{corner.place('to')}"
    photo, secret = b"\xff\xd8\xff\xe0", b"{SSHA}" + b"x" * 28
    more = [("description", [b"one", b"zwei"]), ("jpegPhoto", [photo]), ("userPassword", [secret])]
    corner.container.admin.modify_s(dn, [(ldap.MOD_ADD, name, values) for name, values in more])
    corner.gone("from", "ann")
    result = corner.run()
    assert (result.state, result.statistics.deleted, corner.there()) == (JobState.SUCCESS, 1, {"bob"})
    assert result.plan_id is not None
    (image,) = corner.store.before_images.of_plan(result.plan_id)
    assert image.object.lower() == dn.lower()
    assert {name: set(values) for name, values in image.values.items()} == {
        "objectClass": {b"top", b"person", b"organizationalPerson", b"inetOrgPerson"},
        **{name: {b"ann"} for name in ("uid", "cn", "sn")},
        "description": {b"one", b"zwei"},
        "jpegPhoto": {photo},
    }
    assert image.left_out == ("userPassword",)


def test_many_deleted_entries_are_kept(corner: Corner) -> None:
    """More than are read at once."""
    names = [f"n{number}" for number in range(450)]
    corner.people("from", "bob", *names)
    corner.run()
    corner.gone("from", *names)
    result = corner.run(limits={"delete": "none"})
    assert (result.state, result.statistics.deleted) == (JobState.SUCCESS, 450)
    assert result.plan_id is not None
    images = list(corner.store.before_images.of_plan(result.plan_id))
    assert {image.values["uid"] for image in images} == {(name.encode(),) for name in names}


def test_nothing_is_deleted_that_cannot_be_kept(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store does not take the image: the entry stays, and the run says so; a retry goes on."""
    corner.people("from", "ann", "bob")
    corner.run()
    corner.gone("from", "ann")

    def full(plan_id: int, images: object) -> None:
        raise StoreError("store: disk full.")

    with monkeypatch.context() as patch:
        patch.setattr(corner.store.before_images, "record", full)
        result = corner.run()
    assert (result.state, corner.there()) == (JobState.FAILED, {"ann", "bob"})
    assert "disk full" in result.message
    assert corner.run().statistics.deleted == 1


# -- what cannot be read -------------------------------------------------------------------------------------


class Guarded:
    """A slapd where the destination's login may write everything, but not read what `hidden` matches."""

    def __init__(self, new_slapd: Callable[..., Slapd], hidden: str, right: str = "=wd") -> None:
        suffix = "dc=example,dc=org"
        service = f"uid=svc,{suffix}"
        lines = [
            f'access to {hidden} attrs=entry by dn.exact="{service}" {right} by * break',
            f'access to * by dn.exact="{service}" write by * read',
        ]
        slapd = new_slapd(Database(suffix, lines=lines))
        self.container = Container(suffix, slapd, directories.administrator(slapd))
        self.container.add("uid=svc", userPassword=slapd.password)
        for name in ("to", "left"):
            self.container.add(f"ou={name}", objectClass="organizationalUnit", ou=name)
        self._connection = replace(directories.slapd_connection(slapd), login=service)
        self.outcomes = MemoryOutcomes()

    def dn(self, rdn: str) -> str:
        return f"{rdn},{self.container.dn}"

    def destination(self, **extra: object) -> LdapDestination:
        connection = replace(self._connection, extra={**self._connection.extra, **extra})
        return directories.destination(connection, self.container.dn)

    def apply(self, *changes: Change) -> ApplyResult:
        return apply_plan(
            changes,
            self.destination(),
            plan_id=1,
            store=self.outcomes,
            images=MemoryImages(),
            secrets=(),
            check=lambda: None,
            resumed=False,
        )

    @property
    def results(self) -> list[Result]:
        return [self.outcomes.recorded[place].result for place in sorted(self.outcomes.recorded)]


def test_nothing_names_what_could_not_be_moved(new_slapd: Callable[..., Slapd]) -> None:
    """The login could move an object that it cannot read. It is not moved, and neither a group nor an object
    below gets a name of it that does not exist: slapd would take it.
    """
    guarded = Guarded(new_slapd, 'dn.regex="^(uid=ann|ou=team),ou=to,"')
    container = guarded.container
    ann = container.add("uid=ann,ou=to")
    bob = container.add("uid=bob,ou=to")
    team = container.add("ou=team,ou=to", objectClass="organizationalUnit", ou="team")
    groups = [
        container.add(f"cn={name}", objectClass="groupOfNames", cn=name, member=bob)
        for name in ("one", "two", "late")
    ]
    left, team_left = guarded.dn("uid=ann,ou=left"), guarded.dn("ou=team,ou=left")

    def joins(group: str, *, after: bool, late: bool = False) -> Change:
        # Spelled in another way, as a plan may.
        member = left.replace("ou=left,", "OU=Left, ")
        field = FieldChange("member", (), (member.encode(),), partial=True, late=late)
        return Change(Action.UPDATE, group, group, fields=(field,), after=(member,) if after else ())

    result = guarded.apply(
        joins(groups[2], after=False, late=True),
        Change(Action.MOVE, ann, ann, new_object=left),
        joins(groups[0], after=True),
        Change(Action.MOVE, team, team, new_object=team_left),
        directories.person(f"uid=eve,{team_left}"),
        Change(Action.UPDATE, bob, bob, fields=(FieldChange("description", (), (b"x",)),)),
    )
    assert result.error is None
    assert guarded.results == [Result.FAILED] * 5 + [Result.DONE]
    assert "cannot be read before it is changed" in guarded.outcomes.recorded[1].message
    for place in (0, 2, 4):
        assert "which it needs, could not be written" in guarded.outcomes.recorded[place].message
    assert [container.values(group)["member"] for group in groups] == [[bob.encode()]] * 3
    assert container.values(ann)
    assert container.values(team)


def test_what_the_server_passes_over_in_silence_is_not_removed(new_slapd: Callable[..., Slapd]) -> None:
    """The login may search for an object and not read it: the answer is a success without an entry."""
    guarded = Guarded(new_slapd, 'dn.regex="^uid=ann,ou=to,"', "=wsd")
    ann, bob = (guarded.container.add(f"uid={name},ou=to") for name in ("ann", "bob"))
    (image,) = guarded.destination().images([ann])
    assert (image.id, image.problem, image.values) == (ann, "this login may not read it", {})
    guarded.apply(*(Change(Action.DELETE, dn, dn) for dn in (ann, bob)))
    assert guarded.results == [Result.FAILED, Result.DONE]
    assert guarded.container.values(ann)


def test_one_object_whose_values_cannot_be_fetched_holds_up_no_other(
    new_slapd: Callable[..., Slapd], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server gives many values piece by piece, and refuses a further piece."""
    guarded = Guarded(new_slapd, 'dn.regex="^uid=nobody,"')
    ann, bob = (guarded.container.add(f"uid={name},ou=to") for name in ("ann", "bob"))
    whole = ldap_images.whole_values

    def refuse(entry: Any, rest: Any) -> Any:
        if entry["uid"] == [b"ann"]:
            raise ldap.ADMINLIMIT_EXCEEDED({"desc": "Administrative limit exceeded"})
        return whole(entry, rest)

    monkeypatch.setattr(ldap_images, "whole_values", refuse)
    result = guarded.apply(*(Change(Action.DELETE, dn, dn) for dn in (ann, bob)))
    assert result.error is None
    assert guarded.results == [Result.FAILED, Result.DONE]
    assert "Administrative limit exceeded" in guarded.outcomes.recorded[0].message


@pytest.mark.parametrize("right", ["=wsd", "=wd", "=w", "none"])
@pytest.mark.parametrize(("verify", "assertion"), [(False, False), (True, False), (True, True)])
def test_what_is_hidden_was_not_deleted(
    new_slapd: Callable[..., Slapd], right: str, verify: bool, assertion: bool
) -> None:
    """Whatever the server says to a login that may not see the objects of a container, none of them counts as
    deleted, and the failure says what to do.
    """
    guarded = Guarded(new_slapd, 'dn.onelevel="ou=to,dc=example,dc=org"', right)
    container = guarded.container
    there = [container.add(f"uid=n{number},ou=to", description="x") for number in range(3)]
    gone = [guarded.dn("uid=gone,ou=to")]
    seen = [guarded.dn("uid=gone,ou=left")]
    container.add("uid=bob,ou=left")
    identities = [container.values(dn, "entryUUID")["entryUUID"][0] for dn in there]
    destination = guarded.destination(assertion_control=assertion)
    changes = [
        Change(Action.DELETE, dn, dn, identity=identity, fields=(FieldChange("description", (b"x",), ()),))
        for dn, identity in zip([*there, *gone, *seen], [*identities, b"none", b"none"], strict=True)
    ]
    outcomes = directories.write(destination, changes, verify=range(len(changes)) if verify else ())
    for outcome, dn in zip(outcomes, there, strict=False):
        assert container.values(dn)
        assert outcome.result is Result.FAILED
        assert "read" in outcome.message
    assert outcomes[3].result is Result.FAILED
    assert outcomes[4].result is Result.FOUND_DONE
    settled = destination.look(enumerate(changes), renamed={})
    assert [each.result for each in sorted(settled)] == [Result.UNCERTAIN] * 4 + [Result.FOUND_DONE]


@pytest.mark.parametrize("withheld", [0, 1])
def test_an_exchange_without_one_of_its_objects(container: Container, withheld: int) -> None:
    """Two objects were to exchange their names, and one must not be touched: both keep their own."""
    for name in ("here", "there"):
        container.add(f"ou={name}", objectClass="organizationalUnit", ou=name)
    here, there = (container.add(f"uid=ann,ou={name}", description=name) for name in ("here", "there"))
    changes = [
        Change(Action.MOVE, "1", here, new_object=there, via=f"uid=between,ou=here,{container.dn}"),
        Change(Action.MOVE, "2", there, new_object=here, after=(here,)),
    ]
    outcomes = container.destination().write(
        enumerate(changes), before_send=lambda: None, withheld={withheld: "hidden."}
    )
    results = {outcome.sequence: outcome.result for outcome in outcomes}
    assert results[withheld] is Result.FAILED
    assert results[1 - withheld] in (Result.FAILED, Result.CONFLICT)
    for dn, name in ((here, b"here"), (there, b"there")):
        assert container.values(dn)["description"] == [name]


def test_many_that_cannot_be_read_stop_the_job(new_slapd: Callable[..., Slapd]) -> None:
    """They count as failures at once, so the rest is not attempted."""
    guarded = Guarded(new_slapd, 'dn.onelevel="ou=to,dc=example,dc=org"')
    deleted = [guarded.container.add(f"uid=n{number},ou=to") for number in range(30)]
    created = [directories.person(guarded.dn(f"cn=c{number},ou=left")) for number in range(600)]
    result = guarded.apply(*(Change(Action.DELETE, dn, dn) for dn in deleted), *created)
    assert "20 of the last 20 changes failed" in str(result.error)
    assert result.failures == 30
    assert result.left > 300


def test_a_secret_is_kept_under_no_name(corner: Corner) -> None:
    """The server spells attributes in its own way, and another job of the collection may have the secret."""
    corner.people("from", "ann", "bob")
    secrets = {
        name: {"from": name, "secret": True} for name in ("facsimileTelephoneNumber;lang-en", "surname")
    }
    fields = {"uid": FIELDS["uid"], "cn": "cn", **secrets}
    definition = corner.definition()
    (other,) = corner.definition(fields=fields).jobs
    other = other.model_copy(update={"name": "other"})
    definition = definition.model_copy(update={"jobs": [*definition.jobs, other]})
    succeed(corner.run(definition))
    dn = f"uid=ann,{corner.place('to')}"
    more = [("fax", [b"4711"]), ("sn;lang-de", [b"Geheim"]), ("description", [b"kept"])]
    corner.container.admin.modify_s(dn, [(ldap.MOD_ADD, name, values) for name, values in more])
    corner.gone("from", "ann")
    result = succeed(corner.run(definition))
    assert result.statistics.deleted == 1
    assert result.plan_id is not None
    (image,) = corner.store.before_images.of_plan(result.plan_id)
    assert {name.lower() for name in image.values} == {"objectclass", "uid", "cn", "description"}
    # However slapd spells it.
    assert {name.replace("fax", "facsimileTelephoneNumber") for name in image.left_out} == {
        "facsimileTelephoneNumber",
        "sn",
        "sn;lang-de",
    }


@pytest.mark.parametrize("trigger", ["scheduled", TERMINAL])
def test_the_secrets_of_other_collections_are_not_kept(corner: Corner, trigger: str) -> None:
    """The newest run of any other collection says what it marks as secret, whoever has started it."""
    corner.people("from", "ann", "bob")
    succeed(corner.run())
    fields = {**FIELDS, "employeeNumber": {"from": "uid", "secret": True}}
    other = corner.definition("other", fields=fields)
    corner.store.runs.start(other, run_id="1", trigger=trigger, requester="zoe", verified=False)
    if trigger == TERMINAL:  # what Airflow knows of it counts besides
        later = corner.definition("other", fields={**FIELDS, "roomNumber": {"from": "uid", "secret": True}})
        corner.store.runs.start(later, run_id="2", trigger="manual", requester="zoe", verified=True)
    dn = f"uid=ann,{corner.place('to')}"
    more = {"employeeNumber": b"4711", "roomNumber": b"12"}
    corner.container.admin.modify_s(dn, [(ldap.MOD_ADD, name, [value]) for name, value in more.items()])
    corner.gone("from", "ann")
    result = succeed(corner.run())
    assert result.statistics.deleted == 1
    assert result.plan_id is not None
    (image,) = corner.store.before_images.of_plan(result.plan_id)
    left_out = {"employeeNumber", "roomNumber"} if trigger == TERMINAL else {"employeeNumber"}
    assert set(image.left_out) == left_out
    assert left_out.isdisjoint(image.values)


def test_a_file_names_nothing_that_could_not_be_moved(tmp_path: Path) -> None:
    """A destination that writes all at once leaves out what needs a change that is withheld."""
    entries = ("cn=a", "cn=g", "cn=late", "cn=z")
    (tmp_path / "to.ldif").write_text(
        "version: 1\n" + "".join(f"\ndn: {dn},dc=x\n{dn.replace('=', ': ')}\n" for dn in entries)
    )
    destination = LdifDestination(
        FileEndpoint.model_validate({"file": "to.ldif"}),
        tmp_path,
        keys=("cn",),
        fields=("cn", "member"),
        naming_attribute="cn",
    )
    new = "cn=a,ou=left,dc=x"
    late, named = (FieldChange("member", (), (new.encode(),), late=late) for late in (True, False))
    changes = (
        Change(Action.UPDATE, "late", "cn=late,dc=x", fields=(late,)),
        Change(Action.MOVE, "a", "cn=a,dc=x", new_object=new),
        Change(Action.UPDATE, "g", "cn=g,dc=x", fields=(named,), after=(new,)),
        Change(Action.DELETE, "z", "cn=z,dc=x", fields=(FieldChange("cn", (b"z",), ()),)),
    )
    outcomes = list(destination.write(enumerate(changes), before_send=lambda: None, withheld={1: "hidden."}))
    assert [(each.sequence, each.result) for each in outcomes] == [
        *((place, Result.FAILED) for place in range(3)),
        (3, Result.DONE),
    ]
    text = (tmp_path / "to.ldif").read_text()
    assert ("left" in text, "cn=a,dc=x" in text, "cn=z" in text) == (False, True, False)


@pytest.mark.parametrize("kind", ["csv", "ldif"])
def test_removed_records_of_files_are_kept(tmp_path: Path, kind: str) -> None:
    """Rows and entries with everything that stands in the file."""
    texts = {
        "csv": "uid,cn,note\na,Ann,mine\nb,Bob,\n",
        "ldif": "version: 1\n\ndn: uid=a,dc=x\nuid: a\ncn: Ann\nnote: mine\n\ndn: uid=b,dc=x\nuid: b\n",
    }
    (tmp_path / f"to.{kind}").write_text(texts[kind])
    definition = FileEndpoint.model_validate({"file": f"to.{kind}"})
    more = {"naming_attribute": "uid"} if kind == "ldif" else {}
    made = LdifDestination if kind == "ldif" else CsvDestination
    destination = made(definition, tmp_path, keys=("uid",), fields=("uid",), **more)
    id = "UID=a, dc=x" if kind == "ldif" else "a"
    (image,) = destination.images([id, "uid=none,dc=x"])
    assert (image.id, {name: list(held) for name, held in image.values.items()}) == (
        id,
        {"uid": [b"a"], "cn": [b"Ann"], "note": [b"mine"]},
    )


# -- what was not there --------------------------------------------------------------------------------------

_FILES = {
    "csv": "uid,cn\nann,Ann\nbob,Bob\n",
    "ldif": "version: 1\n\ndn: uid=ann,dc=x\nuid: ann\n\ndn: uid=bob,dc=x\nuid: bob\n",
    "jsonl": '{"uid": "ann"}\n{"uid": "bob"}\n',
}


@pytest.fixture(params=["slapd", "assertion", *_FILES])
def people(
    request: pytest.FixtureRequest, container: Container, tmp_path: Path
) -> Iterator[tuple[Any, tuple[str, str, str], Callable[[], int]]]:
    """A destination of each kind that holds ann and bob; their ids and one that nobody has; how many it
    holds.
    """
    kind = request.param
    if kind in _FILES:
        (tmp_path / f"to.{kind}").write_text(_FILES[kind])
        FILE_KINDS.append(JSON_LINES)
        destination = file_destination(
            FileEndpoint(file=f"to.{kind}"), tmp_path, keys=("uid",), fields=("uid",), naming_attribute="uid"
        )
        template = "uid={},dc=x" if kind == "ldif" else "{}"
        ids = tuple(map(template.format, ("ann", "bob", "eve")))
    else:
        ids = (*map(container.add, ("uid=ann", "uid=bob")), f"uid=eve,{container.dn}")
        extra = {"assertion_control": True} if kind == "assertion" else {}
        connection = directories.slapd_connection(container.slapd, **extra)
        destination = directories.destination(connection, container.dn, filter="(uid=*)")
    yield destination, ids, lambda: sum(len(batch) for batch in destination.read(("uid",)))
    if kind in _FILES:
        FILE_KINDS.remove(JSON_LINES)


@pytest.mark.parametrize("resumed", [False, True])
def test_what_appears_after_the_images_were_taken_is_not_removed(
    people: Any, resumed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind of destination looks at an object that had no image before anything is written to it."""
    destination, (ann, bob, eve), count = people
    take = destination.images
    monkeypatch.setattr(destination, "images", lambda ids: [each for each in take(ids) if each.id != ann])
    outcomes, images = MemoryOutcomes(), MemoryImages()
    result = apply_plan(
        [Change(Action.DELETE, id, id) for id in (ann, bob, eve)],
        destination,
        plan_id=1,
        store=outcomes,
        images=images,
        secrets=(),
        check=lambda: None,
        resumed=resumed,
    )
    assert result.error is None
    assert [outcomes.recorded[place].result for place in range(2)] == [Result.FAILED, Result.DONE]
    assert "so this could not be undone" in outcomes.recorded[0].message
    assert outcomes.recorded[2].result in (Result.FOUND_DONE, Result.CONFLICT)
    assert (count(), list(images.kept)) == (1, [1])


def test_a_move_that_broke_off_is_completed(container: Container) -> None:
    """The object has its new name already; its image was taken before that."""
    container.add("ou=left", objectClass="organizationalUnit", ou="left")
    ann = container.add("uid=ann,ou=left", description="old")
    change = Change(
        Action.MOVE,
        "ann",
        f"uid=ann,{container.dn}",
        new_object=ann,
        identity=container.values(ann, "entryUUID")["entryUUID"][0],
        fields=(FieldChange("description", (b"old",), (b"new",)),),
    )
    outcomes = container.destination().write([(0, change)], before_send=lambda: None, verify={0}, absent={0})
    assert [outcome.result for outcome in outcomes] == [Result.DONE]
    assert container.values(ann)["description"] == [b"new"]


def test_a_destination_without_a_list_of_fields_takes_no_empty_images(tmp_path: Path) -> None:
    """It would keep objects without any of their values, and say nothing of it."""

    class Unlisted(CsvDestination):
        def fields(self) -> Any:
            return None

    (tmp_path / "to.csv").write_text(_FILES["csv"])
    destination = Unlisted(FileEndpoint(file="to.csv"), tmp_path, keys=("uid",), fields=("uid",))
    with pytest.raises(EndpointError, match="has to override images"):
        list(destination.images(["ann"]))
