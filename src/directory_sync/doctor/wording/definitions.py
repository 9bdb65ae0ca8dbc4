"""Words for findings about definitions."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.DEFINITIONS_READ: words("{usable} of {count} definitions in {folder} can be used."),
    Code.DEFINITIONS_UNREADABLE: words("{said}"),
    Code.NO_DEFINITIONS: words(
        "There is no definition (*.yaml, *.yml, *.json) in {folder}.",
        "Write one (docs/tutorial-command-line.md), or let the setting collections_folder name the right"
        " folder:",
        "[directory_sync]",
        "collections_folder = /path/to/collections",
    ),
    Code.DEFINITION_BROKEN: words(
        "{file} cannot be used (problems: {count}).",
        "Correct it; this shows all problems:",
        "directory-sync validate {file!q}",
    ),
    Code.DEFINITION_DOUBTFUL: words(
        "{file} can be used, with warnings ({count}).",
        "This shows them all:",
        "directory-sync validate {file!q}",
    ),
    Code.SAVED_READ: words("{usable} of {count} saved collections can be used."),
    Code.SAVED_BROKEN: words(
        "The saved collection {name} (version {number}) cannot be used (problems: {count}).",
        "Correct it, or restore an earlier version of it.",
    ),
    Code.SAVED_DOUBTFUL: words(
        "The saved collection {name} (version {number}) can be used, with warnings ({count}).",
        "Look at them when you edit it next.",
    ),
    Code.NAME_TWICE: words(
        "The name {name} belongs to a saved collection, and to the file {file}.",
        "Rename or remove one of them.",
    ),
    Code.SCRIPT_MODULE_FOUND: words("Python finds the module {module}."),
    Code.SCRIPT_MODULE_MISSING: words(
        "script_modules names {module}, which Python does not find.",
        "Install it here and on every worker, or put its folder on PYTHONPATH:",
        "python -c 'import {module}'",
    ),
}
