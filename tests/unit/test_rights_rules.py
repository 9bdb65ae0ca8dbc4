"""Whether a collection keeps to the rules of connections, whatever it tries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection, ObjectKind
from directory_sync.definition.places import Places
from directory_sync.endpoints.ldap.flavours import GENERIC
from directory_sync.endpoints.ldap.flavours.active_directory import ActiveDirectory
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.rights.judgement import RuleCode, broken_when_saved, newly_chosen
from directory_sync.rights.kinds import CLASSES, NAMED_BY, asks_for
from directory_sync.rights.words import rule_problems
from directory_sync.rights.written import Way, field_type
from tests.scenarios.definitions import changed
from tests.scenarios.planning import FIELDS, destination_of, one_job, plan_of, source_of
from tests.scenarios.rules import ADMINISTRATORS, broken, codes, job, never, only, rules_for, rules_of

EDITORS = ("Editors",)


# -- who may use a connection --------------------------------------------------------------------------------


def test_without_rules_nothing_is_broken() -> None:
    """A deployment without a file goes on as before."""
    assert broken(job(), None) == []
    assert broken(job(), None, roles=()) == []


def test_a_saved_collection_needs_a_role_for_each_side() -> None:
    """The roles of its author, as they were stored."""
    rules = rules_for(
        corp={"source": {"roles": ["Editors"]}}, lab={"destination": {"roles": ["Editors", "Lab"]}}
    )
    assert codes(job(), rules, roles=EDITORS) == []
    assert codes(job(), rules, roles=("Lab",)) == ["roles"]
    assert codes(job(), rules, roles=("editors",)) == ["roles", "roles"]
    assert codes(job(), rules, roles=()) == ["roles", "roles"]


@pytest.mark.parametrize(
    "rules",
    [
        rules_for(),
        rules_for(corp={"destination": {"roles": ["Editors"]}}, lab={"source": {"roles": ["Editors"]}}),
        rules_for(corp={"source": {}}, lab={"destination": {"never_write": ["mail"]}}),
    ],
)
def test_what_the_rules_do_not_name_is_for_administrators(rules: Any) -> None:
    """A connection, a side of it, or its roles; files are not bound by roles at all."""
    assert codes(job(), rules, roles=EDITORS) == ["roles", "roles"]
    assert codes(job(), rules, roles=ADMINISTRATORS) == []
    assert codes(job(), rules) == []


def test_roles_that_are_named_are_all() -> None:
    """Administrators are not among them by themselves, and an empty list names no one."""
    rules = rules_for(corp={"source": {"roles": ["Editors"]}}, lab={"destination": {"roles": []}})
    assert codes(job(), rules, roles=ADMINISTRATORS) == ["roles", "roles"]
    assert codes(job(), rules, roles=(*ADMINISTRATORS, *EDITORS)) == ["roles"]


def test_files_of_the_data_folder_have_a_rule_of_their_own() -> None:
    """They hold what other collections write and read, so they are no way around a connection's rule."""
    collection = job(("source", {"file": "hr.csv"}))
    rules = "connections: {lab: {destination: {roles: [Editors]}}}\n"
    (found,) = broken(collection, rules_of(rules), roles=EDITORS)
    assert (found.code, found.connection, found.path) == (RuleCode.ROLES, None, ("jobs", 0, "source"))
    allowed = rules_of(rules + "data_folder: {source: {roles: [Editors]}}\n")
    assert codes(collection, allowed, roles=EDITORS) == []


def test_a_file_on_an_object_store_uses_its_connection() -> None:
    """Not the data folder."""
    collection = job(("source", {"file": "hr.csv", "connection": "s3"}))
    rules = rules_of(
        "connections: {lab: {destination: {roles: [Editors]}}}\ndata_folder: {source: {roles: [Editors]}}"
    )
    (found,) = broken(collection, rules, roles=EDITORS)
    assert (found.connection, found.path) == ("s3", ("jobs", 0, "source", "connection"))


@pytest.mark.parametrize(
    "name", ["LAB", "Lab", " lab", "lab ", "x/../lab", "./lab", "%6cab", "l\uff41b", "/lab"]
)
def test_another_spelling_is_no_other_connection(name: str) -> None:
    """`AIRFLOW_CONN_LAB` answers to `lab`, `Lab` and `LAB`, and some secret backends take a name as a path.
    What only one of them is ruled for would not hold for the others.
    """
    collection = job(("destination.connection", name))
    (found,) = broken(collection, never("cn"))
    assert (found.code, found.subject) == (RuleCode.SPELLED_OTHERWISE, ("lab",))
    assert codes(collection, never("cn"), roles=ADMINISTRATORS) == ["spelled_otherwise"]


def test_a_name_that_the_rules_spell_so_is_that_connection() -> None:
    """Also where another one differs in case only: each has its own rule then."""
    rules = rules_for(
        lab={"destination": {"never_write": ["cn"]}}, LAB={"destination": {"never_write": ["sn"]}}
    )
    assert codes(job(("destination.connection", "LAB")), rules) == []
    assert "never_write" in codes(job(), rules)


def test_jobs_that_are_not_enabled_are_bound_too() -> None:
    """A terminal can run them by their names."""
    assert "never_write" in codes(job(("enabled", False)), never("cn"))


# -- object types --------------------------------------------------------------------------------------------


def test_a_job_of_another_type_is_refused_on_either_side() -> None:
    """Also of a file."""
    collection = job(("object", "group"), ("destination.filter", "(objectClass=user)"))
    assert codes(collection, only("user")) == ["object"]
    assert codes(collection, rules_for(corp={"source": {"objects": ["user", "contact"]}})) == ["object"]
    assert codes(job(), only("user")) == []
    assert codes(job(), only()) == ["object", "object_filter"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("object_classes", ["inetOrgPerson", "posixAccount"]), "object_classes"),
        (("object_classes", ["top", "GROUP"]), "object_classes"),
        (("fields.objectClass", "objectClass"), "object_classes"),
        (("fields.OBJECTCLASS", {"static": "group"}), "object_classes"),
        (("fields.2.5.4.0", {"template": "group"}), "object_classes"),
        (("destination.filter", "(objectClass=*)"), "object_filter"),
        (("destination.filter", "(cn=*)"), "object_filter"),
        (("destination.filter", "(objectClass=group)"), "object_filter"),
        (("destination.filter", "(!(objectClass=user))"), "object_filter"),
        (("destination.filter", "(|(objectClass=user)(cn=*))"), "object_filter"),
        (("destination.filter", "(|(objectClass=user)(objectClass=group))"), "object_filter"),
        (("destination.filter", "(&(cn=*)(!(objectClass=user)))"), "object_filter"),
        (("destination.filter", "(objectClass=us*r)"), "object_filter"),
        (("destination.filter", "(|)"), "object_filter"),
        (("destination.filter", ...), "object_filter"),
        (("destination.unmanaged_match", "reuse"), "unmanaged_match"),
    ],
)
def test_a_type_is_more_than_what_a_job_calls_its_objects(change: tuple[str, Any], code: str) -> None:
    """It also decides about classes of new objects and about what is managed."""
    key, value = change
    collection = job(("fields", {"employeeID": {"from": "employeeID", "key": True}, "cn": "cn"}))
    if key.startswith("fields."):
        fields = {"employeeID": {"from": "employeeID", "key": True}, "cn": "cn", key[len("fields.") :]: value}
        collection = job(("fields", fields))
    else:
        collection = job(change)
    assert code in codes(collection, only("user"))


@pytest.mark.parametrize(
    "filter",
    [
        "(objectClass=user)",
        "(OBJECTCLASS=User)",
        "(2.5.4.0=inetOrgPerson)",
        "(&(objectCategory=person)(objectClass=user))",
        "(|(objectClass=user)(&(cn=*)(objectClass=inetOrgPerson)))",
    ],
)
def test_a_filter_that_demands_the_type_keeps_to_it(filter: str) -> None:
    """In any way that a filter can."""
    assert codes(job(("destination.filter", filter)), only("user")) == []


def test_further_classes_can_be_allowed() -> None:
    """An auxiliary class makes no other object of it."""
    collection = job(("object_classes", ["inetOrgPerson", "posixAccount"]))
    assert codes(collection, only("user", object_classes=["POSIXAccount"])) == []


def test_types_and_classes_are_those_that_directories_are_given() -> None:
    """The table follows the flavours, which it must not load."""
    flavours = (ActiveDirectory().classes, GENERIC.classes)
    for kind in ObjectKind:
        lists = [classes.get(kind.value, ()) for classes in flavours]
        assert set(CLASSES[kind]) == {name for each in lists for name in each}
        assert set(NAMED_BY[kind]) == {each[-1] for each in lists if each}


# -- fields --------------------------------------------------------------------------------------------------

SPELLINGS = st.sampled_from(
    ["mail", "MAIL", "Mail", "mail;binary", "mail;lang-de;x-y", "oid.mail", "OID.Mail", "rfc822Mailbox",
     "0.9.2342.19200300.100.1.3", "oid.0.9.2342.19200300.100.1.3", " mail ", "\uff4dail"]
)  # fmt: skip
MAPPINGS = st.sampled_from(
    [
        "mail",
        {"from": "x", "key": True, "exact": True},
        {"from": "x", "new_only": True},
        {"static": "x"},
        {"static": ["x", "y"]},
        {"join": ["a", "b"]},
        {"left": "a", "length": 1},
        {"substring": "a", "start": 1},
        {"map": "a", "values": {"a": "b"}},
        {"template": "{{ a }}"},
        {"script": "m.f"},
        {"resolve": "a", "match": "uid"},
        {"members": "a", "match": "uid"},
        {"generate_password": {}},
    ]
)


@given(SPELLINGS, SPELLINGS, MAPPINGS, st.sampled_from(["create", "skip"]))
def test_a_field_is_not_written_under_any_name_in_any_way(
    ruled: str, spelled: str, mapping: Any, missing: str
) -> None:
    """Whatever its case, its options and its other names, and wherever the value comes from."""
    assume(";" not in ruled)
    collection = job(
        ("fields", {"uid": {"from": "uid", "key": True}, "cn": "cn", spelled: mapping}),
        ("missing_at_destination", missing),
    )
    (found,) = broken(collection, never("sn", ruled))
    assert (found.code, found.subject) == (RuleCode.NEVER_WRITE, (spelled,))
    assert found.path == ("jobs", 0, "fields", spelled)


@pytest.mark.parametrize(
    ("field", "change", "way"),
    [
        ("objectClass", ("object_classes", ["user"]), Way.CLASSES),
        ("OBJECTCLASS", ("missing_at_destination", "create"), Way.CLASSES),
        ("2.5.4.0", ("missing_at_destination", "create"), Way.CLASSES),
        ("uid", ("rdn", "userid"), Way.NAMING),
        ("name", ("rdn", "cn"), Way.NAMING),
        ("commonName", ("missing_at_destination", "create"), Way.FIELD),
        ("useraccountcontrol", ("missing_at_source", "disable"), Way.DISABLING),
        ("nsAccountLock", ("missing_at_source", {"disable": "now", "delete": "30d"}), Way.DISABLING),
        ("userAccountControl", ("missing_at_source", {"move": "OU=x", "disable": True}), Way.DISABLING),
        ("title", ("destination", {"file": "a.ldif"}), Way.ANY_NAME),
        ("unicodePwd", ("fields.password", {"generate_password": {}}), Way.PASSWORD),
        ("userPassword", ("fields.unicodePwd", "pwd"), Way.PASSWORD),
        ("userPassword", ("fields.OID.2.5.4.35;binary", {"static": "x"}), Way.PASSWORD),
    ],
)
def test_what_a_definition_writes_without_mapping_it_counts(
    field: str, change: tuple[str, Any], way: Way
) -> None:
    """Classes, names of objects, disabling, and passwords under the name that the directory gives them."""
    key, value = change
    if key.startswith("fields."):
        change = ("fields", {"uid": {"from": "uid", "key": True}, "cn": "cn", key[len("fields.") :]: value})
    if way is Way.ANY_NAME:
        change = ("fields", {"uid": {"from": "uid", "key": True}, "DN": "dn"})
        rules = rules_of(f"data_folder: {{destination: {{never_write: [{field}]}}}}")
        collection = job(("destination", {"file": "a.ldif"}), change)
        assert codes(collection, rules_of("data_folder: {destination: {never_write: []}}")) == []
    else:
        rules, collection = never(field), job(change)
    assert way in [found.way for found in broken(collection, rules)]


def test_what_a_job_does_not_do_is_no_reason() -> None:
    """A job that neither creates nor disables writes neither classes nor such flags."""
    collection = job(("missing_at_destination", "skip"), ("missing_at_source", {"move": "OU=x"}))
    assert codes(collection, never("objectClass", "userAccountControl", "nsAccountLock", "mail")) == []


def test_rows_have_neither_classes_nor_names() -> None:
    """Only their columns count."""
    rules = rules_of("data_folder: {destination: {never_write: [objectClass, cn, NAME]}}")
    table = {"uid": {"from": "uid", "key": True}, "Name": "cn"}
    collection = job(("destination", {"file": "a.csv"}), ("object", "row"), ("fields", table))
    (found,) = broken(collection, rules)
    assert found.subject == ("Name",)


def test_entries_of_a_file_have_both() -> None:
    """An LDIF file is a directory written down."""
    rules = rules_of("data_folder: {destination: {objects: [user], never_write: [objectClass]}}")
    collection = job(("destination", {"file": "a.ldif"}), ("object_classes", ["group"]))
    assert codes(collection, rules) == ["object_classes", "never_write"]


def test_what_templates_and_aliases_give_is_judged_like_what_is_written() -> None:
    """A collection is judged when it is complete."""
    text = """
name: lab
jobs:
- name: people
  source: {connection: corp, container: "OU=People,DC=corp,DC=example"}
  destination: &there {connection: lab, container: "OU=People,DC=lab,DC=example", filter: (objectClass=user)}
  object: user
  fields: &fields {employeeID: {from: employeeID, key: true}, cn: cn, sAMAccountName: a, mail: &m {static: x}}
- name: more
  source: {connection: corp, container: "OU=People,DC=corp,DC=example"}
  destination: *there
  object: user
  fields: *fields
"""
    found = broken(load_text(text, "a.yaml").collection, never("MAIL"))
    assert [each.job for each in found] == ["people", "more"]


FIELD_NAMES = ["uid", "cn", "mail", "sn", "Mail;lang-de", "objectClass"]


@given(
    st.sets(st.sampled_from(FIELD_NAMES), min_size=1),
    st.sets(st.sampled_from(["UID", "cn", "MAIL", "surname", "objectclass", "title"]), max_size=3),
    st.sampled_from(["create", "skip"]),
    st.sampled_from([None, ["top", "person"]]),
    st.booleans(),
)
def test_no_plan_of_a_collection_that_keeps_to_the_rules_writes_such_a_field(
    names: set[str], forbidden: set[str], missing: str, classes: list[str] | None, exact: bool
) -> None:
    """Seen at the plans themselves, for new objects and for changed ones."""
    fields = {**dict.fromkeys(names, "x"), **{name: FIELDS[name] for name in ("uid", "cn")}}
    fields["uid"] = {**fields["uid"], "exact": exact}
    collection = one_job(fields, missing_at_destination=missing, object_classes=classes, rdn="uid")
    rules = rules_for(d={"destination": {"never_write": sorted(forbidden)}})
    records = ({"uid": "A1", "cn": "One", "x": "new"}, {"uid": "b2", "cn": "Two", "x": "new"})
    objects = destination_of({"uid=B2,dc=x": {"uid": "B2", "x": "old"}})
    plan = plan_of(collection, source_of(*records), objects)
    written = {field_type(each.field) for change in plan.changes for each in change.fields}
    written |= {"uid" for change in plan.changes if change.new_object is not None}
    never_written = set(map(field_type, forbidden))
    if not broken(collection, rules):
        assert written.isdisjoint(never_written)
    elif not written.isdisjoint(never_written):
        assert "never_write" in codes(collection, rules)


def test_a_field_that_objects_are_only_found_by_is_not_written() -> None:
    """Such a key may be one that is never written. Spelling it as the source does is writing it."""

    def with_key(missing: str, **more: Any) -> Collection:
        fields = {"employeeID": {"from": "employeeID", "key": True, **more}, "mail": "mail"}
        return job(("fields", fields), ("missing_at_destination", missing))

    assert codes(with_key("skip"), never("employeeID")) == []
    assert codes(with_key("skip", exact=True), never("employeeID")) == ["never_write"]
    assert codes(with_key("create"), never("employeeID")) == ["never_write"]


# -- choosing without rules ----------------------------------------------------------------------------------


def test_without_rules_only_administrators_choose_connections() -> None:
    """Others keep what the newest version uses, each on its side."""
    before = job()
    assert newly_chosen(before, None, ADMINISTRATORS, ADMINISTRATORS) == []
    assert [found.connection for found in newly_chosen(before, None, EDITORS, ADMINISTRATORS)] == [
        "corp",
        "lab",
    ]
    edited = job(("description", "new"))
    assert newly_chosen(edited, before, EDITORS, ADMINISTRATORS) == []
    (found,) = newly_chosen(job(("source.connection", "lab")), before, EDITORS, ADMINISTRATORS)
    assert (found.side, found.connection) == ("source", "lab")
    (found,) = newly_chosen(job(("source", {"file": "hr.csv"})), before, EDITORS, ADMINISTRATORS)
    assert found.connection is None


def test_saving_asks_the_rules_where_there_are_some() -> None:
    """What was there before is judged again: rules may have come since."""
    rules = rules_for(corp={"source": {"roles": ["Editors"]}})
    assert broken_when_saved(job(), rules, EDITORS, ADMINISTRATORS, before=job()) == broken(
        job(), rules, roles=EDITORS
    )
    assert broken_when_saved(job(), None, EDITORS, ADMINISTRATORS, before=job()) == []


# -- words ---------------------------------------------------------------------------------------------------


def test_a_broken_rule_is_told_at_its_place() -> None:
    """With line and key, what is wrong and what would be right."""
    loaded = load_text(
        "name: a\njobs:\n- name: people\n  source: {file: a.csv}\n  destination:\n    connection: Lab\n"
        "    container: DC=x\n  object: user\n  fields:\n    cn: {from: cn, key: true}\n    sn: sn\n"
        "    sAMAccountName: uid\n    MAIL: mail\n",
        "a.yaml",
    )
    rules = rules_for(Lab={"destination": {"objects": ["contact"], "never_write": ["mail"]}})
    found = rule_problems(broken(loaded.collection, rules, roles=EDITORS), loaded.places)
    assert [str(problem) for problem in found] == [
        (
            "a.yaml:4: jobs[0].source: by the rules of the deployment, files of the data folder may not be"
            " used as a source with the roles of the person who saved this, only those with one of these"
            " roles may: Admin; let one of them save it, or use another connection"
        ),
        (
            "a.yaml:6: jobs[0].destination.connection: by the rules of the deployment, connection Lab may"
            " not be used as a destination with the roles of the person who saved this, only those with one"
            " of these roles may: Admin; let one of them save it, or use another connection"
        ),
        (
            "a.yaml:8: jobs[0].object: by the rules of the deployment, connection Lab may not be used as a"
            " destination for the object type user, it may for contact"
        ),
        (
            "a.yaml:5: jobs[0].destination.filter: by the rules of the deployment, not every object type of"
            " connection Lab may be written, but this job manages any, let its filter demand"
            " (objectClass=contact) or (objectClass=inetOrgPerson)"
        ),
        (
            "a.yaml:13: jobs[0].fields.MAIL: by the rules of the deployment, no job writes MAIL to connection"
            " Lab, take it out of the fields"
        ),
    ]


@given(st.text(max_size=20), st.sampled_from(["corp", "lab", "<b>", "\u202e", "a\nb"]))
def test_every_broken_rule_has_words_on_one_line(field: str, connection: str) -> None:
    """Whatever the definition calls things."""
    assume(field.strip() and not set("*?;") & set(field))
    data = changed(("jobs.0.destination.connection", connection), ("jobs.0.missing_at_source", "disable"))
    data["jobs"][0]["fields"][field] = "x"
    collection = Collection.model_validate(data)
    rule = {"destination": {"objects": ["group"], "never_write": [*map(str, Way), field, "name"]}}
    rules = ConnectionRules.model_validate({"connections": {connection: rule}})
    for problem in rule_problems(broken(collection, rules, roles=()), Places.none("corp_to_lab")):
        assert problem.message
        assert "\n" not in str(problem)


def test_a_filter_that_cannot_be_read_demands_nothing() -> None:
    """It is refused elsewhere."""
    assert not asks_for("(objectClass=user", ["user"])
    assert not asks_for(None, ["user"])
