"""Runs keep to the rules of connections: those of now, whatever they were when a run, its plan or its
approval was made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.definition.export import dump
from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Collection
from directory_sync.definition.templates import FolderTemplates
from directory_sync.errors import ConnectionRulesError
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.runs import Snapshot
from tests.scenarios.corner import FIELDS, Corner
from tests.scenarios.rules import ADMINISTRATORS, rules_for

Rule = Callable[[ConnectionRules | ConnectionRulesError | None], None]
POLICY = {"approvers": {"users": ["bea"]}}


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Rule:
    """Gives the deployment other rules."""

    def change(rules: ConnectionRules | ConnectionRulesError | None) -> None:
        monkeypatch.setattr(
            Corner,
            "deployment",
            property(
                lambda self: Deployment(
                    self, self.folder, connection_rules=rules, administrators=ADMINISTRATORS
                )
            ),
        )

    return change


def never(*fields: str) -> ConnectionRules:
    return rules_for(b={"destination": {"never_write": list(fields)}})


def refused(corner: Corner, result: JobResult, *told: str) -> None:
    """It has failed, says why, and has not come to a plan."""
    assert result.state is JobState.FAILED
    assert all(text in result.message for text in told), result.message
    assert (result.digest, result.statistics.read, result.plan_id) == ("", 0, None)
    assert corner.there() == set()


@pytest.mark.parametrize("name", ["givenName", "GIVENNAME", "gn", "2.5.4.42", "givenName;lang-de"])
@pytest.mark.parametrize("ruled", ["givenname", "gn", "OID.2.5.4.42"])
def test_a_field_is_not_written_under_any_name_that_the_server_knows(
    corner: Corner, rule: Rule, name: str, ruled: str
) -> None:
    """Its schema is asked before anything is read."""
    corner.person("from", "amy")
    rule(never(ruled))
    refused(corner, corner.run(fields={**FIELDS, name: "cn"}), "rules of the deployment", name)
    rule(never("title"))
    assert corner.run(fields={**FIELDS, name: "cn"}).state is JobState.SUCCESS


TRICKS = {
    "an alias": "fields: {<people>, description: &a {static: x}, title: *a}",
    "a template of the deployment": "template: described\n  fields: {<people>}",
    "another name": "fields: {<people>, rfc822Mailbox: uid}",
    "a number": "fields: {<people>, 0.9.2342.19200300.100.1.3: uid}",
    "an option": "fields: {<people>, Description;lang-de: uid}",
    "a key": "fields: {<people>, mail: {from: uid, key: true}}",
    "a name": "rdn: mail\n  fields: {<people>, mail: uid}",
    "a value on creation only": "fields: {<people>, MAIL: {static: a@b.example, new_only: true}}",
    "an escape": 'fields: {<people>, "\\u006dail": uid}',
    "a job that is left out": "fields: {<people>}\n- name: more\n  enabled: false\n  <sides>\n"
    "  fields: {<people>, mail: uid}",
}
"""What a person could try in a definition to write `mail` or `description`."""


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_of_the_format_writes_a_forbidden_field(
    corner: Corner, rule: Rule, tmp_path: Path, trick: str
) -> None:
    """Whatever a definition is made of, it is judged when it is complete. Without the rule it would run."""
    corner.person("from", "amy")
    (tmp_path / "templates" / "jobs").mkdir(parents=True)
    template = tmp_path / "templates" / "jobs" / "described.yaml"
    template.write_text("fields: {description: {static: x}}\n")
    people = "filter: (objectClass=inetOrgPerson)"
    sides = (
        f'source: {{connection: a, container: "{corner.place("from")}", {people}}}\n'
        f'  destination: {{connection: b, container: "{corner.place("to")}", {people}}}\n'
        "  object: inetOrgPerson"
    )
    text = f"name: corp\njobs:\n- name: people\n  <sides>\n  <rdn>{TRICKS[trick]}\n"
    text = text.replace("<rdn>", "" if "rdn:" in text else "rdn: uid\n  ").replace("<sides>", sides)
    text = text.replace("<people>", "uid: {from: uid, key: true}, cn: cn, sn: sn")
    collection = load_text(text, "corp.yaml", FolderTemplates(tmp_path / "templates")).collection
    rule(never("mail", "description"))
    refused(corner, corner.run(collection), "rules of the deployment, no job writes")
    rule(never("title") if "title" not in text else never("employeeNumber"))
    assert corner.run(collection).state is JobState.SUCCESS
    assert len(corner.there()) == 1


def test_a_preview_is_refused_like_a_run(corner: Corner, rule: Rule) -> None:
    """It reads nothing either."""
    corner.person("from", "amy")
    rule(never("sn"))
    refused(corner, corner.preview(), "jobs[0].fields.sn")


def test_an_approved_plan_is_not_applied_against_new_rules(corner: Corner, rule: Rule) -> None:
    """What was approved waits: with other rules again, it can be applied."""
    corner.person("from", "amy")
    waiting = corner.run(corner.definition(approval=POLICY), trigger="manual")
    rule(never("SN"))
    failed = corner.approve(waiting)
    refused(corner, failed, "jobs[0].fields.sn")
    assert waiting.request is not None
    assert corner.store.requests.get(waiting.request).request.state == "approved"
    rule(never("title"))
    assert corner.carry_out(waiting.request).state is JobState.SUCCESS
    assert corner.there() == {"amy"}


def test_rules_that_cannot_be_read_allow_nothing(corner: Corner, rule: Rule) -> None:
    """Neither a preview nor a run nor an approved plan."""
    corner.person("from", "amy")
    waiting = corner.run(corner.definition(approval=POLICY), trigger="manual")
    rule(ConnectionRulesError("rules.yaml:3: no rules", []))
    refused(corner, corner.run(), "rules.yaml:3: no rules")
    refused(corner, corner.preview(), "rules.yaml:3: no rules")
    refused(corner, corner.approve(waiting), "rules.yaml:3: no rules")


# -- saved collections ---------------------------------------------------------------------------------------


def saved(corner: Corner, collection: Collection, *roles: str, verified: bool = True) -> str:
    """Save a collection; the number of its version."""
    newest = corner.store.collections.get(collection.name)
    version = corner.store.collections.save(
        collection.name,
        dump(collection),
        expected=0 if newest is None else newest.number,
        by=Person("ida", frozenset(roles), verified),
        comment="",
        change=(),
    )
    return str(version.number)


def started(corner: Corner, collection: Collection, version: str, **given: Any) -> Snapshot:
    return corner.store.runs.start(
        collection,
        f"{next(corner.numbers)}",
        trigger="manual",
        requester="ida",
        verified=True,
        origin=f"saved:{collection.name}",
        version=version,
        **given,
    )


def run(corner: Corner, snapshot: Snapshot) -> JobResult:
    return run_job(
        snapshot, snapshot.collection.jobs[0], deployment=corner.deployment, store=corner.store, holder="test"
    )


def test_a_saved_collection_runs_by_the_roles_of_its_author(corner: Corner, rule: Rule) -> None:
    """Those stored with the version that the run has, against the rules of now."""
    corner.person("from", "amy")
    definition = corner.definition()
    first = saved(corner, definition, "Viewers")
    second = saved(corner, definition.model_copy(update={"description": "new"}), "Editors")
    rule(rules_for(a={"source": {"roles": ["Editors"]}}, b={"destination": {"roles": ["Editors"]}}))
    refused(
        corner, run(corner, started(corner, definition, first)), "connection a", "connection b", "Editors"
    )
    again = started(corner, definition, second)
    rule(rules_for(a={"source": {"roles": ["Others"]}}, b={"destination": {"roles": ["Editors"]}}))
    refused(corner, run(corner, again), "connection a", "Others")
    rule(None)
    assert run(corner, again).state is JobState.SUCCESS


def test_the_roles_of_an_author_whom_no_one_has_checked_do_not_count(corner: Corner, rule: Rule) -> None:
    """Whatever was stored."""
    definition = corner.definition()
    number = saved(corner, definition, "Admin", verified=False)
    rule(rules_for())
    refused(corner, run(corner, started(corner, definition, number)), "connection a", "connection b")


@pytest.mark.parametrize("version", ["7", "", "-1", "1; --", "\u00b2"])
def test_a_version_that_is_not_there_may_use_nothing(corner: Corner, rule: Rule, version: str) -> None:
    """No one can tell whose it was."""
    definition = corner.definition()
    saved(corner, definition, "Admin")
    rule(rules_for())
    refused(corner, run(corner, started(corner, definition, version)), "not in the store any more")


def test_a_later_collection_of_the_same_name_lends_no_roles(corner: Corner, rule: Rule) -> None:
    """A run of the deleted one goes by no version that was saved after it had begun."""
    definition = corner.definition()
    number = saved(corner, definition, "Viewers")
    begun = started(corner, definition, number)
    by = Person("ida", frozenset({"Viewers"}), verified=True)
    corner.store.collections.delete(definition.name, expected=int(number), by=by, comment="")
    saved(corner, definition, "Admin")
    rule(rules_for())
    refused(corner, run(corner, begun), "not in the store any more")
