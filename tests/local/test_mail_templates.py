"""Templates of mails: the built-in ones, a deployment's own, and what happens when those are broken."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from directory_sync.mail import templates
from directory_sync.mail.audience import Letter
from directory_sync.mail.examples import examples
from directory_sync.mail.template_check import template_problems
from directory_sync.mail.templates import BUILT_IN, LONGEST_SUBJECT, PACKAGED, SHIPPED, Templates

OF_REQUESTS = [letter for letter in Letter if letter is not Letter.RUN]
HOSTILE = "<script>alert(1)</script>&\"'"


def content(**request: Any) -> dict[str, Any]:
    base = {
        "id": 7,
        "collection": "crew",
        "title": "",
        "job": "people",
        "source": "",
        "destination": "",
        "asked_by": "",
        "waiver": False,
        "terms": "Exactly these changes will be made.",
        "usable_until": "",
        "requester": "ida",
        "reason": ["because"],
        "description": [],
        "changes": 5,
        "counts": [
            {"kind": "deleted", "number": 3, "text": "3 deletions"},
            {"kind": "created", "number": 2, "text": "2 creations"},
        ],
        "waives": [],
        "version": None,
        "weakening": [],
        "state": "pending",
        "state_text": "Waiting for approval",
        "filed": "2026-11-20 08:00 UTC",
        "expires": "",
        "decided_by": "",
        "successor": None,
    }
    return {
        "headline": "Changes wait for your approval.",
        "url": "https://airflow.example/requests/7",
        "request": base | request,
        "patterns": [],
        "event": {"kind": "filed", "actor": "ida", "text": [], "at": "2026-11-20 08:00 UTC"},
        "asked": ["bea", "role Heads"],
        "recipient": {"name": "bea", "is_role": False, "is_requester": False},
        "result": {
            "state": "success",
            "summary": "Fine.",
            "good": True,
            "errors": 0,
            "conflicts": 0,
            "done": [],
        },
    }


def own(folder: Path, **files: str) -> Templates:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return Templates(folder)


def test_there_is_one_copy_and_packages_hold_it() -> None:
    """A checkout has the built-in templates in `include/templates/mail`; wheel, sdist and image take them
    from there.
    """
    project = SHIPPED.parents[2]
    assert BUILT_IN == SHIPPED
    build = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"][
        "targets"
    ]
    packaged = PACKAGED.relative_to(project / "src").as_posix()
    assert build["wheel"]["force-include"]["include/templates/mail"] == packaged
    assert "include/templates/mail" in build["sdist"]["include"]
    assert "COPY include/templates/mail include/templates/mail" in (project / "Dockerfile").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("letter", OF_REQUESTS)
def test_every_letter_has_subject_text_and_html(letter: Letter) -> None:
    """With and without link, and with everything that is optional."""
    full = content(
        expires="2026-11-25 08:00 UTC",
        waives=["limit delete: 3 planned, 2 allowed"],
        version=4,
        weakening=["limit on deletions raised: 2 → 5 (version 4, ada)"],
        description=["x", "y"],
        successor=9,
        title="People",
        source="connection hr, table staff",
        destination="connection corp, ou=people",
        asked_by="max",
        waiver=True,
    )
    for given in (content(), full, content() | {"url": ""}, content(counts=[])):
        rendered = Templates().render(letter, given)
        assert "(request 7)" in rendered.subject
        for body in (rendered.text, rendered.html):
            assert given["headline"] in body
            assert "people" in body
            assert (given["url"] or "Dir Sync") in body
        assert rendered.warning == ""


def test_counts_come_worst_first() -> None:
    """Deletions are seen before anything else, in subject, text and HTML; nobody takes them for what was
    done.
    """
    rendered = Templates().render("asked", content())
    assert (
        rendered.subject == "Approve changes of crew / people: 3 deletions, 2 creations planned (request 7)"
    )
    for body in (rendered.text, rendered.html):
        assert body.index("Planned") < body.index("3 deletions") < body.index("2 creations")
        assert "deleted" not in body


@pytest.mark.parametrize("letter", OF_REQUESTS)
def test_html_is_escaped(letter: Letter) -> None:
    """Whatever a name or a reason holds, it stays text."""
    hostile = content(
        job=HOSTILE,
        collection=HOSTILE,
        requester=HOSTILE,
        reason=[HOSTILE],
        description=[HOSTILE],
        waives=[HOSTILE],
        weakening=[HOSTILE],
    )
    hostile["headline"] = HOSTILE
    hostile["event"] = {"kind": "rerouted", "actor": HOSTILE, "text": [HOSTILE], "at": ""}
    html = Templates().render(letter, hostile).html
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 4


def test_own_templates_come_first(tmp_path: Path) -> None:
    """File by file; what is not there is the built-in one."""
    rendered = own(tmp_path, asked__txt="Hi {{ recipient.name }}, {{ request.changes }} changes.").render(
        "asked", content()
    )
    assert rendered.text == "Hi bea, 5 changes.\n"
    assert rendered.subject == Templates().render("asked", content()).subject
    assert rendered.warning == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("line 1\n{{ request.id", "asked.txt, line 2"),
        ("line 1\n\n{{ request.nonsense }}", "asked.txt, line 3"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ request.update({'id': 9}) }}", "unsafe"),
        ("{% include 'nowhere.txt' %}", "nowhere.txt"),
        ("{% for i in range(100000) %}xxxxxxxxxx{% endfor %}", "more than 200,000 characters"),
        ("{% for i in range(10000000) %}{% endfor %}", "OverflowError"),
        ("{{ 1 // 0 }}", "ZeroDivisionError"),
        ("{% include 'asked.txt' %}", "RecursionError"),
    ],
    ids=["syntax", "unknown name", "sandbox", "change", "include", "long", "range", "zero", "recursion"],
)
def test_a_broken_template_costs_no_mail(tmp_path: Path, text: str, said: str) -> None:
    """The built-in one is used for the whole mail, and the warning says what is wrong where."""
    rendered = own(tmp_path, asked__txt=text).render("asked", content())
    assert (rendered.subject, rendered.text, rendered.html) == _words(Templates(), "asked")
    assert said in rendered.warning
    assert "asked" in rendered.warning
    assert "\n" not in rendered.warning


def test_a_template_that_is_no_text_costs_no_mail(tmp_path: Path) -> None:
    """Neither does one that is no UTF-8, or an empty subject."""
    (tmp_path / "asked.html").write_bytes(b"\xff\xfe")
    assert "UnicodeDecodeError" in Templates(tmp_path).render("asked", content()).warning
    assert (
        "subject is empty" in own(tmp_path, outcome__subject__txt="\n ").render("outcome", content()).warning
    )


@pytest.mark.parametrize("letter", OF_REQUESTS)
def test_without_any_template_a_mail_still_says_what_has_happened(
    letter: Letter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headline, request and link arrive, escaped, and the warning names the template that is missing."""
    monkeypatch.setattr(templates, "BUILT_IN", tmp_path)
    rendered = Templates(tmp_path).render(
        letter, content(job=HOSTILE) | {"headline": "Changes wait.\r\n" * 40}
    )
    assert len(rendered.subject) <= LONGEST_SUBJECT
    assert rendered.subject.startswith("Request 7: Changes wait. Changes")
    assert rendered.subject.isprintable()
    for part in ("Changes wait.", "https://airflow.example/requests/7"):
        assert part in rendered.text
        assert part in rendered.html
    assert "<script" not in rendered.html
    assert letter in rendered.warning


def test_a_folder_that_is_not_there_is_none(tmp_path: Path) -> None:
    """The built-in templates are used without a warning."""
    rendered = Templates(tmp_path / "mail").render("asked", content())
    assert (rendered.subject, rendered.text, rendered.html) == _words(Templates(), "asked")
    assert rendered.warning == ""


def test_a_subject_is_one_short_line(tmp_path: Path) -> None:
    """Whatever the template or a name holds, no header field can begin in it."""
    rendered = own(tmp_path, asked__subject__txt="a\r\nBcc: x@y.org\n\x07\u202e{{ 'z' * 999 }}").render(
        "asked", content()
    )
    assert rendered.subject.startswith(r"a Bcc: x@y.org \x07\u202ezzz")
    assert len(rendered.subject) == LONGEST_SUBJECT
    assert rendered.subject.isprintable()


def _words(templates: Templates, letter: str) -> tuple[str, str, str]:
    rendered = templates.render(letter, content())
    return rendered.subject, rendered.text, rendered.html


def test_built_in_templates_can_say_everything() -> None:
    """The examples have each kind of mail with all that is optional, and without; nothing is cut off."""
    seen = set()
    for letter, given in examples():
        rendered = Templates().render(letter, given)
        assert rendered.warning == ""
        assert given["headline"] in rendered.text
        assert "None" not in rendered.subject + rendered.text + rendered.html
        assert "\n\n\n" not in rendered.text
        seen.add(letter)
    assert seen == set(Letter)


def test_own_templates_are_checked_before_a_mail_needs_them(tmp_path: Path) -> None:
    """Each mail that they cannot make, with file and line, and files that no mail uses."""
    assert template_problems(None) == template_problems(tmp_path) == template_problems(BUILT_IN) == []
    for name, text in {
        "run.txt": "{{ headline }}\n{{ run.nonsense }}",
        "asked.html": "<p>{% include '_mine.html' %}",
        "_mine.html": "{{ request.id }}</p>",
        "runs.txt": "never used",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    broken, unused = template_problems(tmp_path)
    assert f"{tmp_path / 'run.txt'}, line 2" in broken
    assert str(tmp_path / "runs.txt") in unused


def test_a_run_that_hurts_is_told_first(tmp_path: Path) -> None:
    """State and failures stand in the subject; links to run, log and request in the mail."""
    told = [given for letter, given in examples() if letter is Letter.RUN]
    rendered = Templates(tmp_path).render(Letter.RUN, told[0])
    assert rendered.subject == "Failed: corp_to_lab (1 of 3 jobs failed): 4 updates, 2 errors"
    page = "https://airflow.example/dags/corp_to_lab/runs/manual__2026-11-20T08:00:00+00:00"
    for body in (rendered.text, rendered.html):
        for part in (
            f"{page}/plugin/dirsync_run",
            f"{page}/tasks/contacts",
            "https://airflow.example/plugin/dirsync/dirsync/requests/7",
        ):
            assert part in body
