"""The documents cannot lie: what they name exists, what they show works, and nothing is forgotten."""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.parser import build_parser
from directory_sync.definition.loading import load_text
from directory_sync.settings import OPTIONS

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [
        PROJECT / "README.md",
        PROJECT / "CONTRIBUTING.md",
        PROJECT / "CHANGELOG.md",
        *PROJECT.glob("docs/**/*.md"),
        *PROJECT.glob("include/**/*.md"),
    ]
)
ids = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(text: str, language: str) -> Iterator[str]:
    """The contents of a document's fenced blocks of one language."""
    return (match[2] for match in _FENCE.finditer(text) if match[1] == language)


def make_targets() -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^\.PHONY: (\S+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """The commands of directory-sync, nested ones as `db upgrade`."""

    def walk(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, child in action.choices.items():
                    yield f"{name} {word}".strip(), child
                    yield from walk(child, f"{name} {word}".strip())

    return dict(walk(build_parser(), ""))


@ids
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file of the checkout, and every anchor a heading in it."""
    for link in _LINK.findall(_FENCE.sub("", document.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{document.name} links to {link}, which does not exist"
        if anchor:
            assert anchor in anchors(target), (
                f"{document.name} links to {link}, but {target.name} has no such heading"
            )


@ids
def test_make_targets_exist(document: Path) -> None:
    """A document names only targets that the Makefile has."""
    text = document.read_text()
    named = {target for code in re.findall(r"`make ([a-z-]+)[^`]*`", text) for target in [code]}
    named |= {
        target
        for block in blocks(text, "console")
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", block, re.MULTILINE)
    }
    assert named <= make_targets()


@ids
def test_commands_exist(document: Path) -> None:
    """A document names only commands and options that `directory-sync` has."""
    text = document.read_text()
    known = subcommands()
    lines = [
        *re.findall(r"`(directory-sync [^`]*)`", text),
        *re.findall(r"^(?:\$ )?(directory-sync .*)$", text, re.MULTILINE),
    ]
    for line in lines:
        words = line.split("#")[0].split()[1:]
        command = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
        if words[0].startswith("-"):
            parser = build_parser()
        else:
            assert command in known, f"{document.name}: {line}"
            parser = known[command]
        for word in words:
            if option := re.match(r"--[a-z-]+", word):
                assert option[0] in parser._option_string_actions, f"{document.name}: {line}"


@ids
def test_settings_exist(document: Path) -> None:
    """A document names only settings that the section has."""
    known = {option.environment_variable for option in OPTIONS}
    known |= {f"{variable}_{ending}" for variable in known for ending in ("CMD", "SECRET")}
    named = set(re.findall(r"AIRFLOW__DIRECTORY_SYNC__[A-Z0-9_]+", document.read_text()))
    assert named - {"AIRFLOW__DIRECTORY_SYNC__"} <= known


def _definitions() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for number, block in enumerate(blocks(document.read_text(), "yaml"), start=1):
            if re.search(r"^name: ", block, re.MULTILINE) and re.search(r"^jobs:$", block, re.MULTILINE):
                yield f"{document.relative_to(PROJECT)}#{number}", block


@pytest.mark.parametrize(
    ("place", "definition"), [pytest.param(*found, id=found[0]) for found in _definitions()]
)
def test_definitions_in_documents_are_valid(place: str, definition: str) -> None:
    """A whole collection that a document shows is one that `validate` accepts without a warning."""
    assert load_text(definition, place).problems == ()


def test_the_demo_collection_is_valid() -> None:
    """The demo's definitions are ones that `validate` accepts without a warning."""
    files = sorted((PROJECT / "demo" / "collections").glob("*.yaml"))
    assert files
    for file in files:
        assert load_text(file.read_text(), str(file)).problems == ()


def test_all_documents_are_reachable() -> None:
    """The index leads to every page of the documentation, the list of decisions to every decision."""
    for index in (PROJECT / "docs" / "index.md", PROJECT / "docs" / "decisions" / "README.md"):
        linked = {
            (index.parent / link.split("#")[0]).resolve()
            for link in _LINK.findall(index.read_text())
            if ":" not in link
        }
        assert set(index.parent.glob("*.md")) - {index} <= linked


def test_decisions_are_numbered_without_gaps() -> None:
    """Each decision has its own number, and its heading says the same one."""
    files = sorted((PROJECT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        assert file.read_text().startswith(f"# {file.name[:4]}: ")


def _map_of_the_house() -> dict[str, str]:
    """Path -> purpose, in the order of CONTRIBUTING's map."""
    section = (PROJECT / "CONTRIBUTING.md").read_text().split("## Where things are")[1].split("\n## ")[0]
    purposes: dict[str, str] = {}
    folders: dict[int, str] = {-1: ""}
    for line in next(blocks(section, "")).splitlines():
        name, _, purpose = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth] = folders[depth - 1] + name
        purposes[folders[depth]] = purpose.strip()
    return purposes


def _purpose_in_code(path: str) -> str:
    """The first sentence of a package's or a module's docstring, as a first draft for its line in the map."""
    file = PROJECT / path / "__init__.py" if path.endswith("/") else PROJECT / path
    docstring = (ast.get_docstring(ast.parse(file.read_text())) if file.exists() else None) or "…"
    return re.split(r"(?<=\w)\.(?:\s|$)|\n\n", docstring)[0].replace("\n", " ")


def test_the_map_of_the_house_names_every_package() -> None:
    """CONTRIBUTING's map has a line with a purpose for every package, for every module at the top of the
    package, and for every folder of tests; whatever it names exists.
    """
    mapped = _map_of_the_house()
    package = PROJECT / "src" / "directory_sync"
    there = {f"{init.parent.relative_to(PROJECT)}/" for init in package.rglob("__init__.py")}
    there |= {str(file.relative_to(PROJECT)) for file in package.glob("*.py") if file.name != "__init__.py"}
    there |= {f"{file.parent.relative_to(PROJECT)}/" for file in PROJECT.glob("tests/**/test_*.py")}
    parents = {"src/directory_sync/"}
    corrections = [
        *(f"add the line   {path}  {_purpose_in_code(path)}" for path in sorted(there - set(mapped))),
        *(f"remove the line   {path}" for path in mapped if not (PROJECT / path).exists()),
        *(f"say what   {path}   is for" for path in sorted(there - parents) if not mapped.get(path, "…")),
    ]
    assert not corrections, "\n  ".join(["CONTRIBUTING.md, Where things are:", *corrections])


def test_the_map_of_the_house_has_the_order_of_the_layers() -> None:
    """The packages stand in CONTRIBUTING's map as import-linter orders them, the lowest layer first."""
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    floors = [sorted(floor.split(" : ")) for floor in reversed(layers)]
    found = [re.fullmatch(r"src/directory_sync/(\w+)(?:/|\.py)", path) for path in _map_of_the_house()]
    names = [match[1] for match in found if match]
    order = {name: number for number, floor in enumerate(floors) for name in floor}
    differing = sorted(set(names) ^ set(order))
    assert not differing, f"only in CONTRIBUTING's map, or only in pyproject.toml's layers: {differing}"
    wanted = sorted(names, key=order.__getitem__)
    assert names == wanted, f"CONTRIBUTING.md, Where things are: put the packages into this order: {wanted}"


def test_a_term_is_explained_once() -> None:
    """The page of concepts has one line for each term."""
    terms = re.findall(r"^\| \*\*([^*]+)\*\*", (PROJECT / "docs" / "concepts.md").read_text(), re.MULTILINE)
    assert {"collection", "job", "plan", "claim", "waiver"} <= set(terms)
    assert [term for term in terms if terms.count(term) > 1] == []


def _words_to_avoid() -> dict[str, str]:
    """Word or words -> what to write, from the table in CONTRIBUTING."""
    section = (PROJECT / "CONTRIBUTING.md").read_text().split("## How code should read")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    return {word: instead for words, instead in rows if words != "not" for word in words.split(", ")}


@ids
def test_words_are_plain(document: Path) -> None:
    """A document uses none of the words that CONTRIBUTING replaces; what the product prints is quoted as it
    is.
    """
    avoided = _words_to_avoid()
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, avoided))})\b", re.IGNORECASE)
    text = re.sub(r"`[^`]*`|(?<=\])\([^)]*\)", "`…`", _FENCE.sub("", document.read_text()))
    rows = () if document.name != "CONTRIBUTING.md" else avoided
    hits = [
        f"{found[1]!r} in {line.strip()!r}: write {avoided[found[1].lower()]}"
        for line in text.splitlines()
        if not any(line.startswith(f"| {word}") for word in rows)
        for found in pattern.finditer(line)
    ]
    assert not hits, "\n  ".join([f"{document.name}:", *hits])


_PARAMETER = re.compile(r"`beside`|\bbeside(?=[=:.]| else)")
"""What DAG files of users have to call `collections_folder` with."""


def test_words_in_the_package_are_plain() -> None:
    """Code, texts and pages use none of the words that CONTRIBUTING replaces, nor do names in the code."""
    avoided = _words_to_avoid()
    words = "|".join(re.escape(word).replace(r"\ ", r"(?:_|\s+(?:# )?)") for word in avoided)
    pattern = re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE)
    texts = {
        file: _PARAMETER.sub("", file.read_text())
        for folder in ("src", "include", "dags", "deploy")
        for file in sorted((PROJECT / folder).rglob("*"))
        if file.suffix in {".py", ".html", ".css", ".js", ".txt", ".sh", ".yaml"} and "htmx" not in file.name
    }
    hits = [
        f"{file.relative_to(PROJECT)}:{text.count(chr(10), 0, found.start()) + 1}: {found[0]!r}"
        for file, text in texts.items()
        for found in pattern.finditer(text)
    ]
    assert not hits, "\n  ".join(["", *hits])


def test_statuses_in_the_tutorial_exist() -> None:
    """Exit statuses that the tutorial shows are ones that the command has."""
    text = (PROJECT / "docs" / "tutorial-command-line.md").read_text()
    shown = {int(status) for status in re.findall(r"^\$ echo \$\?\n(\d+)$", text, re.MULTILINE)}
    assert shown
    assert shown <= set(ExitStatus)


def test_the_demo_has_the_file_of_the_tutorials() -> None:
    """Both show it as it is."""
    rows = (PROJECT / "demo" / "data" / "interns.csv").read_text("utf-8")
    for name in ("tutorial.md", "tutorial-command-line.md"):
        assert f"```csv\n{rows}```\n" in (PROJECT / "docs" / name).read_text("utf-8")


def test_make_help_lists_every_target() -> None:
    """`make` alone lists all targets, each with what it does."""
    listed = subprocess.run(
        ["make", "-s", "-C", str(PROJECT), "help"], check=True, capture_output=True, text=True
    ).stdout
    assert set(re.findall(r"^  make (\S+)", listed, re.MULTILINE)) == make_targets() - {"help"} | {"help"}


def test_every_test_says_which_rule_it_checks() -> None:
    """Every test function has a docstring."""
    for file in PROJECT.glob("tests/**/test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{file.relative_to(PROJECT)}: {node.name} has no docstring"


def test_scripts_name_no_registry() -> None:
    """Where packages come from is the machine's business: neither Makefile, scripts nor requirements name a
    host.
    """
    files = [
        PROJECT / "Makefile",
        PROJECT / ".ci" / "run",
        *PROJECT.glob("scripts/*.sh"),
        *PROJECT.glob("requirements/*.txt"),
    ]
    for file in files:
        assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", file.read_text()), (
            file.name
        )
