"""Checks of the definition files: that each can be used, as `directory-sync validate` would say."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from directory_sync import settings
from directory_sync.definition.loading import Broken, Loaded
from directory_sync.definition.reach import unreachable
from directory_sync.definition.support import unsupported
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import Fact, Finding, ok, problem, warning

_SHOWN = 3
"""Problems of one file that are told; `validate` tells all."""


def files(examination: Examination) -> Iterator[Finding]:
    """Each definition file in the folder of collections."""
    definitions = examination.definitions()
    folder = str(definitions.folder)
    if not definitions.found:
        yield warning(Code.NO_DEFINITIONS, folder=folder)
        return
    modules = settings.script_modules()
    for each in definitions.found:
        problems = list(each.problems)
        if isinstance(each, Loaded):
            problems += unsupported(each.collection, script_modules=modules, places=each.places)
            if each.collection.notifications is not None:
                problems += unreachable(each.collection, settings.mail_reach(), each.places)
        said = [str(one) for one in problems[:_SHOWN]]
        facts: dict[str, Fact] = {
            "file": each.origin,
            "count": len(problems),
            "details": said,
            "more": len(problems) - len(said),
        }
        if isinstance(each, Broken):
            yield problem(Code.DEFINITION_BROKEN, **facts)
        elif problems:
            yield warning(Code.DEFINITION_DOUBTFUL, **facts)
    yield ok(
        Code.DEFINITIONS_READ, folder=folder, count=len(definitions.found), usable=len(definitions.usable)
    )


def saved(examination: Examination) -> Iterator[Finding]:
    """Each collection that is saved in the store."""
    found = examination.saved()
    modules = settings.script_modules()
    by_name = {each.name: each.origin for each in examination.definitions().found if each.name}
    usable = 0
    for each in found:
        name, result = each.version.name, each.result
        problems = list(result.problems)
        if isinstance(result, Loaded):
            usable += 1
            problems += unsupported(result.collection, script_modules=modules, places=result.places)
            if result.collection.notifications is not None:
                problems += unreachable(result.collection, settings.mail_reach(), result.places)
        facts: dict[str, Fact] = {
            "name": name,
            "number": each.version.number,
            "count": len(problems),
            "details": [str(one) for one in problems[:_SHOWN]],
        }
        if name in by_name:
            yield problem(Code.NAME_TWICE, name=name, file=by_name[name])
        if isinstance(result, Broken):
            yield problem(Code.SAVED_BROKEN, **facts)
        elif problems:
            yield warning(Code.SAVED_DOUBTFUL, **facts)
    if found:
        yield ok(Code.SAVED_READ, count=len(found), usable=usable)


def scripts(examination: Examination) -> Iterator[Finding]:
    """Whether Python finds the modules whose functions definitions may call."""
    del examination
    for name in settings.script_modules():
        try:
            found = importlib.util.find_spec(name) is not None
        except Exception:  # noqa: BLE001 - a parent package that cannot be imported raises anything
            found = False
        if found:
            yield ok(Code.SCRIPT_MODULE_FOUND, module=name)
        else:
            yield problem(Code.SCRIPT_MODULE_MISSING, module=name)
