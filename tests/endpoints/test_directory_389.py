"""389 Directory Server as source and destination, with MemberOf, Referential Integrity and Attribute
Uniqueness at work.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import ldap
import ldap.dn
import pytest

from directory_sync.cli.main import main
from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.change import Action, Change, Result
from directory_sync.endpoints.contract import ConnectionInfo, Record
from directory_sync.endpoints.ldap import session
from directory_sync.endpoints.ldap.flavours import directory_389
from directory_sync.errors import (
    AuthenticationError,
    EndpointError,
    IncompleteListing,
    MissingObjectError,
    SecurityError,
)
from directory_sync.plan.model import WhyLeftAlone
from directory_sync.run.collection import preview_collection, run_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios import directories, office_year
from tests.scenarios.certificates import Authority
from tests.scenarios.container import Container
from tests.scenarios.corner import Corner, succeed
from tests.scenarios.directories import deletion, update, write_one
from tests.scenarios.directory389 import Directory389
from tests.scenarios.new_store import new_store
from tests.scenarios.office_check import assert_in_order
from tests.scenarios.office_year import DESTINATION, SOURCE
from tests.scenarios.slapd import Slapd

PLUGINS = ("memberof", "refint", "unique")
_OPEN = '(targetattr="*")(version 3.0; acl "reader"; allow(read,search,compare) userdn="ldap:///{dn}";)'
_numbers = itertools.count()


@pytest.fixture
def slapd(directory389: Directory389) -> Slapd:
    """The server for whatever takes slapd: it is used by address and login only."""
    return cast("Slapd", directory389)


@pytest.fixture(scope="module")
def self_signed(directory389: Directory389, authority: Authority) -> Iterator[Directory389]:
    """A second server: with a certificate such as an installation makes, and without Attribute Uniqueness."""
    with Directory389(DESTINATION, certificate=authority.self_signed("d389self"), unique=()) as server:
        admin = server.administrator()
        admin.add_s(DESTINATION, [("objectClass", b"domain")])
        admin.unbind_s()
        yield server


@contextmanager
def fresh(slapd: Slapd, suffix: str) -> Iterator[Container]:
    """A container of its own for a test."""
    admin = slapd.administrator()
    dn = f"ou=test{next(_numbers)},{suffix}"
    admin.add_s(dn, [("objectClass", b"organizationalUnit")])
    yield Container(dn, slapd, admin)
    directories.delete_below(admin, dn)
    admin.unbind_s()


@pytest.fixture
def container(slapd: Slapd) -> Iterator[Container]:
    """A fresh container below `dc=destination`."""
    with fresh(slapd, DESTINATION) as container:
        yield container


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """One database is enough: this is about the directory."""
    return new_store(tmp_path / "store.db")


@pytest.fixture
def corner(container: Container, store: Store, tmp_path: Path) -> Corner:
    """A destination; most jobs here read a file."""
    return Corner.make(container, store, tmp_path)


@pytest.fixture
def lenient(self_signed: Directory389, store: Store, tmp_path: Path) -> Iterator[Corner]:
    """The same on a server where no values have to be unique."""
    with fresh(cast("Slapd", self_signed), DESTINATION) as container:
        yield Corner.make(container, store, tmp_path)


def connection(slapd: Slapd, **extra: Any) -> ConnectionInfo:
    """As Directory Manager."""
    return directories.slapd_connection(slapd, **extra)


# -- whole years ---------------------------------------------------------------------------------------------


class Office:
    """Source and destination of the office's year, both in the one server."""

    def __init__(self, server: Directory389, store: Store, folder: Path) -> None:
        self.server, self.store, self.folder = server, store, folder

    def get(self, connection_id: str) -> ConnectionInfo:
        """As the deployment's connections."""
        return directories.slapd_connection(cast("Slapd", self.server), connection_id, page_size=7)

    def fill(self, suffix: str, entries: office_year.Entries) -> None:
        """Let a naming context hold these and nothing else."""
        admin = self.server.administrator()
        directories.delete_below(admin, suffix)
        for dn, values in entries.items():
            admin.add_s(dn, [(name, [value.encode() for value in held]) for name, held in values.items()])
        admin.unbind_s()

    def run(self, definition: Collection) -> list[JobResult]:
        """Run it; everything succeeds."""
        run_id = f"run {next(_numbers)}"
        snapshot = self.store.runs.start(definition, run_id, trigger="test", requester="test", verified=False)
        results = run_collection(
            snapshot,
            snapshot.collection.jobs,
            deployment=Deployment(self, self.folder),
            store=self.store,
            holder="test",
            progress=silent,
        )
        return [succeed(result) for result in results]

    def preview(self, definition: Collection) -> list[JobResult]:
        """What would be done now."""
        deployment = Deployment(self, self.folder)
        return list(
            preview_collection(
                definition, definition.jobs, deployment=deployment, store=self.store, progress=silent
            )
        )


def silent(job: Job) -> Any:
    return lambda stage, done, total: None


@pytest.fixture
def office(directory389: Directory389, store: Store, tmp_path: Path) -> Iterator[Office]:
    """The office before the year; afterwards only the tops are left."""
    office = Office(directory389, store, tmp_path)
    office.fill(DESTINATION, office_year.destination(PLUGINS))
    yield office
    for suffix in (SOURCE, DESTINATION):
        office.fill(suffix, {suffix: {"objectClass": ["domain"]}})


@pytest.mark.parametrize("remove", ["all", "known"])
def test_a_year_of_an_office(office: Office, remove: str) -> None:
    """People and groups come, go, move and change names: all is right in the end, and the next plan is
    empty.
    """
    definition = office_year.collection(remove)
    office.fill(SOURCE, office_year.source(office_year.BEFORE))
    if remove == "known":
        # What the job met counts as known from then on.
        assert [list(result.changes) for result in office.run(definition)] == [[], []]
    office.fill(SOURCE, office_year.source())
    office.run(definition)
    assert_in_order(office.server, PLUGINS, own_classes=("top", "nsMemberOf"), nested=True)
    again = office.preview(definition)
    assert [list(each.changes) for each in again] == [[], []]
    assert [each.problems for each in again] == [(), ()]


# -- what the server says of itself --------------------------------------------------------------------------


def test_what_the_server_says(container: Container) -> None:
    """The schema has entryUUID as well, but only nsUniqueId is on every object; login and root DSE make no
    difference.
    """
    with closing(container.destination()) as endpoint:
        endpoint.check()
        assert isinstance(endpoint.server.root.behaviour, directory_389.Directory389)
        assert endpoint.rule("entryUUID") is not None
        assert endpoint.identity_field == "nsUniqueId"
        assert endpoint.is_identified
        dn = container.add("uid=fry")
        held = container.values(dn, "nsUniqueId", "entryUUID")
        assert (
            endpoint.identities([dn], among=1000)
            == endpoint.identities([dn], among=1)
            == {dn: held["nsUniqueId"][0]}
        )


def test_values_are_compared_by_syntax(container: Container) -> None:
    """Attributes for which the schema names no rule are no others to the server because of their case, so not
    to us.
    """
    with closing(container.destination()) as endpoint:
        rule = endpoint.rule("eduPersonPrincipalName")
        assert rule is not None
        assert rule.equality
        assert rule.normalise(b"Fry@X") == rule.normalise(b"fry@x")
        photo = endpoint.rule("jpegPhoto")
        assert photo is not None
        assert not photo.equality
        dn = container.add(
            "uid=fry",
            objectClass=["inetOrgPerson", "eduPerson"],
            cn="f",
            sn="f",
            eduPersonPrincipalName="Fry@X",
        )
        assert [record.id for record in endpoint.find("eduPersonPrincipalName", [b"fry@x"], ["cn"])] == [dn]


# -- jobs ----------------------------------------------------------------------------------------------------

FIELDS: dict[str, Any] = {
    "employeeNumber": {"from": "number", "key": True},
    "cn": "cn",
    "sn": "cn",
    "mail": "mail",
}


def job(corner: Corner, *rows: str, header: str = "number;cn;mail", **more: Any) -> dict[str, Any]:
    """From a file with these rows."""
    (corner.folder / "people.csv").write_text("\n".join((header, *rows, "")))
    return {"source": {"file": "people.csv", "delimiter": ";"}, "fields": FIELDS, "rdn": "cn", **more}


def held(corner: Corner, attribute: str) -> dict[str, list[str]]:
    """employeeNumber → values."""
    found = corner.container.admin.search_s(corner.place("to"), ldap.SCOPE_SUBTREE, "(employeeNumber=*)")
    return {
        entry["employeeNumber"][0].decode(): sorted(value.decode() for value in entry.get(attribute, ()))
        for _, entry in found
    }


def nothing_left(corner: Corner, **job: Any) -> None:
    """The next plan is empty."""
    again = corner.preview(**job)
    assert (list(again.changes), again.problems) == ([], ())


@pytest.mark.parametrize("count", [2, 3])
def test_addresses_go_round(corner: Corner, count: int) -> None:
    """Each gets the address of the next one, although the server lets only one object have it."""
    succeed(corner.run(**job(corner, *(f"{n};P{n};m{n}@x" for n in range(count)))))
    rows = [f"{n};P{n};m{(n + 1) % count}@x" for n in range(count)]
    succeed(corner.run(**job(corner, *rows)))
    assert held(corner, "mail") == {str(n): [f"m{(n + 1) % count}@x"] for n in range(count)}
    nothing_left(corner, **job(corner, *rows))


def test_freed_values(corner: Corner) -> None:
    """An address that a leaver has, or one that a colleague gives up, goes to a new person in the same
    run.
    """
    succeed(corner.run(**job(corner, "1;Ann;ann@x", "2;Bob;bob@x", "3;Cas;cas@x")))
    rows = ["2;Bob;bob2@x", "3;Cas;cas@x", "4;Dan;ann@x", "5;Eve;bob@x"]
    result = succeed(corner.run(limits={"delete": "none"}, **job(corner, *rows)))
    assert (result.statistics.created, result.statistics.updated, result.statistics.deleted) == (2, 1, 1)
    assert held(corner, "mail") == {"2": ["bob2@x"], "3": ["cas@x"], "4": ["ann@x"], "5": ["bob@x"]}


def test_only_what_the_job_knows_goes(corner: Corner) -> None:
    """The default: an account that the job never made stays; one that it made goes, also after it was renamed
    by hand.
    """
    corner.container.add("cn=service,ou=to", objectClass="inetOrgPerson", sn="s", employeeNumber="99")
    first = succeed(corner.run(**job(corner, "1;Ann;ann@x", "2;Bob;bob@x")))
    assert [(item.why, item.count) for item in first.left_alone] == [(WhyLeftAlone.UNKNOWN, 1)]
    corner.container.admin.rename_s(f"cn=Ann,{corner.place('to')}", "cn=Anna")
    result = succeed(corner.run(limits={"delete": "none"}, **job(corner, "2;Bob;bob@x")))
    assert result.statistics.deleted == 1
    assert held(corner, "cn") == {"2": ["Bob"], "99": ["service"]}


def test_names_go_round(corner: Corner) -> None:
    """People exchange their names by way of a temporary one; groups name the same people afterwards."""
    succeed(corner.run(**job(corner, "1;Ann;", "2;Bob;", "3;Cas;")))
    place = corner.place("to")
    corner.container.add("cn=g", objectClass="groupOfNames", member=[f"cn=Ann,{place}", f"cn=Bob,{place}"])
    rows = ["1;Bob;", "2;Cas;", "3;Ann;"]
    succeed(corner.run(**job(corner, *rows)))
    assert held(corner, "cn") == {"1": ["Bob"], "2": ["Cas"], "3": ["Ann"]}
    members = corner.container.values(f"cn=g,{corner.container.dn}", "member")["member"]
    # What the server lets follow it spells in lower case.
    assert sorted(value.lower() for value in members) == [
        f"cn={name},{place}".encode() for name in ("bob", "cas")
    ]
    assert {number: bool(groups) for number, groups in held(corner, "memberOf").items()} == {
        "1": True,
        "2": True,
        "3": False,
    }
    nothing_left(corner, **job(corner, *rows))


NAMES = [
    "Müller, Jürgen",
    "a+b=c",
    "#1",
    'Jo "Q" Public',
    "back\\slash",
    "日本 太郎",
    "Ünal",
    "a<b>;c",
    "Straße / Gasse",
]


def test_names_with_special_characters(lenient: Corner) -> None:
    """Characters that a DN escapes, and letters of other alphabets: created, found again, renamed, referred
    to and deleted.
    """
    corner = lenient
    fields = {**FIELDS, "manager": {"resolve": "boss", "match": "employeeNumber"}}

    def staff(suffix: str) -> dict[str, Any]:
        quoted = [(name + suffix).replace('"', '""') for name in NAMES]
        rows = [f'{n};"{name}";;{(n + 1) % len(NAMES)}' for n, name in enumerate(quoted)]
        return job(corner, *rows, header="number;cn;mail;boss", fields=fields)

    for suffix in ("", " II"):
        succeed(corner.run(**staff(suffix)))
        assert held(corner, "cn") == {str(n): [f"{name}{suffix}"] for n, name in enumerate(NAMES)}
        for number, (manager,) in held(corner, "manager").items():
            boss = f"{NAMES[(int(number) + 1) % len(NAMES)]}{suffix}"
            # What the server lets follow it spells in lower case.
            assert ldap.dn.str2dn(manager)[0][0][1].lower() == boss.lower()
        nothing_left(corner, **staff(suffix))
    succeed(corner.run(limits={"delete": "none"}, **job(corner, "100;Zoe;")))
    assert held(corner, "cn") == {"100": ["Zoe"]}


def test_uniqueness_and_escaped_names(corner: Corner) -> None:
    """Where Attribute Uniqueness is on, the server renames no object whose name is escaped; the message says
    so.
    """
    succeed(corner.run(**job(corner, "1;Lee, Ann;")))
    result = corner.run(**job(corner, "1;Lee, Anna;"))
    assert result.state is JobState.SUCCESS_WITH_ERRORS
    (message,) = (outcome.message for outcome in result.outcomes.values())
    assert (
        "the server's check for unique values fails for objects whose names hold characters such as commas"
        in message
    )
    assert held(corner, "cn") == {"1": ["Lee, Ann"]}


def test_another_spelling_arrives(corner: Corner) -> None:
    """What differs only in upper and lower case is written, in names too, and stays so."""
    succeed(corner.run(**job(corner, "1;ann lee;ann@x")))
    rows = ["1;Ann Lee;Ann@X"]
    exact = {**FIELDS, "cn": {"from": "cn", "exact": True}, "mail": {"from": "mail", "exact": True}}
    succeed(corner.run(**job(corner, *rows, fields=exact)))
    assert (held(corner, "cn"), held(corner, "mail")) == ({"1": ["Ann Lee"]}, {"1": ["Ann@X"]})
    nothing_left(corner, **job(corner, *rows, fields=exact))


def test_the_command(
    corner: Corner,
    slapd: Slapd,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store_url: str,
) -> None:
    """`check`, `preview` and `run` from the terminal: the preview says what the run does, the next one says
    nothing.
    """
    info = {
        "conn_type": "ldap",
        "host": "127.0.0.1",
        "port": slapd.port,
        "login": slapd.admin,
        "password": slapd.password,
    }
    monkeypatch.setenv("AIRFLOW_CONN_LAB", json.dumps({**info, "extra": {"security": "none"}}))
    monkeypatch.setenv("AIRFLOW_HOME", str(corner.folder / "airflow"))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    assert main(["db", "upgrade"]) == 0
    corner.people("from", "fry", "leela")
    side = {"connection": "lab", "filter": "(objectClass=inetOrgPerson)"}
    definition = {
        "name": "corp",
        "jobs": [
            {
                "name": "people",
                "source": {**side, "container": corner.place("from")},
                "destination": {**side, "container": corner.place("to")},
                "object": "inetOrgPerson",
                "rdn": "uid",
                "fields": {"uid": {"template": "{{ uid }}-2"}, "cn": {"from": "cn", "key": True}, "sn": "sn"},
            }
        ],
    }
    file = corner.folder / "corp.yaml"
    file.write_text(json.dumps(definition))
    capsys.readouterr()
    assert main(["preview", str(file), "--format", "json"]) == 10
    (report,) = json.loads(capsys.readouterr().out)["jobs"]
    assert report["statistics"]["created"] == 2
    assert main(["run", str(file)]) == 0
    assert corner.there() == {"fry-2", "leela-2"}
    assert main(["preview", str(file)]) == 0


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"badge": "1"}, "badge: the object would not fit its object classes"),
        ({"preferredLanguage": ["de", "fr"]}, "preferredLanguage: the attribute holds only one value"),
        (
            {"objectClass": ["inetOrgPerson", "robot"]},
            "the directory's schema has no such object class. Correct object_classes",
        ),
        ({"manager": "nobody"}, "manager: a value does not have the form"),
        (
            {"objectClass": "inetOrgPerson", "cn": "x"},
            "sn: the object's classes demand a value for this attribute",
        ),
        ({"uid": ["fry", "ü"]}, "a value breaks a rule of the directory"),
    ],
)
def test_refused_creation(container: Container, attributes: dict[str, Any], words: str) -> None:
    """What the server refuses is told in the same words as for other servers, whatever result code it
    uses.
    """
    dn = f"uid=fry,{container.dn}"
    classes = attributes.get("objectClass", "inetOrgPerson")
    given = attributes if "cn" in attributes else {"cn": "f", "sn": "f", **attributes, "objectClass": classes}
    with closing(container.destination()) as endpoint:
        outcome = write_one(endpoint, directories.creation(dn, **given))
    assert (outcome.result, words in outcome.message) == (Result.FAILED, True), outcome.message


def test_refused_changes(container: Container) -> None:
    """Taking away what the classes demand, a container with objects, one that is missing, an address that
    another has.
    """
    fry = container.add("uid=fry", mail="fry@x")
    other = container.add("uid=other", mail="other@x")
    inner = container.add("ou=inner", objectClass="organizationalUnit")
    container.add("uid=in,ou=inner")
    away = f"uid=fry,ou=away,{container.dn}"
    with closing(container.destination()) as endpoint:
        for change, words in (
            (update(fry, {"sn": ("fry", [])}), "sn: the object's classes demand a value"),
            (deletion(Record(inner, {})), "there are objects below it"),
            (update(fry, {}, new_object=away), "does not exist. Create it first, or correct the container"),
            (
                update(fry, {"mail": ("fry@x", "OTHER@x")}),
                f"{other} has the same mail, and the directory lets only one",
            ),
            (directories.person(f"uid=new,{container.dn}", mail="other@x"), f"{other} has the same mail"),
        ):
            outcome = write_one(endpoint, change)
            assert (outcome.result, words in outcome.message) == (Result.FAILED, True), outcome.message


def test_a_value_that_came_in_between(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single value that another program wrote after the look is not overwritten, and is a conflict, not a
    failure.
    """
    dn = container.add("uid=fry")
    with closing(container.destination()) as endpoint:

        def before_send() -> None:
            container.admin.modify_s(dn, [(ldap.MOD_REPLACE, "preferredLanguage", b"de")])

        change = update(dn, {"preferredLanguage": ([], "fr")})
        (outcome,) = endpoint.write([(0, change)], before_send=before_send)
    assert outcome.result is Result.CONFLICT, outcome
    assert container.values(dn, "preferredLanguage") == {"preferredLanguage": [b"de"]}


# -- logins and limits ---------------------------------------------------------------------------------------


@pytest.fixture
def reader(container: Container) -> Callable[..., ConnectionInfo]:
    """A login that may read the container's objects only; the attributes that are given limit it."""
    container.add("uid=reader", userPassword="secret pass")
    dn = f"uid=reader,{container.dn}"
    container.admin.modify_s(container.dn, [(ldap.MOD_ADD, "aci", _OPEN.format(dn=dn).encode())])

    def connect(*, page_size: int = 10, **limits: str) -> ConnectionInfo:
        container.admin.modify_s(
            dn, [(ldap.MOD_REPLACE, name, value.encode()) for name, value in limits.items()]
        )
        return replace(connection(container.slapd, page_size=page_size), login=dn, password="secret pass")

    return connect


def test_a_login_that_may_not_write(container: Container, reader: Callable[..., ConnectionInfo]) -> None:
    """The message names the attribute and the remedy."""
    with closing(directories.destination(reader(), container.dn)) as endpoint:
        endpoint.check()
        for change, words in (
            (
                update(container.add("uid=fry"), {"title": ([], "x"), "mail": ([], "m@x")}),
                "title: the login may not do this",
            ),
            (directories.person(f"uid=new,{container.dn}"), "the login may not do this"),
        ):
            outcome = write_one(endpoint, change)
            assert (outcome.result, words in outcome.message) == (Result.FAILED, True), outcome.message


def test_a_service_account(corner: Corner) -> None:
    """A login with rights that an ACI gives it, as in practice: what was created is known by the next run,
    and can be removed.
    """
    admin, login = (
        corner.container.admin,
        corner.container.add("uid=sync", userPassword=corner.container.slapd.password),
    )
    aci = f'(targetattr="*")(version 3.0; acl "sync"; allow(all) userdn="ldap:///{login}";)'.encode()
    admin.modify_s(DESTINATION, [(ldap.MOD_ADD, "aci", aci)])
    try:
        corner.connections["b"] = {"login": login}
        succeed(corner.run(**job(corner, "1;Ann;ann@x", "2;Bob;bob@x")))
        result = succeed(corner.run(limits={"delete": "none"}, **job(corner, "2;Bobby;ann@x")))
        assert (result.statistics.updated, result.statistics.deleted, result.left_alone) == (1, 1, ())
        assert (held(corner, "cn"), held(corner, "mail")) == ({"2": ["Bobby"]}, {"2": ["ann@x"]})
    finally:
        admin.modify_s(DESTINATION, [(ldap.MOD_DELETE, "aci", aci)])


def test_what_a_login_may_not_see(container: Container, slapd: Slapd) -> None:
    """A container that shows nothing is missing, not empty: the server answers a search there without an
    error.
    """
    dn = container.add("uid=nobody", userPassword="secret pass")
    blind = replace(connection(slapd), login=dn, password="secret pass")
    for each in (blind, replace(blind, login="", password="")):
        with (
            closing(directories.source(each, container.dn)) as source,
            pytest.raises(EndpointError) as caught,
        ):
            source.check()
        assert isinstance(caught.value, MissingObjectError)
        assert "does not exist, or this login may not see it" in caught.value.message


@pytest.mark.parametrize("hidden", [False, True])
def test_what_an_attempt_before_has_deleted(container: Container, slapd: Slapd, hidden: bool) -> None:
    """It is found done, if the login may search for what tells objects apart: others show it."""
    place = container.add("ou=team", objectClass="organizationalUnit", ou="team")
    ann, _ = container.add("uid=ann,ou=team"), container.add("uid=bob,ou=team")
    identity = container.values(ann, "nsUniqueId")["nsUniqueId"][0]
    login = container.add("uid=sync", userPassword=slapd.password)
    attributes = '!="nsUniqueId"' if hidden else '="*"'
    aci = f'(targetattr{attributes})(version 3.0; acl "sync"; allow(all) userdn="ldap:///{login}";)'.encode()
    container.admin.modify_s(container.dn, [(ldap.MOD_ADD, "aci", aci)])
    container.admin.delete_s(ann)
    change = Change(Action.DELETE, ann, ann, identity=identity)
    with closing(directories.destination(replace(connection(slapd), login=login), place)) as endpoint:
        (looked,) = endpoint.look([(0, change)], renamed={})
        (outcome,) = directories.write(endpoint, [change], verify=[0])
    expected = (Result.UNCERTAIN, Result.FAILED) if hidden else (Result.FOUND_DONE, Result.FOUND_DONE)
    assert (looked.result, outcome.result) == expected, outcome.message


def test_limits(container: Container, reader: Callable[..., ConnectionInfo]) -> None:
    """A listing is whole or raises: the size limit counts for each page, the look-through limit for all."""
    for number in range(40):
        container.add(f"uid=p{number}")

    def listed(info: ConnectionInfo) -> int:
        with closing(directories.source(info, container.dn, filter="(objectClass=inetOrgPerson)")) as source:
            return len(directories.records(source, "cn"))

    assert listed(reader(nsSizeLimit="15")) == 41
    with pytest.raises(IncompleteListing, match=r"its size limit .* nsSizeLimit of the login's entry"):
        listed(reader(page_size=30, nsSizeLimit="15"))
    with pytest.raises(
        IncompleteListing, match=r"administrative limit .* nsLookThroughLimit of the login's entry"
    ):
        listed(reader(nsLookThroughLimit="15"))


def failure(info: ConnectionInfo) -> EndpointError:
    """Why the destination cannot be used."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(EndpointError) as caught:
        patch.setattr(session, "RETRY_DELAYS", ())
        directories.source(info, DESTINATION).check()
    return caught.value


def test_logins(slapd: Slapd) -> None:
    """A wrong password, a name of nobody, and one that is no DN: the server says the same of all, so the last
    one gets advice.
    """
    for login in (slapd.admin, f"uid=gone,{DESTINATION}", "somebody"):
        error = failure(replace(connection(slapd), login=login, password="mistaken"))
        assert isinstance(error, AuthenticationError)
        assert "user name or password is wrong" in error.message
        assert ("as a DN" in error.remedy) is (login == "somebody")


@pytest.mark.parametrize("security", ["ldaps", "starttls"])
def test_certificates(directory389: Directory389, authority: Authority, security: str) -> None:
    """With the authority's file both kinds of protection work; without it the certificate is refused."""
    port = directory389.tls_port if security == "ldaps" else directory389.port
    slapd = cast("Slapd", directory389)
    trusting = connection(slapd, port=port, security=security, ca_certificate=str(authority.ca))
    with closing(directories.source(trusting, DESTINATION)) as source:
        source.check()
        assert source.warnings == ()
    error = failure(connection(slapd, port=port, security=security))
    assert isinstance(error, SecurityError)
    assert "ca_certificate" in error.remedy


def test_a_self_signed_certificate(self_signed: Directory389, authority: Authority) -> None:
    """As an installation makes one: refused and named as such, until it is given as the authority."""
    slapd, own = cast("Slapd", self_signed), authority.folder / "d389self.pem"
    error = failure(connection(slapd, port=self_signed.tls_port, security="ldaps"))
    assert isinstance(error, SecurityError)
    assert "self-signed" in error.message
    trusting = connection(slapd, port=self_signed.tls_port, security="ldaps", ca_certificate=str(own))
    with closing(directories.source(trusting, DESTINATION)) as source:
        source.check()


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_plain_on_an_ldaps_port(directory389: Directory389, security: str) -> None:
    """The server waits for more instead of closing the connection; the message says all the same what is
    wrong.
    """
    error = failure(
        connection(cast("Slapd", directory389), port=directory389.tls_port, security=security, timeout=1)
    )
    assert isinstance(error, SecurityError)
    assert "LDAPS" in error.message
