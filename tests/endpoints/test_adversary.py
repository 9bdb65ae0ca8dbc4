"""Somebody changes at the destination, between plan and apply, exactly what the plan touches: nothing of
theirs is overwritten.

Also sources that are suddenly empty, halved, or spoilt for everybody: limits and checks hold before the first
write.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ldap
import ldap.dn
import pytest
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Result
from directory_sync.errors import LeaseError
from directory_sync.run import apply_step
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.new_store import new_store

OTHERS = 3
SOURCE, SOURCE_ADMIN = "dc=branch,dc=org", "cn=admin,dc=branch,dc=org"
PERSON = "inetOrgPerson"


@dataclass
class Office:
    """A container for the source's people and one for the destination's, in one server, and a store.

    Attributes:
        between: done after the plan is stored and before the first write.
    """

    container: Container
    store: Store
    folder: Path
    source_admin: SimpleLDAPObject
    between: Callable[[], object] = lambda: None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def get(self, connection_id: str) -> Any:
        connection = directories.slapd_connection(self.container.slapd, connection_id, page_size=5)
        return replace(connection, login=SOURCE_ADMIN) if connection_id == "a" else connection

    @property
    def admin(self) -> SimpleLDAPObject:
        return self.container.admin

    @property
    def here(self) -> str:
        return f"ou=here,{self.container.dn}"

    @property
    def left(self) -> str:
        return f"ou=left,{self.here}"

    @property
    def there(self) -> str:
        # In a naming context of its own, so that its people are not taken for the destination's.
        return f"{self.container.dn.partition(',')[0]},{SOURCE}"

    def add(self, where: str, uid: str, **values: str | list[str]) -> str:
        """Add a person; its DN."""
        dn = f"cn={values.pop('cn', uid)},{where}"
        attributes = {
            "objectClass": PERSON,
            "uid": uid,
            "sn": "S",
            "title": "old",
            "mail": f"{uid}@x",
            **values,
        }
        self.at(dn).add_s(dn, [(name, list(directories.as_bytes(held))) for name, held in attributes.items()])
        return dn

    def at(self, dn: str) -> SimpleLDAPObject:
        """The session that may write there."""
        return self.source_admin if dn.endswith(SOURCE) else self.admin

    def both(self, uid: str, **changed: str | list[str]) -> None:
        """Somebody who is on both sides, and at the source with other values."""
        self.add(self.there, uid, **changed)
        self.add(self.here, uid)

    def content(self) -> dict[str, dict[str, list[bytes]]]:
        """Everything at the destination, who changed it and when included."""
        return dict(self.admin.search_s(self.here, ldap.SCOPE_SUBTREE, attrlist=["*", "+"]))

    def run(self, *, missing: Any = "delete", limits: Any = None, **job: Any) -> JobResult:
        none = dict.fromkeys(("delete", "move", "clear", "members", "update"), "none")
        fields = {
            "uid": {"from": "uid", "key": True},
            "cn": "cn",
            "sn": "sn",
            "title": "title",
            "mail": "mail",
        }
        definition = Collection.model_validate(
            {
                "name": "office",
                "limits": none if limits is None else limits,
                "jobs": [
                    {
                        "name": "people",
                        "source": {
                            "connection": "a",
                            "container": self.there,
                            "filter": f"(objectClass={PERSON})",
                        },
                        "destination": {
                            "connection": "b",
                            "container": self.here,
                            "filter": f"(objectClass={PERSON})",
                        },
                        "object": PERSON,
                        "missing_at_source": missing,
                        "remove": "all",
                        "fields": fields,
                        **job,
                    }
                ],
            }
        )
        snapshot = self.store.runs.start(
            definition, f"{next(self.numbers)}", trigger="test", requester="t", verified=False
        )
        return run_job(
            snapshot,
            snapshot.collection.jobs[0],
            deployment=Deployment(self, self.folder),
            store=self.store,
            holder="test",
        )


@pytest.fixture
def office(container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Containers for both sides; people who need no change, so that a plan is not all that there is."""
    new_store(tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        source_admin = ldap.initialize(container.slapd.uri)
        source_admin.simple_bind_s(SOURCE_ADMIN, container.slapd.password)
        office = Office(container, store, tmp_path, source_admin)
        for dn in (office.here, office.left, office.there):
            office.at(dn).add_s(dn, [("objectClass", b"organizationalUnit")])
        apply = apply_step.apply_plan

        def interfere(*arguments: Any, **more: Any) -> Any:
            # The plan is made and stored, and nothing is written yet.
            office.between()
            return apply(*arguments, **more)

        monkeypatch.setattr(apply_step, "apply_plan", interfere)
        yield office
        directories.delete_below(source_admin, office.there)
        source_admin.unbind_s()


def prepare_create(office: Office) -> None:
    office.add(office.there, "x", title="new")


def prepare_update(office: Office) -> None:
    office.both("x", title="new", mail=["x@x", "new@x"])


def prepare_rename(office: Office) -> None:
    office.add(office.there, "x", cn="renamed", title="new")
    office.add(office.here, "x")


def prepare_delete(office: Office) -> None:
    office.add(office.here, "x")


KINDS: dict[str, tuple[Callable[[Office], None], Any]] = {
    "create": (prepare_create, "delete"),
    "update": (prepare_update, "delete"),
    "rename": (prepare_rename, "delete"),
    "delete": (prepare_delete, "delete"),
    "move": (prepare_delete, "move"),
}
"""Kind of change → what makes the plan hold it, and what becomes of people who are missing at the source."""


def same_value(office: Office) -> None:
    office.admin.modify_s(f"cn=x,{office.here}", [(ldap.MOD_REPLACE, "title", b"theirs")])


def value_gone(office: Office) -> None:
    office.admin.modify_s(f"cn=x,{office.here}", [(ldap.MOD_DELETE, "title", None)])


def renamed_away(office: Office) -> None:
    office.admin.rename_s(f"cn=x,{office.here}", "cn=elsewhere")


def moved_away(office: Office) -> None:
    office.admin.rename_s(f"cn=x,{office.here}", "cn=x", office.left)


def deleted(office: Office) -> None:
    office.admin.delete_s(f"cn=x,{office.here}")


def replaced(office: Office) -> None:
    """Another object gets the name of the one that is meant."""
    office.admin.delete_s(f"cn=x,{office.here}")
    office.add(office.here, "other", cn="x", title="theirs")


def renamed_and_replaced(office: Office) -> None:
    """The one that is meant gets another name, and another object gets its old one."""
    office.admin.rename_s(f"cn=x,{office.here}", "cn=elsewhere")
    office.add(office.here, "other", cn="x", title="theirs")


def child_added(office: Office) -> None:
    """Something lies below the object now."""
    office.add(f"cn=x,{office.here}", "child")


def name_taken(office: Office) -> None:
    """Somebody else has the name that the plan wants to give."""
    taken = f"cn=renamed,{office.here}"
    office.admin.add_s(
        taken, [("objectClass", PERSON.encode()), ("sn", b"S"), ("title", b"theirs"), ("uid", b"other")]
    )


def name_taken_by_new(office: Office) -> None:
    office.add(office.here, "other", cn="x", title="theirs")


def name_taken_where_it_goes(office: Office) -> None:
    office.add(office.left, "other", cn="x", title="theirs")


EXISTING = (same_value, value_gone, renamed_away, moved_away, deleted, replaced, renamed_and_replaced)
CASES = [
    ("create", name_taken_by_new),
    *(("update", interference) for interference in EXISTING),
    *(("rename", interference) for interference in (*EXISTING, name_taken)),
    *(("delete", interference) for interference in (*EXISTING, child_added)),
    *(("move", interference) for interference in (*EXISTING, name_taken_where_it_goes)),
]
HARMLESS = {
    ("delete", deleted),
    ("delete", replaced),
    ("move", same_value),
    ("move", value_gone),
    ("move", moved_away),
}
"""The plan's own aim is reached, or what they changed is not what the plan touches: no conflict."""


@pytest.mark.parametrize(
    ("kind", "interference"), CASES, ids=[f"{kind}-{each.__name__}" for kind, each in CASES]
)
def test_nothing_of_theirs_is_overwritten(
    office: Office, kind: str, interference: Callable[[Office], None]
) -> None:
    """Each kind of change and each kind of interference: what they have done stands, ours is a conflict, the
    rest goes on.
    """
    prepare, missing = KINDS[kind]
    prepare(office)
    for number in range(OTHERS):
        office.both(f"o{number}", title="new")
    theirs: dict[str, dict[str, list[bytes]]] = {}

    def between() -> None:
        interference(office)
        theirs.update(office.content())

    office.between = between
    result = office.run(missing=missing if missing == "delete" else {"move": office.left})
    found = office.content()
    for number in range(OTHERS):
        assert found[f"cn=o{number},{office.here}"]["title"] == [b"new"]
    mine = [(place, change) for place, change in enumerate(result.changes) if change.key == "x"]
    assert len(mine) == 1, (result.message, result.problems)
    outcome = result.outcomes.get(mine[0][0])
    if (kind, interference) in HARMLESS:
        assert outcome is None or outcome.result is Result.FOUND_DONE
        strangers = {dn: held for dn, held in theirs.items() if held.get("uid") == [b"other"]}
        assert {dn: found.get(dn) for dn in strangers} == strangers
        return
    assert outcome is not None
    # With something below it the object cannot be deleted, which is a refusal and no conflict.
    assert outcome.result in (Result.CONFLICT, Result.FAILED), outcome
    assert (outcome.result is Result.FAILED) == (interference is child_added), outcome.message
    assert result.state in (JobState.CONFLICTS, JobState.SUCCESS_WITH_ERRORS), result.message
    untouched = {dn: held for dn, held in theirs.items() if not dn.startswith("cn=o")}
    assert {dn: found.get(dn) for dn in untouched} == untouched


@pytest.mark.parametrize("above", [False, True], ids=["same-container", "container-above"])
def test_a_second_run_does_nothing_while_another_works(office: Office, above: bool) -> None:
    """Whoever comes second writes nothing and is told who works there, also for a container that holds the
    first one's.
    """
    office.both("x", title="new")
    place = office.container.dn if above else office.here
    refused: list[LeaseError] = []

    def second() -> None:
        before = office.content()
        with pytest.raises(
            LeaseError, match=f"test works on {office.here} of .* since .* Try again when it has finished"
        ) as caught:
            office.run(
                destination={"connection": "b", "container": place, "filter": f"(objectClass={PERSON})"}
            )
        refused.append(caught.value)
        assert office.content() == before

    office.between = second
    assert office.run().state is JobState.SUCCESS
    assert [error.transient for error in refused] == [True]
    office.between = lambda: None
    again = office.run()
    assert (again.state, len(again.changes)) == (JobState.SUCCESS, 0)


# -- sources that have gone bad ------------------------------------------------------------------------------


def staff(office: Office, count: int = 40) -> list[str]:
    """So many people, the same on both sides; their DNs at the source."""
    for number in range(count):
        office.add(office.here, f"p{number}")
    return [office.add(office.there, f"p{number}") for number in range(count)]


def emptied(office: Office, source: list[str]) -> None:
    for dn in source:
        office.source_admin.delete_s(dn)


def halved(office: Office, source: list[str]) -> None:
    emptied(office, source[::2])


def attribute_gone(office: Office, source: list[str]) -> None:
    for dn in source:
        office.source_admin.modify_s(dn, [(ldap.MOD_DELETE, "mail", None)])


def keys_gone(office: Office, source: list[str]) -> None:
    for dn in source:
        office.source_admin.modify_s(dn, [(ldap.MOD_DELETE, "uid", None)])


def keys_of_another_kind(office: Office, source: list[str]) -> None:
    """Numbers with leading zeros where there were names."""
    for number, dn in enumerate(source):
        office.source_admin.modify_s(dn, [(ldap.MOD_REPLACE, "uid", b"%06d" % number)])


def all_the_same_key(office: Office, source: list[str]) -> None:
    for dn in source:
        office.source_admin.modify_s(dn, [(ldap.MOD_REPLACE, "uid", b"p0")])


@pytest.mark.parametrize("spoil", [emptied, halved, attribute_gone, keys_of_another_kind, all_the_same_key])
def test_default_limits_hold_before_the_first_write(
    office: Office, spoil: Callable[[Office, list[str]], None]
) -> None:
    """With the default limits a source that has suddenly gone bad changes not one octet at the
    destination.
    """
    spoil(office, staff(office))
    before = office.content()
    result = office.run(limits={})
    assert office.content() == before
    assert result.state is JobState.STOPPED_BY_LIMIT, result.message
    assert "planned" in result.message
    assert "allowed" in result.message


def test_unreadable_keys_delete_nobody(office: Office) -> None:
    """Records without a key may be anybody's: nothing is concluded from absence, with limits or without."""
    keys_gone(office, staff(office))
    before = office.content()
    result = office.run()
    assert office.content() == before
    assert result.statistics.errors == 40
    assert any("nothing is deleted" in warning for warning in result.warnings)


def test_keys_in_another_case_are_the_same_keys(office: Office) -> None:
    """A source that suddenly writes all keys in capitals changes nothing: the schema says that case does not
    matter.
    """
    for dn in staff(office, 10):
        held = office.source_admin.search_s(dn, ldap.SCOPE_BASE)[0][1]["uid"][0]
        office.source_admin.modify_s(dn, [(ldap.MOD_REPLACE, "uid", held.upper())])
    before = office.content()
    result = office.run()
    assert (result.state, len(result.changes)) == (JobState.SUCCESS, 0)
    assert office.content() == before


def test_a_broken_encoding_ends_the_listing(office: Office, tmp_path: Path) -> None:
    """A CSV source in another encoding than the definition says is refused with the place of the first wrong
    octet.
    """
    for number in range(10):
        office.add(office.here, f"p{number}")
    rows = "".join(f"p{number},Zoë,S,old,p{number}@x\n" for number in range(10))
    (tmp_path / "staff.csv").write_bytes(("uid,cn,sn,title,mail\n" + rows).encode("latin-1"))
    before = office.content()
    result = office.run(source={"file": "staff.csv"})
    assert office.content() == before
    assert result.state is JobState.INCOMPLETE
    assert "is not utf-8" in result.message
    assert "line 2" in result.message
