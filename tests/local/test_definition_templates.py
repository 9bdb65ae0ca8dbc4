"""Templates: they give what a definition does not set, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.definition.loading import load_text
from directory_sync.definition.models import Copy, MoveMissing, ObjectKind
from directory_sync.definition.templates import BUILT_IN, FolderTemplates
from directory_sync.errors import DefinitionError
from tests.scenarios.definitions.from_templates import GAL, HR, MAILBOX, MOVE


def test_every_built_in_template_is_there() -> None:
    """Those that the product promises."""
    assert set(BUILT_IN.names("jobs")) == {"move_objects", "move_and_disable", "sync_gal", "linked_mailbox"}
    assert set(BUILT_IN.names("collections")) == {"two_way_gal_sync", "hr_feed_to_two_domains"}


@pytest.mark.parametrize(("template", "disable"), [("move_objects", False), ("move_and_disable", True)])
def test_moving_templates(template: str, disable: bool) -> None:
    """Objects whose record is gone are moved, nothing is created; one of the two disables them too."""
    loaded = load_text(MOVE.format(template=template), "a.yaml")
    job = loaded.collection.jobs[0]
    assert loaded.problems == ()
    assert job.missing_at_source == MoveMissing(move="OU=Left,DC=lab", disable=disable)
    assert job.missing_at_destination == "skip"
    assert job.template is None


def test_two_way_gal_sync() -> None:
    """The collection's template names job templates; the file's own keys count before both."""
    loaded = load_text(GAL, "a.yaml")
    left, right = loaded.collection.jobs
    assert loaded.problems == ()
    assert (left.object, left.missing_at_source) == (ObjectKind.MAIL_CONTACT, "delete")
    assert (left.on_failure, right.on_failure) == ("abort", "continue")
    assert left.fields["title"].model_dump()["static"] == "Colleague"
    assert left.fields["pager"] == right.fields["mail"].model_copy(update={"from_": "pager", "key": False})
    assert right.fields["title"] == Copy.model_validate({"from": "title"})
    assert left.keys == right.keys == ("mail",)


def test_hr_feed_to_two_domains() -> None:
    """Only endpoints, name and schedule are needed, and each job may still differ."""
    loaded = load_text(HR, "a.yaml")
    first, second = loaded.collection.jobs
    assert loaded.problems == ()
    assert first.fields == second.fields
    assert (first.missing_at_source, second.missing_at_source) == ("skip", "disable")


def test_linked_mailbox() -> None:
    """Accounts are created disabled, matched by the master account's SID, and never deleted."""
    job = load_text(MAILBOX, "a.yaml").collection.jobs[0]
    assert job.keys == ("msExchMasterAccountSid",)
    assert job.fields["userAccountControl"].new_only
    assert job.missing_at_source == "skip"


def folder_with(tmp_path: Path, kind: str, name: str, text: str) -> FolderTemplates:
    """A template folder with one file, and the built-in ones."""
    (tmp_path / kind).mkdir(exist_ok=True)
    (tmp_path / kind / name).write_text(text)
    return FolderTemplates(tmp_path)


def test_own_template_counts_before_a_built_in_one(tmp_path: Path) -> None:
    """A file of the same name in the user's folder replaces it whole."""
    folder = folder_with(tmp_path, "jobs", "move_objects.yaml", "retries: 7\nlimits: {move: 3}\n")
    job = load_text(MOVE.format(template="move_objects"), "a.yaml", folder).collection.jobs[0]
    assert job.retries == 7
    assert job.missing_at_destination == "create"


def test_problem_in_a_template_names_the_template(tmp_path: Path) -> None:
    """File and line are where the wrong text stands."""
    folder = folder_with(tmp_path, "jobs", "mine.yaml", "# mine\nretries: many\nshedule: x\n")
    with pytest.raises(DefinitionError) as raised:
        load_text(MOVE.format(template="mine"), "a.yaml", folder)
    assert [(problem.file, problem.line, problem.key) for problem in raised.value.problems] == [
        (f"{tmp_path}/jobs/mine.yaml", 2, "jobs[0].retries"),
        (f"{tmp_path}/jobs/mine.yaml", 3, "jobs[0].shedule"),
    ]


def test_broken_template_is_a_problem_of_the_file_that_uses_it(tmp_path: Path) -> None:
    """A template that cannot be read says so, once, without what is missing because of it."""
    folder = folder_with(tmp_path, "jobs", "mine.yaml", "a: [")
    text = "name: a\njobs:\n  - name: b\n    template: mine\n"
    with pytest.raises(DefinitionError) as raised:
        load_text(text, "a.yaml", folder)
    assert [problem.file for problem in raised.value.problems] == ["a.yaml", f"{tmp_path}/jobs/mine.yaml"]
    assert "template mine cannot be used" in raised.value.problems[0].message


@pytest.mark.parametrize("name", ["sync_gall", "../../etc/passwd", "SYNC_GAL", "x"])
def test_unknown_template_says_which_there_are(name: str) -> None:
    """Only that is reported, not what the template would have given."""
    with pytest.raises(DefinitionError) as raised:
        load_text(f"name: a\njobs:\n  - name: b\n    template: {name}\n", "a.yaml")
    (problem,) = raised.value.problems
    assert (problem.line, problem.key) == (4, "jobs[0].template")
    assert "there are: linked_mailbox, move_and_disable, move_objects, sync_gal" in problem.hint.lower()


def test_templates_do_not_use_templates(tmp_path: Path) -> None:
    """So nobody can build a circle."""
    folder = folder_with(tmp_path, "jobs", "mine.yaml", "template: mine\n")
    with pytest.raises(DefinitionError, match="a job template cannot use another one"):
        load_text(MOVE.format(template="mine"), "a.yaml", folder)


def test_one_anchor_used_by_two_jobs_is_completed_twice() -> None:
    """What one job takes from a template does not leak into the other."""
    text = (
        MOVE.format(template="move_objects").replace("- name: people", "- &job\n    name: people")
        + "  - {<<: *job, name: two}\n"
    )
    one, two = load_text(text, "a.yaml").collection.jobs
    assert one.missing_at_source == two.missing_at_source
    assert (one.name, two.name) == ("people", "two")
