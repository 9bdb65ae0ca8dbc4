"""The reference page is what the models say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from directory_sync.definition import models
from directory_sync.definition.support import NOT_YET
from docs._generate.definition_reference import reference_markdown

PAGE = Path(__file__).parents[2] / "docs" / "definition-reference.md"


def test_page_is_up_to_date() -> None:
    """`make reference` writes it again."""
    assert PAGE.read_text("utf-8") == reference_markdown()


def test_every_model_has_its_table() -> None:
    """A model that is added appears, or this fails."""
    documented = set(re.findall(r"^\| `(\w+)` \|", reference_markdown(), re.MULTILINE))
    keys = {
        field.alias or name
        for model in vars(models).values()
        if isinstance(model, type) and issubclass(model, models.Model) and model is not models.Limit
        for name, field in model.model_fields.items()
    }
    assert keys <= documented
    assert {kind.value for kind in models.LimitKind} <= documented


def test_links_lead_somewhere() -> None:
    """Every anchor is a heading of the page."""
    text = reference_markdown()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", reference_markdown(), re.DOTALL))
def test_examples_are_yaml(example: str) -> None:
    """What is shown can be copied."""
    assert yaml.safe_load(example)


def test_what_is_not_there_yet_is_said() -> None:
    """The reference promises nothing that a run would refuse: secret fields, other modes of files, and all
    the rest.
    """
    section = reference_markdown().split("## What this version cannot do")[1].split("\n## ")[0]
    assert {line.removeprefix("- ") for line in section.splitlines() if line.startswith("- ")} == {
        *(feature.what for feature in NOT_YET),
    }
    (secret,) = re.findall(r"^\| `secret` \|.*$", reference_markdown(), re.MULTILINE)
    assert "refuses" in secret
