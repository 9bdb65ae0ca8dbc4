"""Finds what is wrong with a deployment's own templates of mails, before a mail needs them."""

from __future__ import annotations

from pathlib import Path

from directory_sync.mail.audience import Letter
from directory_sync.mail.examples import examples
from directory_sync.mail.templates import BUILT_IN, Templates
from directory_sync.printable import printable

_ENDINGS = ("subject.txt", "txt", "html")


def template_problems(folder: Path | None) -> list[str]:
    """What is wrong, each as a sentence that names file and line; nothing where there are no own templates.

    Args:
        folder: of the deployment's own mail templates, or None.
    """
    if folder is None or not folder.is_dir() or folder.resolve() == BUILT_IN.resolve():
        return []
    templates = Templates(folder)
    found: dict[str, None] = {}
    for letter, content in examples():
        if warning := templates.render(letter, content).warning:
            found[warning] = None
    used = {f"{letter.value}.{ending}" for letter in Letter for ending in _ENDINGS}
    for file in sorted(folder.glob("*")):
        # What begins so is for other templates to include.
        is_part = file.name.startswith(("_", "."))
        if file.is_file() and file.suffix in {".txt", ".html"} and file.name not in used and not is_part:
            found[
                f"No mail uses the template {printable(str(file))}. Call it as one of the built-in ones, or"
                " begin its name with _ if others include it."
            ] = None
    return list(found)
