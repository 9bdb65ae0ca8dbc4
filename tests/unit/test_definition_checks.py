"""Checks that need no connection: each rule with a definition that breaks it, and what the message says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync import dn
from directory_sync.definition.addresses import endings
from directory_sync.definition.checks import check
from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection
from tests.scenarios.definitions import MINIMAL, changed, found, job_changed

LAB = {"connection": "lab", "container": "OU=People,DC=lab,DC=example"}
POLICY = {"approvers": {"users": ["bob"]}}

TEMPLATE = "fields.x.template: cannot be used as a template: "


def test_minimal_definition_has_no_problem() -> None:
    """Otherwise the tests below would prove nothing."""
    assert found(MINIMAL) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("schedule", "0 2 * *", "schedule: is not a cron expression, write five fields"),
        ("schedule", "61 * * * *", "schedule: is not a cron expression"),
        ("schedule", "* * * * * *", "schedule: is not a cron expression"),
        ("schedule", "R 2 * * *", "schedule: is not a cron expression"),
        ("schedule", "H 2 * * *", "schedule: is not a cron expression"),
        ("schedule", "0 0 31 2 *", "schedule: never fires"),
        ("schedule", "@dayly", "schedule: unknown preset, did you mean @daily?"),
        ("schedule", ["@daily", "x"], "schedule[1]: is not a cron expression"),
        ("schedule", "0 2 * * mon-fri", None),
        ("schedule", "*/5 0-6,12 1 jan *", None),
        ("schedule", "0 0 * * fri#2", None),
        ("schedule", ["@quarterly", {"every": "15m"}], None),
        ("timezone", "Europe/Berln", "timezone: is not a known time zone, did you mean Europe/Berlin?"),
        ("timezone", "../../etc/passwd", "timezone: is not a known time zone"),
        ("timezone", "", "timezone: is not a known time zone"),
        (
            "notifications",
            {"when": "always", "to": ["a@b.example", "no address"]},
            "notifications.to[1]: is not a mail address",
        ),
        (
            "notifications",
            {"when": "always", "to": ["a@b.example\nBcc: c@d.example"]},
            "notifications.to[0]: is not a mail address",
        ),
        ("notifications", {"when": "always", "to": ["it@corp.example", {"users": ["ida"]}]}, None),
        (
            "notifications",
            {"when": "always", "to": ["owner"]},
            "notifications.to[0]: is not a mail address, did you mean owners?",
        ),
        (
            "notifications",
            {"when": "always", "to": ["owners"]},
            "notifications.to[0]: warning: names no one: there are no owners",
        ),
        (
            "notifications",
            {"when": "always", "to": ["jörg@corp.example"]},
            "notifications.to[0]: warning: is an address that mail cannot be sent to",
        ),
        (
            "notifications",
            {"when": "always", "to": ["a@b.example", "a@b.example"]},
            "notifications.to[1]: warning: is given twice",
        ),
        (
            "notifications",
            {"when": "always", "to": [{"roles": ["Admin", "Op\n"]}]},
            "notifications.to[0].roles[1]: no role can have this name",
        ),
        ("owners", ["ida,bob"], "owners[0]: holds a comma"),
        ("tags", ["x" * 101], "tags[0]: has more than 100 characters"),
        ("title", "x" * 2_000, None),
        ("title", "x" * 2_001, "title: has more than 2,000 characters"),
        ("owners", [f"{number:0998}" for number in range(2)], None),
        ("owners", [f"{number:0999}" for number in range(2)], None),
        ("owners", [f"{number:01000}" for number in range(2)], "owners: has more than 2,000 characters with"),
        ("tags", ["a", "a"], "tags[1]: warning: is given twice"),
        ("start", "2026-01-01", "start: warning: has no effect without a schedule"),
        ("approval", {**POLICY, "require": 2}, "approval.require: needs 2 people, but only 1 may approve"),
        (
            "approval",
            {"approvers": {"users": ["bob", "bob"]}, "require": 2},
            "approval.require: needs 2 people, but only 1",
        ),
        ("approval", {"approvers": {"users": ["bob"], "roles": ["Admin"]}, "require": 2}, None),
        (
            "approval",
            {"approvers": {"users": ["bob", "ida "]}},
            "approval.approvers.users[1]: no user can have this name: it begins",
        ),
        (
            "approval",
            {"approvers": {"roles": [" "]}},
            "approval.approvers.roles[0]: no role can have this name: it is empty",
        ),
        (
            "approval",
            {"approvers": {"users": ["b\nob"]}},
            "approval.approvers.users[0]: no user can have this name: it holds",
        ),
        (
            "approval",
            {"approvers": {"users": ["x" * 251]}},
            "approval.approvers.users[0]: no user can have this name: it has 251",
        ),
        (
            "approval",
            {"approvers": {"users": ["bob\u202e"]}},
            "approval.approvers.users[0]: no user can have this name: it holds",
        ),
        (
            "approval",
            {"approvers": {"users": ["Zo\u00eb van Dijk", "\u0645\u06cc\u200c\u0631", "x" * 250]}},
            None,
        ),
        (
            "approval",
            {**POLICY, "escalation": {"after": "1d", "levels": ["manager", {"roles": ["a\tb"]}]}},
            "approval.escalation.levels[1].roles[0]: no role can have this name",
        ),
        (
            "approval",
            {**POLICY, "escalation": {"after": "1d", "default": {"users": ["c "]}}},
            "approval.escalation.default.users[0]: no user can have this name",
        ),
        (
            "approval",
            {**POLICY, "fields": ["departmnt", "CN"]},
            "approval.fields[0]: no job under this policy writes the field departmnt",
        ),
        (
            "approval",
            {**POLICY, "escalation": {"after": "2d"}},
            "approval.escalation: has no one to ask next",
        ),
        (
            "approval",
            {**POLICY, "escalation": {"after": "2d", "levels": ["manager"]}, "expires": "1d"},
            "approval.expires: warning: the request ends",
        ),
    ],
)
def test_collection(path: str, value: Any, problem: str | None) -> None:
    """Schedule, time zone, addresses, names and policies of a collection."""
    assert_only(changed((path, value)), problem)


def test_period_must_not_be_empty() -> None:
    """End after start, counted in the collection's time zone where a time says no other."""
    period = [("schedule", "@daily"), ("timezone", "Europe/Berlin")]
    assert_only(changed(*period, ("start", "2026-01-02"), ("end", "2026-01-02")), "end: is not after start")
    assert_only(changed(*period, ("start", "2026-01-02"), ("end", "2026-01-02T00:01")), None)
    assert_only(
        changed(*period, ("start", "2026-01-02"), ("end", "2026-01-01T23:00:00Z")), "end: is not after start"
    )
    assert_only(changed(*period, ("start", "0001-01-01"), ("end", "9999-12-31T23:59:59-23:00")), None)


def test_names_of_jobs_are_unique() -> None:
    """Two jobs of one name would be one task."""
    assert_only(
        changed(("jobs.1", MINIMAL["jobs"][0])), "jobs[1].name: another job is called people too, in line "
    )


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("source.container", "People", "source.container: is not a DN, write it as in OU=People"),
        ("source.container", "OU=a, b,DC=x", "source.container: is not a DN"),
        ("source.container", "OU=Müller\\, Söhne+L=x,DC=x", None),
        (
            "source.filter",
            "(&(a=b)",
            "source.filter: is not an LDAP filter: the ( at character 1 needs its )",
        ),
        ("source", {"file": "/etc/passwd.csv"}, "source.file: is not a relative path"),
        ("source", {"file": "C:\\x.csv"}, "source.file: is not a relative path"),
        ("source", {"file": "s3://bucket/x.csv"}, "source.file: is not a relative path"),
        ("source", {"file": "a/../../x.csv"}, "source.file: leaves its folder by .."),
        ("source", {"file": "..\\x.csv"}, "source.file: leaves its folder by .."),
        ("source", {"file": "a/x.cvs"}, "source.file: has no known ending, did you mean .csv?"),
        ("source", {"file": "x"}, "source.file: has no known ending, a file ends in"),
        ("source", {"file": "feeds/Staff.CSV", "delimiter": ";", "encoding": "cp1252"}, None),
        (
            "source",
            {"file": "a.txt"},
            f"source.file: has no known ending, a file ends in {', '.join(endings())}; any",
        ),
        ("source", {"file": "a.txt", "delimiter": "\t", "encoding": "cp1252", "complete": True}, None),
        ("source", {"file": "a.ldf", "complete": True, "filter": "(&(objectClass=person)(!(ou=x)))"}, None),
        ("source", {"file": "a.csv", "filter": "(&(First name=Amy)(employee_id>=10))"}, None),
        ("source", {"file": "a.csv", "filter": "(First name"}, "source.filter: is not an LDAP filter"),
        ("source", {"file": "a.ldif", "filter": "(First name=x)"}, "source.filter: is not an LDAP filter"),
        (
            "source",
            {"connection": "a", "table": "b", "filter": "(dept_id="},
            "source.filter: is not an LDAP filter",
        ),
        ("source", {"connection": "a", "table": "b", "filter": "(dept_id=7)"}, None),
        ("source", {"file": "a.csv", "mode": "replace"}, "source.mode: says how a file is written"),
        (
            "source",
            {"file": "a.xlsx", "complete": True},
            "source.complete: warning: has no effect on a .xlsx file",
        ),
        ("source", {"file": "a.csv", "delimiter": '"'}, "source.delimiter: cannot separate values"),
        ("source", {"file": "a.csv", "delimiter": "\n"}, "source.delimiter: cannot separate values"),
        ("source", {"file": "a.csv", "delimiter": "\t"}, None),
        (
            "source",
            {"file": "a.csv", "encoding": "utf-9"},
            "source.encoding: is not a known character encoding",
        ),
        (
            "source",
            {"file": "a.csv", "encoding": "rot13"},
            "source.encoding: is not a known character encoding",
        ),
        (
            "source",
            {"file": "a.ldif", "delimiter": ","},
            "source.delimiter: warning: has no effect on a .ldif file",
        ),
        ("source", {"file": "a.csv", "sheet": "x"}, "source.sheet: warning: has no effect on a .csv file"),
        ("destination", {**LAB, "container": "x"}, "destination.container: is not a DN"),
        ("destination", {**LAB, "base": "x"}, "destination.base: is not a DN"),
        ("destination", {**LAB, "filter": "x"}, "destination.filter: is not an LDAP filter"),
        ("destination", {**LAB, "base": "DC=other"}, "destination.container: is outside of base"),
        ("destination", {**LAB, "base": "dc=LAB,dc=example"}, None),
        (
            "destination",
            {**LAB, "base": "DC=lab,DC=example", "scope": "one"},
            "destination.container: is deeper than base with scope one",
        ),
        ("destination", {**LAB, "base": "ou=people, dc=lab, dc=example", "scope": "one"}, None),
        (
            "destination",
            {**LAB, "scope": "base"},
            "destination.scope: new objects would never be found again",
        ),
        (
            "destination",
            {**LAB, "move_existing": True},
            "destination.move_existing: needs a container that is computed",
        ),
        (
            "destination",
            {**LAB, "container": {"field": "ou"}},
            "destination.base: is missing, give the DN below which",
        ),
        (
            "destination",
            {**LAB, "container": {"field": "o u"}, "base": "DC=x"},
            "destination.container.field: o u is not an attribute name",
        ),
        (
            "destination",
            {**LAB, "container": {"template": "OU={{ x"}, "base": "DC=x"},
            "destination.container.template: cannot be used as a template: line 1",
        ),
        (
            "destination",
            {**LAB, "container": {"template": "OU={{ x }}"}, "base": "DC=x", "move_existing": True},
            None,
        ),
        ("object", "row", "object: a directory holds no rows"),
        (
            "object_classes",
            ["inetOrgPerson", "no class"],
            "object_classes[1]: is not the name of an object class",
        ),
        ("rdn", "u i d", "rdn: u i d is not an attribute name"),
        ("missing_at_source", {"move": "x"}, "missing_at_source.move: is not a DN"),
        ("missing_at_source", {"move": "OU=Left,DC=lab", "disable": True}, None),
        (
            "missing_at_source",
            {"move": LAB["container"].lower()},
            "missing_at_source.move: holds the destination's container",
        ),
        (
            "missing_at_source",
            {"move": "DC=lab, DC=example"},
            "missing_at_source.move: holds the destination's container",
        ),
        ("missing_at_source", {"move": f"OU=Left,{LAB['container']}"}, None),
        ("returning", "restore", "returning: warning: has no effect"),
        ("wait_for_approval", True, "wait_for_approval: warning: has no effect"),
        ("records", {"changed_since": "whenChanged"}, None),
        (
            "approval",
            {**POLICY, "fields": ["title"]},
            "approval.fields[0]: no job under this policy writes the field title",
        ),
    ],
)
def test_job(path: str, value: Any, problem: str | None) -> None:
    """Endpoints and settings of a job."""
    definition = job_changed((path, value))
    if path == "rdn":
        definition["jobs"][0]["missing_at_destination"] = "skip"
    assert_only(definition, problem and f"jobs[0].{problem}")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"destination.filter": ..., "missing_at_source": "delete"},
            "destination.filter: is missing: missing_at_source",
        ),
        (
            {"records": {"changed_since": "x"}, "missing_at_source": "delete"},
            "missing_at_source: needs all records",
        ),
        (
            {"records": "changed", "source": {"file": "a.csv"}},
            "records: only a directory tracks changes by itself",
        ),
        (
            {"object": "group", "missing_at_source": "disable"},
            "missing_at_source: an object of the kind group cannot be disabled",
        ),
        (
            {
                "object": "organizationalUnit",
                "missing_at_source": {"move": "OU=x", "disable": True},
                "fields.ou": "ou",
            },
            "missing_at_source: an object of",
        ),
        ({"object": "organizationalUnit", "missing_at_source": {"move": "OU=x"}, "fields.ou": "ou"}, None),
        (
            {
                "source": {"connection": "lab", "container": "DC=lab,DC=example"},
                "destination": {**LAB, "filter": "(cn=x)"},
                "missing_at_source": "delete",
            },
            "destination.container: overlaps the source's container",
        ),
        ({"source": {"connection": "lab", "container": "DC=lab,DC=example"}}, None),
        (
            {
                "source": {"connection": "lab", "container": "OU=From,DC=lab"},
                "missing_at_source": {"move": "OU=x,OU=From,DC=lab"},
            },
            "missing_at_source.move: is read by the source",
        ),
        (
            {
                "source": {"file": "a.csv"},
                "object": "row",
                "destination": {"file": "a.csv"},
                "missing_at_source": "delete",
            },
            "destination.file: is the source's file too",
        ),
        (
            {"source": {"file": "a.csv"}, "object": "row", "destination": {"file": "a.csv"}},
            "destination.file: warning: is the source's file too",
        ),
        ({"object": "user", "destination": {"connection": "a", "table": "b"}}, "object: a table holds rows"),
        (
            {
                "object": "row",
                "destination": {"connection": "a", "table": "b"},
                "missing_at_source": "delete",
            },
            None,
        ),
        (
            {"object": "row", "destination": {"file": "a.csv"}, "missing_at_source": "disable"},
            "missing_at_source: only objects of a directory",
        ),
        ({"object": "row", "destination": {"file": "a.csv"}, "rdn": "x"}, "rdn: warning: has no effect"),
        ({"object": "row", "destination": {"file": "a.csv", "mode": "append"}}, None),
        (
            {
                "object": "row",
                "destination": {"file": "a.csv", "mode": "append"},
                "missing_at_source": "delete",
            },
            "destination.mode: append removes nothing, but missing_at_source does",
        ),
        (
            {"object": "row", "destination": {"file": "a.csv", "filter": "(a=b)"}},
            "destination.filter: chooses records of a source; everything in a destination's file is managed",
        ),
        ({"fields.x": {"from": "x", "exact": True}}, None),
        ({"fields.x": {"resolve": "x", "match": ["mail", "uid"]}}, None),
        (
            {"fields.x": {"resolve": "x", "match": ["mail", "u i"]}},
            "fields.x.match[1]: u i is not an attribute name",
        ),
        ({"fields.x": {"resolve": "x", "match": ["mail", "MAIL"]}}, "fields.x.match: names a field twice"),
        (
            {"fields.x": {"resolve": "x", "match": "mail", "exact": True}},
            "fields.x.exact: there is no spelling at the source",
        ),
        (
            {"fields.x": {"from": "x", "new_only": True, "exact": True}},
            "fields.x.exact: warning: has no effect",
        ),
        ({"fields.x": {"left": "x", "length": 1, "on_missing": "skip"}}, None),
        (
            {"fields.y": {"left": "x", "length": 1, "key": True, "on_missing": "empty"}},
            "fields.y.on_missing: a key is never empty",
        ),
        ({"object": "row", "destination": {"file": "a.ldif"}}, "fields: an LDIF file needs a field dn"),
        (
            {
                "object": "row",
                "destination": {"file": "a.ldif"},
                "fields.dn": {"template": "cn={{ cn }},dc=x"},
            },
            None,
        ),
        (
            {"object": "inetOrgPerson", "destination": {"file": "a.ldif"}, "fields.dn": "dn"},
            "fields: sn is missing: every inetOrgPerson needs it",
        ),
        ({"object": "user", "destination": {"file": "a.csv"}, "fields.cn": ...}, None),
        ({"object": "inetOrgPerson"}, "fields: sn is missing: every inetOrgPerson needs it"),
        ({"object": "mail_contact"}, "fields: mail is missing: every mail_contact needs it"),
        ({"object": "organizationalUnit"}, "fields: ou is missing: every organizationalUnit needs it"),
        ({"fields.cn": ...}, "fields: cn is missing: it names new objects"),
        ({"fields.cn": ..., "missing_at_destination": "skip"}, None),
        ({"rdn": "uid"}, "fields: uid is missing: it names new objects"),
        ({"rdn": "uid", "fields.UID": "uid"}, None),
        ({"object": "inetOrgPerson", "object_classes": ["account"]}, None),
        ({"fields.employeeID": "employeeID"}, "fields: no field is a key, mark the field"),
        ({"fields.CN": "x"}, "fields.CN: is the same field as cn in line "),
        ({"fields.x y": "x"}, 'fields["x y"]: x y is not an attribute name'),
        ({"fields.objectClass": "x"}, "fields.objectClass: the object classes are not a field"),
        ({"fields.DN": "x"}, "fields.DN: the DN is not a field"),
        ({"fields.x": {"join": ["a", "b c"]}}, "fields.x.join[1]: b c is not an attribute name"),
        ({"fields.x": {"from": "b c"}, "source": {"file": "a.csv"}}, None),
        (
            {"fields.x": {"from": "a", "key": True, "keep_if_empty": True}},
            "fields.x.keep_if_empty: a key is never empty",
        ),
        (
            {"fields.x": {"from": "a", "key": True, "secret": True}},
            "fields.x.secret: a key is shown in plans and reports",
        ),
        ({"fields.x": {"static": "a", "key": True}}, "fields.x.key: a fixed text cannot tell records apart"),
        (
            {"fields.x": {"generate_password": {}, "new_only": True, "key": True}},
            "fields.x.key: a generated password cannot",
        ),
        (
            {"object": "group", "fields.x": {"members": "a", "match": "b", "key": True}},
            "fields.x.key: the members of a group cannot",
        ),
        ({"fields.x": {"generate_password": {}}}, "fields.x: every run would set a new password"),
        (
            {
                "fields.x": {
                    "generate_password": {"upper": False, "lower": False, "digits": False},
                    "new_only": True,
                }
            },
            "fields.x.generate_password: no characters",
        ),
        ({"fields.x": {"members": "a", "match": "b"}}, "fields.x: only a group has members, not a user"),
        (
            {"object": "group", "fields.x": {"members": "a", "match": "b c"}},
            "fields.x.match: b c is not an attribute name",
        ),
        ({"fields.x": {"resolve": "a", "match": "b", "within": "c"}}, "fields.x.within: is not a DN"),
        (
            {"object": "row", "destination": {"file": "a.csv"}, "fields.x": {"resolve": "a", "match": "b"}},
            "fields.x: resolve looks objects up",
        ),
        ({"fields.x": {"map": "a", "values": {}}}, "fields.x.values: is empty, and there is no default"),
        ({"fields.x": {"map": "a", "values": {}, "default": "b"}}, None),
        (
            {"fields.x": {"static": "%TODAY% %NOV%"}},
            "fields.x.static: warning: %NOV% is no variable and stays as it is, did you mean NOW?",
        ),
        (
            {"fields.x": {"static": ["a", "%USERNAME%"]}},
            "fields.x.static[1]: warning: %USERNAME% is no variable",
        ),
        (
            {"fields.x": {"template": "{{ a"}},
            TEMPLATE + "line 1: unexpected end of template",
        ),
        (
            {"fields.x": {"template": "{% include 'x' %}"}},
            TEMPLATE + "line 1: include statements cannot be used in a template here",
        ),
        (
            {"fields.x": {"template": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"}},
            TEMPLATE + "the template is nested too deeply",
        ),
        (
            {"fields.x": {"template": "x" * 17_000}},
            TEMPLATE + "the template has more than 16384 characters, use a script for this",
        ),
        (
            {"fields.x": {"template": "a\n{% macro f() %}{% endmacro %}"}},
            TEMPLATE + "line 2: macro statements cannot be used",
        ),
        (
            {"fields.x": {"template": "{{ givenName|lowre }}"}},
            TEMPLATE + "line 1: there is no filter 'lowre', did you mean lower?",
        ),
        (
            {"fields.x": {"template": "{% if a is definde %}{% endif %}"}},
            TEMPLATE + "line 1: there is no test 'definde', did you mean defined?",
        ),
        (
            {"fields.x": {"template": "\n{{ First name|lower }}"}},
            TEMPLATE
            + "line 2: First name is no single word, so it cannot stand in a template as it is, name such a field as",  # noqa: E501
        ),
        (
            {"fields.x": {"template": "{{ given_name }}"}},
            "fields.x.template: given_name is not an attribute name",
        ),
        (
            {
                "source": {"file": "a.csv"},
                "fields.x": {"template": "{{ given_name }}{{ record['First name'] }}"},
            },
            None,
        ),
        ({"fields.x": {"template": "{% if a %}{{ a|lower }}{% endif %}"}}, None),
    ],
)
def test_job_as_a_whole(changes: dict[str, Any], problem: str | None) -> None:
    """Settings that only together make no sense, and the field mapping."""
    definition = job_changed(*((path, value) for path, value in changes.items()))
    assert_only(definition, problem and f"jobs[0].{problem}")


def test_collections_that_came_from_no_file_are_named() -> None:
    """The same checks serve collections that were put together elsewhere."""
    collection = Collection.model_validate(changed(("timezone", "x")))
    assert [str(problem) for problem in check(collection)] == [
        "collection corp_to_lab: timezone: is not a known time zone, write an IANA name as in Europe/Berlin"
    ]


def test_warnings_do_not_stop_a_definition() -> None:
    """A warning comes with the collection."""
    loaded = load_text("name: a\ntags: [x, x]\njobs:" + _JOBS, "a.yaml")
    assert [(problem.severity, problem.line) for problem in loaded.problems] == [("warning", 2)]


_JOBS = """
  - name: people
    source: {file: a.csv}
    destination: {file: b.csv}
    object: row
    fields: {id: {from: id, key: true}}
"""


def assert_only(definition: dict[str, Any], problem: str | None) -> None:
    """Exactly this problem, or none."""
    problems = found(definition)
    if problem is None:
        assert problems == []
    else:
        assert len(problems) == 1, problems
        assert problems[0].startswith(problem)


@given(st.one_of(st.from_regex(dn._SIMPLE_DN, fullmatch=True), st.text('aZ0=, .-_+#\\"é', max_size=20)))
def test_plain_dns_are_read_as_the_library_reads_them(text: str) -> None:
    """Reading a plain DN without python-ldap gives what python-ldap gives."""
    assert dn.comparable(text) == dn._comparable_any(text)
