"""Checks of Airflow's configuration file and of the settings of the section `[directory_sync]`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from configparser import Error as ConfigFileError
from configparser import RawConfigParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from directory_sync import settings
from directory_sync.definition.problems import nearest
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, Finding, State, ok, problem, skipped, warning
from directory_sync.errors import SettingsError
from directory_sync.rights.reading import read_connection_rules
from directory_sync.settings.minimum import parse_minimum
from directory_sync.settings.options import BY_NAME, OPTIONS, SECTION
from directory_sync.settings.reading import read, read_airflow

_PREFIX = f"AIRFLOW__{SECTION.upper()}__"
_SOURCES = ("_cmd", "_secret")
_VARIABLE = re.compile(r"AIRFLOW__([A-Z0-9_]+?)__([A-Z0-9_]+)", re.IGNORECASE)
_PEOPLE = ("people_connection", "people_base", "people_name", "people_mail", "people_manager")

READERS: Mapping[str, Callable[[], Any]] = {
    "collections_folder": lambda: settings.collections_folder(beside=Path("dag.py")),
    "approval_minimum": lambda: parse_minimum(settings.approval_minimum()),
    "connection_rules": lambda: read_connection_rules(settings.connection_rules()),
    **dict.fromkeys(_PEOPLE, settings.people_directory),
}
"""Setting → what reads it, where that is not the function of its name."""


def config_file(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow's configuration file can be read."""
    file = examination.config_file
    if not examination.has_config_file:
        yield ok(Code.CONFIG_ABSENT, file=str(file))
        return
    _sections(examination)
    yield ok(Code.CONFIG_READ, file=str(file))


def keys(examination: Examination) -> Iterator[Finding]:
    """Whether every key of the section is one that has an effect."""
    found = list(_unknown_keys(examination))
    yield from found
    if not found:
        yield ok(Code.KEYS_KNOWN, count=len(_given(examination)))


def values(examination: Examination) -> Iterator[Finding]:
    """Whether each setting can be used."""
    _sections(examination)
    wrong: dict[str, str] = {}
    for option in OPTIONS:
        reader = READERS.get(option.name) or getattr(settings, option.name, None)
        try:
            reader() if reader is not None else read(option.name)
        except SettingsError as error:
            # One sentence about several settings is said once.
            wrong.setdefault(str(error), option.name)
    for text, name in wrong.items():
        said, *details = text.splitlines()
        yield problem(Code.SETTING_WRONG, setting=name, said=said, details=details)
    if not wrong:
        yield ok(Code.SETTINGS_READ, count=len(OPTIONS))


def address(examination: Examination) -> Iterator[Finding]:
    """Whether Airflow knows its own address, of which links in mails are made."""
    _sections(examination)
    text = read_airflow("api", "base_url")
    mails = bool(read("mail_connection").strip())
    if not text:
        yield (warning if mails else skipped)(Code.ADDRESS_MISSING)
        return
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host:
        yield problem(Code.ADDRESS_WRONG)
    elif mails and host in {"localhost", "127.0.0.1", "::1", "0.0.0.0"}:  # noqa: S104 - nothing listens here
        yield warning(Code.ADDRESS_LOCAL, host=host)
    else:
        yield ok(Code.ADDRESS_SET, host=host)


def _sections(examination: Examination) -> Mapping[str, Mapping[str, str]]:
    """The configuration file's sections. Raises CannotTell with what is wrong with the file."""
    file = examination.config_file
    if not examination.has_config_file:
        return {}
    parser = RawConfigParser(strict=False)
    try:
        if not file.is_file():
            raise CannotTell(Code.CONFIG_NO_FILE, State.PROBLEM, file=str(file))
        parser.read_string(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise CannotTell(Code.CONFIG_NO_TEXT, State.PROBLEM, file=str(file), place=error.start) from None
    except OSError as error:
        raise CannotTell(
            Code.CONFIG_UNREADABLE,
            State.PROBLEM,
            file=str(file),
            reason=error.strerror or type(error).__name__,
        ) from None
    except ConfigFileError as error:
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [(0, "")])), (0, ""))[0]
        raise CannotTell(Code.CONFIG_MALFORMED, State.PROBLEM, file=str(file), line=line) from None
    return {name: parser[name] for name in parser.sections()}


def _given(examination: Examination) -> dict[str, str]:
    """Key of the section, lower case → where it is given."""
    sections = _sections(examination)
    given = {name.lower(): str(examination.config_file) for name in sections.get(SECTION, {})}
    for variable in os.environ:
        if variable.upper().startswith(_PREFIX):
            given[variable[len(_PREFIX) :].lower()] = variable
    return given


def _unknown_keys(examination: Examination) -> Iterator[Finding]:
    for key, place in sorted(_given(examination).items()):
        base = next((key.removesuffix(each) for each in _SOURCES if key.endswith(each)), key)
        if key in BY_NAME or (base in BY_NAME and BY_NAME[base].sensitive):
            continue
        if base in BY_NAME:
            yield problem(Code.KEY_TAKES_NO_COMMAND, key=key, place=place, right=base)
        elif near := nearest(key, BY_NAME):
            right = f"{_PREFIX}{near.upper()}" if place.upper().startswith(_PREFIX) else near
            yield problem(Code.KEY_MISSPELT, key=key, place=place, right=right)
        else:
            yield warning(Code.KEY_UNKNOWN, key=key, place=place)
    yield from _misspelt_sections(examination)


def _misspelt_sections(examination: Examination) -> Iterator[Finding]:
    """Sections that are nearly ours: nothing in them has an effect."""
    for name in _sections(examination):
        if name != SECTION and _is_nearly_ours(name):
            yield problem(
                Code.SECTION_MISSPELT,
                name=f"[{name}]",
                place=str(examination.config_file),
                right=f"[{SECTION}]",
            )
    for variable in sorted(os.environ):
        match = _VARIABLE.fullmatch(variable)
        if match and match[1].lower() != SECTION and _is_nearly_ours(match[1]):
            right = f"{_PREFIX}{match[2].upper()}"
            yield problem(Code.SECTION_MISSPELT, name=variable, place="the environment", right=right)


def _is_nearly_ours(name: str) -> bool:
    letters = re.sub(r"[^a-z]", "", name.lower())
    return letters in {"directorysync", "dirsync", "directoriesync", "directorysynch", "directorysyncs"} or (
        letters.startswith("direct") and nearest(name, [SECTION]) is not None
    )
