"""The steps *Source and Destination* and *Fields and Mapping*, with what they show of a real directory."""

from __future__ import annotations

import re
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.definition.documents import read_tree
from directory_sync.definition.nodes import Entries, to_data
from directory_sync.definition.templates import BUILT_IN
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.forms.mapping_rows import rows_of
from directory_sync.forms.rewriting import data_of
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import HOSTILE

PEOPLE = "ou=people,dc=example,dc=org"
BORIS = Person("boris", frozenset({"Admin"}), verified=True)


@pytest.fixture
def draft(seer: Looker, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new job's draft."""
    from directory_sync.portal import airflow_runs

    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *_, **__: None)
    return seer.post("/drafts", {"kind": "job"}).removeprefix("/dirsync").rpartition("/")[0]


def text(looker: Looker, draft: str) -> str:
    """The text of a draft."""
    id = draft.split("/")[2]
    return looker.store.drafts.get(id, looker.pages.person.name).text


def job(looker: Looker, draft: str) -> dict[str, Any]:
    """The job of a draft."""
    found: dict[str, Any] = data_of(text(looker, draft))["jobs"][0]
    return found


def number(page: str) -> str:
    """Of the draft that a page was made of."""
    found = re.search(r'name="number" value="(\d+)"', page)
    assert found is not None
    return found[1]


def send(looker: Looker, path: str, *, status: int = 303, **typed: Any) -> str:
    """Send a step's form."""
    return looker.post(path, {"number": number(looker.get(path)), "do": "save", **typed}, status=status)


def place(side: str, **inputs: str) -> dict[str, str]:
    """What is typed for a directory."""
    model = "DirectorySource" if side == "source" else "DirectoryDestination"
    typed = {f"{side}.{side}": model}
    for name, value in inputs.items():
        typed[f"{side}.{side}.{model}.{name.replace('__', '.')}"] = value
    if side == "destination":
        typed[f"{side}.{side}.{model}.container"] = "text"
    return typed


SOURCE = place("source", connection="lab", container=PEOPLE, scope="one", filter="(objectClass=*)")
DESTINATION = place(
    "destination", connection="lab", container__text="ou=groups,dc=example,dc=org", scope="subtree"
)


def part(looker: Looker, draft: str, name: str = "look", *, status: int = 200, **typed: Any) -> str:
    """A part that looks at what is typed."""
    answer = looker.client.post(
        f"/dirsync{draft}/{name}",
        data=typed,
        headers={"Sec-Fetch-Site": "same-origin", "HX-Request": "true"},
    )
    assert answer.status_code == status, answer.text
    assert "never-seen" not in answer.text
    return str(answer.text)


# -- Source and Destination ----------------------------------------------------------------------------------


def test_both_sides_are_typed_and_kept(seer: Looker, draft: str) -> None:
    """With the connections that the person may use."""
    page = seer.get(f"{draft}/endpoints")
    assert "Source and Destination" in page
    assert 'data-value="lab"' in page
    assert "Step 2 of 6" in text_of(page)
    assert send(seer, f"{draft}/endpoints", **SOURCE, **DESTINATION, do="next").endswith("/mapping")
    found = job(seer, draft)
    assert found["source"] == {"connection": "lab", "container": PEOPLE, "scope": "one"}
    assert found["destination"] == {"connection": "lab", "container": "ou=groups,dc=example,dc=org"}
    before = text(seer, draft)
    send(seer, f"{draft}/endpoints", **SOURCE, **DESTINATION)
    assert text(seer, draft) == before


def test_a_condition_is_added_to_the_filter(seer: Looker, draft: str) -> None:
    """What is typed is a value, whatever it holds; all conditions have to be met."""
    path = f"{draft}/endpoints"
    typed = {"source-attribute": "sn", "source-operator": "starts", "source-value": "M*)(uid=*"}
    send(seer, path, **SOURCE, **typed, do="condition:source")
    assert job(seer, draft)["source"]["filter"] == r"(sn=M\2a\29\28uid=\2a*)"
    more = {**SOURCE, "source.source.DirectorySource.filter": job(seer, draft)["source"]["filter"]}
    typed = {"source-attribute": "mail", "source-operator": "absent", "source-value": ""}
    send(seer, path, **more, **typed, do="condition:source")
    assert job(seer, draft)["source"]["filter"] == r"(&(sn=M\2a\29\28uid=\2a*)(!(mail=*)))"
    for wrong in ({"source-attribute": "a b"}, {"source-attribute": "sn", "source-operator": "is"}):
        page = send(seer, path, status=422, **SOURCE, **wrong, do="condition:source")
        assert "into the condition" in page


GAL = "(&(objectCategory=person)(objectClass=user)(mail=*))"
CONTACTS = "(&(objectClass=contact)(mail=*))"


@pytest.fixture
def templated(seer: Looker, draft: str) -> str:
    """A draft whose job is made of a template."""
    typed = {"details.name": "gal", "details.enabled": "true", "template": "sync_gal"}
    send(seer, f"{draft}/details", **typed)
    assert job(seer, draft)["template"] == "sync_gal"
    return draft


def test_a_condition_is_added_to_the_filter_of_a_template(seer: Looker, templated: str) -> None:
    """Not put in its place: the job would then delete what the template does not select."""
    path = f"{templated}/endpoints"
    for side, given in (("source", GAL), ("destination", CONTACTS)):
        both = {**SOURCE, **DESTINATION, "source.source.DirectorySource.filter": GAL}
        both["destination.destination.DirectoryDestination.filter"] = CONTACTS
        typed = {f"{side}-attribute": "l", f"{side}-operator": "is", f"{side}-value": "Köln"}
        send(seer, path, **both, **typed, do=f"condition:{side}")
        assert job(seer, templated)[side]["filter"] == f"{given[:-1]}(l=Köln))"


def test_looks_see_what_a_template_gives(seer: Looker, templated: str) -> None:
    """A query that was tried reads what a run would read, and no more."""
    send(seer, f"{templated}/endpoints", **SOURCE, **DESTINATION)
    typed = {**SOURCE, **DESTINATION, "look": "records", "side": "source"}
    typed["source.source.DirectorySource.filter"] = GAL
    assert "ann" not in part(seer, templated, **typed)


def test_lines_of_a_template_are_lines_of_the_grid(seer: Looker, templated: str) -> None:
    """They are shown, mapped once, and written where they are changed."""
    path = f"{templated}/mapping"
    send(seer, f"{templated}/endpoints", **SOURCE, **DESTINATION)
    page = seer.get(path)
    assert '.destination" value="targetAddress"' in page
    assert '<option value="mail_contact" selected>' in page
    given = {name: value for name, value in rows_given().items() if name in ("mail", "cn")}
    rows = {row.destination: row for row in rows_of(rows_given())}
    typed: dict[str, Any] = {"map.rows": [str(rows[name].index) for name in given], "object": "mail_contact"}
    for name in given:
        row = rows[name]
        typed |= {row.name("was"): name, row.name("destination"): name, row.name("flags"): "yes"}
        typed |= {row.name("kind"): "from", row.name("delimiter"): ""}
        typed |= {row.name(each.key): value for each, value in row.inputs}
        typed |= {row.name(flag): "yes" for flag in row.flags}
    send(seer, path, **typed)
    assert "fields" not in job(seer, templated)
    assert "object" not in job(seer, templated)
    typed[rows["cn"].name("from")] = "displayName"
    send(seer, path, **typed)
    assert job(seer, templated)["fields"] == {"cn": "displayName"}
    refused = send(seer, path, status=422, **{**typed, "do": f"unmap:{rows['mail'].index}"})
    assert "template of this job gives" in text_of(refused)
    refused = send(seer, path, status=422, **{**typed, rows["mail"].name("destination"): "mailbox"})
    assert "template of this job gives" in text_of(refused)
    assert job(seer, templated)["fields"] == {"cn": "displayName"}


def test_same_names_leave_the_lines_of_a_template_alone(seer: Looker, templated: str) -> None:
    """A copy in their place would be no key any more."""
    source = {**SOURCE, "source.source.DirectorySource.filter": "(objectClass=*)"}
    send(seer, f"{templated}/endpoints", **source, **DESTINATION)
    seer.post(
        f"{templated}/mapping",
        {"number": number(seer.get(f"{templated}/mapping")), "do": "same", "object": "user"},
        status=422,
    )
    assert "fields" not in job(seer, templated)


def rows_given() -> dict[str, Any]:
    """The lines that the template gives."""
    root, _ = read_tree(BUILT_IN.get("jobs", "sync_gal"))
    assert isinstance(root, Entries)
    found: dict[str, Any] = to_data(root)["fields"]
    return found


def test_a_column_is_put_into_a_condition(seer: Looker, draft: str) -> None:
    """Whatever its name, unless a filter would read it otherwise."""
    path = f"{draft}/endpoints"
    file = {"source.source": "FileEndpoint", "source.source.FileEndpoint.file": "people.csv"}
    typed = {"source-attribute": "First name", "source-operator": "is", "source-value": "Amy"}
    send(seer, path, **file, **typed, do="condition:source")
    assert job(seer, draft)["source"]["filter"] == "(First name=Amy)"
    file["source.source.FileEndpoint.filter"] = "(First name=Amy)"
    typed |= {"source-attribute": "Last name"}
    send(seer, path, **file, **typed, do="condition:source")
    assert job(seer, draft)["source"]["filter"] == "(&(First name=Amy)(Last name=Amy))"
    for hostile in ("a)(b", "a=b", "(a", "a*"):
        send(seer, path, status=422, **file, **{**typed, "source-attribute": hostile}, do="condition:source")


def test_a_connection_is_tested(seer: Looker, draft: str) -> None:
    """What stands in the form counts, saved or not; errors are parts too."""
    path = f"{draft}"
    found = part(seer, path, look="test", side="source", **SOURCE)
    assert "The connection works." in text_of(found)
    assert "dc=example,dc=org" in found
    assert job(seer, draft).get("source") is None
    assert "Choose a connection for the source first" in part(seer, path, look="test", side="source")
    gone = {**SOURCE, "source.source.DirectorySource.connection": "gone"}
    assert "Add it." in part(seer, path, look="test", side="source", **gone)
    assert "There is no such look" in part(seer, path, look="nonsense")


def test_a_container_is_picked_from_a_tree_with_counts(seer: Looker, draft: str) -> None:
    """Level by level; the numbers come after the names."""
    top = part(seer, draft, look="containers", side="source", **SOURCE)
    assert 'data-value="dc=example,dc=org"' in top
    level = part(seer, draft, look="containers", side="destination", under="dc=example,dc=org", **DESTINATION)
    assert f'data-value="{PEOPLE}"' in level
    assert 'data-fill="destination.destination.DirectoryDestination.container.text"' in level
    assert 'hx-trigger="load"' in level
    counts = part(seer, draft, look="counts", side="source", under="dc=example,dc=org", **SOURCE)
    assert "4 objects in" in text_of(counts)
    assert "2 objects" in counts
    assert 'hx-swap-oob="true"' in counts
    assert "is not a DN" in part(seer, draft, look="counts", side="source", under=HOSTILE, **SOURCE)


def test_a_query_is_tried(seer: Looker, draft: str) -> None:
    """Count, first records, and the filter as it takes effect."""
    found = text_of(part(seer, draft, look="records", side="source", **SOURCE))
    assert "2 records" in found
    assert "(objectClass=*)" in found
    assert "ann" in found
    assert "userPassword" in found  # that it is not shown
    assert "Fill in the container first" in part(
        seer,
        draft,
        look="records",
        side="source",
        **{**SOURCE, "source.source.DirectorySource.container": ""},
    )
    files = part(seer, draft, look="files", side="source")
    assert 'data-value="staff.csv"' in files
    file = {"source.source": "FileEndpoint", "source.source.FileEndpoint.file": "staff.csv"}
    assert "1 record" in text_of(part(seer, draft, look="records", side="source", **file))


def test_hostile_texts_are_only_texts(
    seer: Looker, draft: str, connections: dict[str, ConnectionInfo]
) -> None:
    """In fields, in conditions, in names of connections."""
    path = f"{draft}/endpoints"
    typed = place("source", connection=HOSTILE, container=HOSTILE, filter=HOSTILE)
    send(seer, path, **typed)
    assert "<script>alert" not in seer.get(path)
    assert "<script>alert" not in part(seer, draft, look="test", side="source", **typed)
    assert "<script>alert" not in part(seer, draft, look="records", side="source", **typed)


def test_who_may_use_no_connection_hears_who_can_help(seer: Looker, draft: str, rules: None) -> None:
    """In the step itself; a draft of another person is not found."""
    nobody = Person("ada", frozenset({"Editors of nothing", "Admin"}), verified=True)
    seer.become(nobody)
    seer.get(f"{draft}/endpoints")
    seer.become(BORIS)
    seer.get(f"{draft}/endpoints", status=404)
    part(seer, draft, status=404, look="test", side="source", **SOURCE)


# -- Fields and Mapping --------------------------------------------------------------------------------------


def grid(looker: Looker, draft: str, **changes: str) -> dict[str, Any]:
    """The grid as it is shown, with some inputs changed."""
    values: dict[str, Any] = {"map.rows": [], "object": job(looker, draft).get("object", "")}
    for row in rows_of(job(looker, draft).get("fields"), spare=3):
        values["map.rows"].append(str(row.index))
        values |= {row.name("was"): row.destination, row.name("destination"): row.destination}
        values |= {row.name("flags"): "yes", row.name("delimiter"): row.delimiter}
        if row.kind is not None:
            values[row.name("kind")] = row.kind.key
            values |= {row.name(each.key): text for each, text in row.inputs}
            values |= {row.name(flag): "yes" for flag in row.flags}
    return values | {name.replace("__", "."): value for name, value in changes.items()}


@pytest.fixture
def mapped(seer: Looker, draft: str) -> str:
    """A draft with both sides."""
    send(seer, f"{draft}/endpoints", **SOURCE, **DESTINATION)
    return draft


def test_fields_are_mapped_in_a_grid(seer: Looker, mapped: str) -> None:
    """Key, destination, source; what is sent again changes nothing."""
    path = f"{mapped}/mapping"
    page = seer.get(path)
    for label in ("Key", "Destination", "Source", "Transform", "Delimiter", "New only", "Map same names"):
        assert label in page
    typed = grid(seer, mapped, object="user", map__0__destination="cn", map__0__from="cn", map__0__key="yes")
    typed |= {"map.1.destination": "sn", "map.1.kind": "join"}
    send(seer, path, **typed)
    fields = job(seer, mapped)["fields"]
    assert fields["cn"] == {"from": "cn", "key": "true"}
    assert fields["sn"] == {"join": []}
    before = text(seer, mapped)
    send(seer, path, **grid(seer, mapped))
    assert text(seer, mapped) == before
    send(seer, path, **grid(seer, mapped, map__1__join="cn, sn", map__1__separator="-"))
    assert job(seer, mapped)["fields"]["sn"] == {"join": ["cn", "sn"], "separator": "-"}
    send(seer, path, **grid(seer, mapped), do="template:1")
    assert job(seer, mapped)["fields"]["sn"]["template"] == "{{ [cn, sn]|select|join('-') }}"
    send(seer, path, **grid(seer, mapped), do="unmap:1")
    assert list(job(seer, mapped)["fields"]) == ["cn"]


def test_a_line_that_is_kept_by_another_name_is_told(seer: Looker, mapped: str) -> None:
    """The step is not left: what would be written is not what was typed."""
    path = f"{mapped}/mapping"
    send(seer, path, **grid(seer, mapped, object="user", map__0__destination="cn", map__0__from="cn"))
    for change in (
        {"map__1__destination": "CN", "map__1__from": "sn"},
        {"map__1__destination": "", "map__1__from": "sn"},
    ):
        before = text(seer, mapped)
        page = send(seer, path, status=422, **{**grid(seer, mapped, **change), "do": "next"})
        assert "remove the line" in text_of(page)
        assert text(seer, mapped) != before
        rows = list(job(seer, mapped)["fields"])
        assert len(rows) == 2
        send(seer, path, **grid(seer, mapped), do="unmap:1")


def test_the_naming_attribute_is_written_and_taken_away(seer: Looker, mapped: str) -> None:
    """As it is typed; what is empty says nothing."""
    send(seer, f"{mapped}/mapping", **grid(seer, mapped, rdn="uid"))
    assert job(seer, mapped)["rdn"] == "uid"
    before = text(seer, mapped)
    send(seer, f"{mapped}/mapping", **grid(seer, mapped))
    assert text(seer, mapped) == before
    send(seer, f"{mapped}/mapping", **grid(seer, mapped, rdn=" "))
    assert "rdn" not in job(seer, mapped)


def test_another_kind_goes_on_at_its_line(seer: Looker, mapped: str) -> None:
    """Its first input has the focus; more lines are one button away."""
    path = f"{mapped}/mapping"
    typed = grid(seer, mapped, map__0__destination="a&b", map__0__kind="join")
    assert send(seer, path, **typed, do="kind:0").endswith(f"{path}?opened=a%26b")
    page = seer.get(f"{path}?opened=a%26b")
    assert re.search(r'name="map\.0\.join"[^>]* autofocus', page)
    assert not re.search(r'name="map\.0\.join"[^>]* autofocus', seer.get(path))


def test_same_names_are_mapped_by_what_is_there(seer: Looker, mapped: str) -> None:
    """Fields that the source fills and the destination takes; no password, no class."""
    send(seer, f"{mapped}/mapping", **grid(seer, mapped, object="user"), do="same")
    assert job(seer, mapped)["fields"] == {"cn": "cn", "sn": "sn"}
    page = send(seer, f"{mapped}/mapping", status=422, **grid(seer, mapped), do="same")
    assert "No field of the source" in page


def test_the_field_reference_shows_what_fields_hold(seer: Looker, mapped: str) -> None:
    """Type, one or several, share, samples; what must be mapped is marked."""
    found = text_of(part(seer, mapped, "fields", **grid(seer, mapped, object="user")))
    assert "Fields of the source" in found
    assert "100 %" in found
    assert "secret, not shown" in found
    assert "must be mapped" in found
    assert "ann; bob" in found
    broken = part(seer, mapped, "fields", **grid(seer, mapped, object="<script>"))
    assert "<script>" not in broken


def test_hostile_names_stay_names(seer: Looker, mapped: str) -> None:
    """And 500 fields are a grid of 500 lines."""
    path = f"{mapped}/mapping"
    send(seer, path, **grid(seer, mapped, map__0__destination=HOSTILE, map__0__from=HOSTILE))
    assert "<script>alert" not in seer.get(path)
    typed: dict[str, Any] = {"map.rows": [str(each) for each in range(500)], "object": "user"}
    for each in range(500):
        typed |= {
            f"map.{each}.was": "",
            f"map.{each}.destination": f"f{each}",
            f"map.{each}.from": f"s{each}",
        }
    send(seer, path, **typed)
    assert len(job(seer, mapped)["fields"]) == 501
    assert seer.get(path).count('name="map.rows"') == 504


# -- one record ----------------------------------------------------------------------------------------------


@pytest.fixture
def whole(seer: Looker, mapped: str) -> str:
    """A job that could be saved."""
    send(seer, f"{mapped}/mapping", **grid(seer, mapped, object="user"), do="same")
    send(seer, f"{mapped}/mapping", **grid(seer, mapped, map__0__key="yes"))
    return mapped


def test_one_record_is_tried(seer: Looker, whole: str) -> None:
    """Five steps, of what stands in the form; what is not complete is told."""
    typed = grid(seer, whole)
    found = text_of(part(seer, whole, "record", **typed, **{"try-field": "cn", "try-value": "ann"}))
    for step in ("Found: cn=ann", "In scope: yes", "Mapped:", "Matched: with no object", "would be created"):
        assert step in found, step
    assert "Would create cn=ann,ou=groups,dc=example,dc=org" in found
    none = part(seer, whole, "record", **typed, **{"try-field": "cn", "try-value": "nobody"})
    assert "the source has no such record" in none
    assert "Write a field" in part(seer, whole, "record", **typed)
    hostile = part(seer, whole, "record", **typed, **{"try-field": HOSTILE, "try-value": HOSTILE})
    assert "<script>alert" not in hostile
    broken = {**typed, "map.0.destination": "cn", "map.0.from": ""}
    told = part(seer, whole, "record", **broken, **{"try-field": "cn", "try-value": "ann"})
    assert "Correct this first" in told


def test_an_example_is_shown_at_the_field(seer: Looker, whole: str) -> None:
    """With real values, and without the input."""
    assert "Show an example" in seer.get(f"{whole}/mapping")
    typed = grid(seer, whole, map__1__kind="template")
    send(seer, f"{whole}/mapping", **typed)
    typed = grid(seer, whole, map__1__template="{{ sn|upper }}!")
    found = text_of(part(seer, whole, "example", row="1", **typed))
    assert "sn = x → X!" in found
    assert "A record without the input: sn = no value → !" in found
    assert "not mapped" in part(seer, whole, "example", row="77", **typed)


def test_no_record_is_tried_past_the_rules(
    seer: Looker, whole: str, rules: None, connections: dict[str, ConnectionInfo]
) -> None:
    """What may not be saved is not tried; a source is not read by those who may not use it."""
    typed = {**grid(seer, whole), "try-field": "cn", "try-value": "ann"}
    seer.become(Person("ada", frozenset({"Editors"}), verified=True))
    assert "by the rules of the deployment" in part(seer, whole, "record", **typed)
    seer.become(Person("ada", frozenset({"Op"}), verified=True))
    assert "Would create" not in part(seer, whole, "record", **typed)
