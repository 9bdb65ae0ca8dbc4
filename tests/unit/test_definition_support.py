"""What this version cannot carry out: accepted by validation with a warning, refused before anything is
read.
"""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import load
from directory_sync.definition.models import Collection
from directory_sync.definition.support import refuse_unsupported, unsupported
from directory_sync.errors import UnsupportedError
from tests.scenarios.definitions import MINIMAL, SPEC_EXAMPLE, changed, job_changed

POLICY = {"approvers": {"users": ["bob"]}}


def keys(definition: dict[str, Any], script_modules: tuple[str, ...] = ()) -> list[str]:
    """The keys of what cannot be carried out."""
    problems = unsupported(Collection.model_validate(definition), script_modules=script_modules)
    assert all(
        problem.severity == "warning" and "preview and run will refuse the job" in problem.message
        for problem in problems
    )
    return [problem.key for problem in problems]


def test_plain_definition_is_supported() -> None:
    """Nothing is refused without a reason."""
    assert keys(MINIMAL) == []


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("records", "changed", "records"),
        ("records", {"changed_since": "x"}, "records"),
        ("missing_at_source", "disable", "missing_at_source"),
        ("missing_at_source", {"move": "OU=x", "disable": True}, "missing_at_source"),
        ("returning", "restore", "returning"),
        ("fields.x", {"generate_password": {}, "new_only": True}, "fields.x"),
        ("fields.x", {"from": "a", "secret": True}, "fields.x.secret"),
        ("fields.userPassword", "a", "fields.userPassword"),
        ("fields.unicodePwd;binary", "a", "fields.unicodePwd;binary"),
        ("fields.x", "USERPASSWORD", "fields.x"),
        ("fields.x", {"join": ["cn", "userPassword"]}, "fields.x"),
        ("fields.x", {"template": "{{ userpassword }}"}, "fields.x"),
        ("source", {"connection": "a", "table": "b"}, "source"),
        ("source", {"connection": "a", "query": "b"}, "source"),
        ("destination", {"connection": "a", "table": "b"}, "destination"),
        ("source", {"connection": "a", "table": "b", "filter": "(c=d)"}, "source"),
        ("destination", {"file": "a.xlsx"}, "destination.file"),
        ("destination", {"file": "a.csv", "mode": "replace"}, "destination.mode"),
        ("destination", {"file": "a.csv", "mode": "append"}, "destination.mode"),
        ("source", {"file": "a.csv", "connection": "s3"}, "source.connection"),
        ("fields.x", {"script": "transforms.badge"}, "fields.x.script"),
    ],
)
def test_feature_of_a_job(path: str, value: Any, key: str) -> None:
    """Each feature that is not there yet is found where it is asked for, and the job is refused."""
    definition = job_changed((path, value))
    assert keys(definition) == [f"jobs[0].{key}"]
    collection = Collection.model_validate(definition)
    with pytest.raises(UnsupportedError, match="collection corp_to_lab: jobs"):
        refuse_unsupported(collection, collection.jobs, script_modules=())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("missing_at_source", {"move": "OU=x"}),
        ("missing_at_source", "delete"),
        ("source", {"file": "a.csv"}),
        ("destination", {"file": "a.ldif"}),
        ("approval", {**POLICY, "escalation": {"after": "1d", "levels": ["manager"]}}),
        ("wait_for_approval", True),
        ("fields.x", {"template": "{{ givenName }}"}),
        ("fields.x", {"template": "Password: ask {{ givenName }}"}),
        ("fields.x", {"from": "x", "exact": True}),
        ("source", {"file": "a.ldif", "filter": "(a=b)", "complete": True}),
    ],
)
def test_what_is_there_is_not_refused(path: str, value: Any) -> None:
    """Neighbours of what is missing work."""
    assert keys(job_changed((path, value))) == []


def test_scripts_of_allowed_modules_are_supported() -> None:
    """The module has to be listed itself; one that begins alike or lies above does not count."""
    definition = job_changed(("fields.x", {"script": "company.transforms.badge"}))
    assert keys(definition, ("company.transforms",)) == []
    assert keys(definition, ("company", "company.transforms.badge")) == ["jobs[0].fields.x.script"]


def test_only_the_jobs_that_run_are_refused() -> None:
    """A job that can be carried out is not held up by its neighbour."""
    other = {**MINIMAL["jobs"][0], "name": "other", "returning": "restore"}
    collection = Collection.model_validate(changed(("jobs.1", other)))
    refuse_unsupported(collection, [collection.job("people")], script_modules=())
    with pytest.raises(
        UnsupportedError, match=r"jobs\[1\].returning: this version does not support returning: restore yet"
    ):
        refuse_unsupported(collection, [collection.job("other")], script_modules=())


def test_places_are_lines_of_the_file() -> None:
    """With the places of a loaded file, warnings name its lines."""
    loaded = load(read_document(SPEC_EXAMPLE))
    problems = unsupported(loaded.collection, script_modules=["transforms"], places=loaded.places)
    lines = SPEC_EXAMPLE.read_text().splitlines()
    named = {problem.key: lines[problem.line - 1].split(":")[0].strip() for problem in problems}
    assert named == {
        "jobs[0].fields.password": "password",
    }
