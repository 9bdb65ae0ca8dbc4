"""The templates that definitions can use: what they are called, where they are from and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from directory_sync.definition.documents import Document
from directory_sync.definition.templates import BUILT_IN, Kind, Templates
from directory_sync.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class ListedTemplate:
    """A template.

    Attributes:
        kind: `jobs` or `collections`.
        name: as `template:` in a definition gives it.
        origin: path of its file; empty for a built-in one.
        title: the first sentence of its comment.
        about: the rest of it: what to give.
        text: the whole template; empty if it cannot be read, and `problem` says why.
    """

    kind: Kind
    name: str
    origin: str
    title: str
    about: str
    text: str
    problem: str = ""

    @property
    def kind_text(self) -> str:
        """In words."""
        return "job" if self.kind == "jobs" else "collection"


def list_templates(templates: Templates) -> list[ListedTemplate]:
    """All of them: those of collections first, each kind by name."""
    return [*_of_kind(templates, "collections"), *_of_kind(templates, "jobs")]


def find_template(templates: Templates, kind: str, name: str) -> ListedTemplate | None:
    """One of them; None if there is none."""
    return next((each for each in list_templates(templates) if (each.kind, each.name) == (kind, name)), None)


def start_with(template: ListedTemplate) -> str:
    """The definition that a new collection begins with that uses a template."""
    about = "".join(f"# {line}\n" for line in template.about.splitlines())
    if template.kind == "collections":
        return f"{about}{_HEAD}template: {template.name}\n"
    return f"{_HEAD}\njobs:\n{about}{_JOB.format(template.name)}"


_HEAD = "name: new_collection\ntitle: New collection\nowners: []\nschedule: null\n"
_JOB = """  - name: people
    template: {}
    source: {{connection: my_source, container: "OU=People,DC=source,DC=example"}}
    destination: {{connection: my_destination, container: "OU=People,DC=destination,DC=example"}}
"""


def _of_kind(templates: Templates, kind: Kind) -> Iterator[ListedTemplate]:
    built_in = BUILT_IN.names(kind)
    for name in sorted(templates.names(kind)):
        try:
            document = templates.get(kind, name)
        except DefinitionError as error:
            yield ListedTemplate(kind, name, "", "", "", "", "; ".join(each.text for each in error.problems))
            continue
        is_built_in = name in built_in and document.text == BUILT_IN.get(kind, name).text
        title, about = _comment(document)
        yield ListedTemplate(kind, name, "" if is_built_in else document.origin, title, about, document.text)


def _comment(document: Document) -> tuple[str, str]:
    """What the comment at the top says: its first paragraph's first line, and all of it after that."""
    lines = []
    for line in document.text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    title, _, rest = "\n".join(lines).partition("\n")
    return title, rest.strip("\n")
