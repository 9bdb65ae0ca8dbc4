"""The templates of mails: a deployment's own where it has some, else the built-in ones.

Templates run in Jinja2's sandbox. What they write into `.html` is escaped. A template that cannot be used
costs no mail: built-in words take its place, and who runs the deployment is told.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from directory_sync.printable import printable

PACKAGED = Path(__file__).parent / "templates"
SHIPPED = Path(__file__).parents[3] / "include/templates/mail"
BUILT_IN = PACKAGED if PACKAGED.is_dir() else SHIPPED
"""The built-in templates.

A package that was built holds them; a checkout has them where its users look for them.
"""
LONGEST_SUBJECT = 200
"""Characters; more is cut off."""
LONGEST_BODY = 200_000
"""Characters of a text or HTML that a template may make."""

_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's words.

    Attributes:
        subject: one line without control characters.
        text, html: the same content twice.
        warning: why a template of the deployment was not used, with its file; empty if all is well.
    """

    subject: str
    text: str
    html: str
    warning: str = ""


class Templates:
    """Renders mails.

    Args:
        folder: of the deployment's own templates (`asked.subject.txt`, `asked.txt`, `asked.html`, the same
            for the other kinds of mail, and whatever they include); a file that is missing there is taken
            from the built-in ones. None: none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        built_in = FileSystemLoader(BUILT_IN)
        self._environments = [_environment(built_in)]
        if folder is not None and folder.is_dir() and folder.resolve() != BUILT_IN.resolve():
            self._environments.insert(0, _environment(ChoiceLoader([FileSystemLoader(folder), built_in])))
        self._folder = folder or BUILT_IN

    def render(self, letter: str, content: Mapping[str, Any]) -> Rendered:
        """Make the words of a mail of this kind."""
        warning = ""
        for environment in self._environments:
            try:
                return replace(_render(environment, letter, content), warning=warning)
            except Exception as error:  # noqa: BLE001 a template may make Python raise anything
                warning = warning or (
                    f"The mail template {self._place(letter, error)} cannot be used: {_said(error)}. Built-in"
                    " words were used instead. Correct it."
                )
        return replace(_least(content), warning=warning)

    def _place(self, letter: str, error: Exception) -> str:
        if isinstance(error, TemplateSyntaxError) and error.filename:
            return f"{error.filename}, line {error.lineno}"
        trace, place = error.__traceback__, f"{letter} in {self._folder}"
        while trace is not None:
            # Jinja2 writes the template's own file and line into the traceback.
            if (file := Path(trace.tb_frame.f_code.co_filename)).suffix in (".txt", ".html"):
                place = f"{file}, line {trace.tb_lineno}"
            trace = trace.tb_next
        return place


class _TooLong(TemplateError):
    """A template makes more than a mail may hold."""


def _environment(loader: BaseLoader) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _render(environment: ImmutableSandboxedEnvironment, letter: str, content: Mapping[str, Any]) -> Rendered:
    subject, text, html = (
        _bounded(environment, f"{letter}.{ending}", content) for ending in ("subject.txt", "txt", "html")
    )
    subject = _one_line(subject)
    if not subject:
        raise TemplateError("the subject is empty")
    return Rendered(subject, _BLANK_LINES.sub("\n\n", text).strip() + "\n", html.strip() + "\n")


def _one_line(subject: str) -> str:
    line = printable(" ".join(subject.split()))
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}\N{HORIZONTAL ELLIPSIS}"


def _least(content: Mapping[str, Any]) -> Rendered:
    """What a mail has to say at least, without any template."""
    headline = str(content["headline"])
    if "run" in content:
        run = content["run"]
        name = f"Run {run['id']} of {run['collection']}"
        about = f"{name}: {run['state_text']}."
    else:
        request = content["request"]
        name = f"Request {request['id']}"
        about = f"{name}: {request['collection']} / {request['job']}, {request['changes']} changes."
    lines = [headline, about, content["url"] or f"Open Airflow, and there {name[0].lower()}{name[1:]}."]
    paragraphs = "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return Rendered(_one_line(f"{name}: {headline}"), "\n\n".join(lines) + "\n", paragraphs + "\n")


def _bounded(environment: ImmutableSandboxedEnvironment, name: str, content: Mapping[str, Any]) -> str:
    parts, length = [], 0
    for part in environment.get_template(name).generate(content):
        parts.append(part)
        length += len(part)
        if length > LONGEST_BODY:
            raise _TooLong(f"{name} makes more than {LONGEST_BODY:,} characters")
    return "".join(parts)


def _said(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return printable(text if isinstance(error, TemplateError) else f"{type(error).__name__}: {text}").rstrip(
        "."
    )
