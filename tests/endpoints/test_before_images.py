"""Objects as they were before they were removed: in the store, and of real directories and files."""

from __future__ import annotations

from pathlib import Path

import ldap
import pytest
from sqlalchemy import update

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.files.csv_destination import CsvDestination
from directory_sync.endpoints.files.ldif_destination import LdifDestination
from directory_sync.errors import PlanAltered, StoreError
from directory_sync.run.result import JobState
from directory_sync.store import before_images
from directory_sync.store.before_images import BeforeImage
from directory_sync.store.store import Store
from directory_sync.store.tables import BeforeImageRow
from tests.scenarios.corner import Corner
from tests.scenarios.requests import stored_plan


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


def test_an_altered_image_is_noticed(store: Store) -> None:
    """What would be written back is what was recorded."""
    plan_id = plan_of(store, 1)
    store.before_images.record(plan_id, [BeforeImage(0, "cn=0", {"sn": (b"Fry",)})])
    with store._database.write() as connection:
        connection.execute(update(BeforeImageRow).values(fields={"sn": ["Mallory"]}))
    with pytest.raises(PlanAltered, match="is not what was recorded"):
        list(store.before_images.of_plan(plan_id))


# -- of directories
# ----------------------------------------------------------------------------------------------------


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
