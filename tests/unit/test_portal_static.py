"""What the package ships for browsers: vendored files as they were fetched, nothing that the content security
policy forbids.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from directory_sync.portal.typed_texts import LABELS
from scripts.vendor import FOR_TESTS, LOCK, PACKAGES, SHIPPED

PORTAL = SHIPPED.parent.parent
TEMPLATES = sorted((PORTAL / "templates").glob("*.html"))


@pytest.mark.parametrize("folder", [SHIPPED, FOR_TESTS], ids=["shipped", "tests"])
def test_vendored_files_are_those_of_the_lock(folder: Path) -> None:
    """Every file has the hash that was noted when it was fetched, none is missing, none is there besides."""
    lock = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    wanted = {name: digest for package in lock.values() for name, digest in package["sha256"].items()}
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK
    }
    assert found == wanted


def test_the_lock_has_the_versions_of_the_table() -> None:
    """After a change of the table, `scripts/vendor.py` has to be run."""
    for package in PACKAGES:
        lock = json.loads((package.target / LOCK).read_text(encoding="utf-8"))
        assert lock[package.name]["version"] == package.version


def test_every_vendored_package_brings_its_licence() -> None:
    """Others' code is passed on with its licence."""
    assert all("LICENSE" in package.files.values() for package in PACKAGES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_code(template: Path) -> None:
    """The content security policy allows neither scripts nor styles within a page, nor anything that turns
    escaping off.
    """
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on|<script(?! src=)", text, re.IGNORECASE)
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_fetch_nothing_from_elsewhere(template: Path) -> None:
    """Pages work without any other host."""
    assert "//" not in re.sub(r"\{#.*?#\}", "", template.read_text(encoding="utf-8"))


_POST = re.compile(r"""<form(?=[^>]*method="post").*?</form>""", re.DOTALL)
_TYPED = re.compile(r"""<(?:textarea|input type="text")[^>]*? name="(\w+)\"""")


def test_whatever_is_typed_into_a_form_can_come_back() -> None:
    """Every field of a form that people type into is one that a refusal gives back; and there is none
    without a field.
    """
    forms = [form for file in TEMPLATES for form in _POST.findall(file.read_text(encoding="utf-8"))]
    assert {name for form in forms for name in _TYPED.findall(form)} == set(LABELS)
