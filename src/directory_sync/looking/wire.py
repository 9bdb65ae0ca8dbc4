"""Questions, answers and errors as lines of JSON, between two processes or through the store."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from directory_sync import errors
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import DirectorySyncError, EndpointError, LookError, LookTimedOut
from directory_sync.looking.answering import Given
from directory_sync.looking.answers import ANSWER, Answer
from directory_sync.looking.bounds import ANSWER_BYTES
from directory_sync.looking.questions import QUESTION, AnyQuestion
from directory_sync.printable import printable_lines
from directory_sync.rights.connection_rules import ConnectionRules

_log = logging.getLogger(__name__)
_FRAMES = 12
"""Of an unexpected error that are logged: the innermost ones."""
TOO_MUCH = (
    "What was found is too large to be shown. Narrow the container or the filter, or look at fewer records."
)
_TOLD = ("EndpointError", "EndpointUnavailable", "NoConnection", "AuthenticationError", "SecurityError")
_TOLD_TOO = ("MissingObjectError", "SchemaError", "IncompleteListing")
_KINDS: Mapping[str, type[EndpointError]] = {name: getattr(errors, name) for name in (*_TOLD, *_TOLD_TOO)}


def asked_to_json(question: AnyQuestion, given: Given, seconds: float) -> bytes:
    """A question with all that is needed to answer it, passwords included: only ever for a pipe."""
    rules = given.connection_rules
    return json.dumps(
        {
            "question": json.loads(QUESTION.dump_json(question)),
            "connections": [asdict(each) for each in given.connections.values()],
            "data_folder": str(given.data_folder),
            "classes": given.classes,
            "script_modules": given.script_modules,
            "connection_rules": rules.model_dump(mode="json") if rules is not None else None,
            "seconds": seconds,
        }
    ).encode()


def asked_from_json(line: bytes) -> tuple[AnyQuestion, Given, float]:
    """What `asked_to_json` wrote."""
    told = json.loads(line)
    connections = {each["id"]: ConnectionInfo(**each) for each in told["connections"]}
    rules = told["connection_rules"]
    given = Given(
        connections,
        Path(told["data_folder"]),
        tuple(told["classes"]),
        tuple(told["script_modules"]),
        None if rules is None else ConnectionRules.model_validate(rules),
    )
    return QUESTION.validate_python(told["question"]), given, told["seconds"]


def answer_to_json(answer: Answer) -> bytes:
    """An answer; an error in its place if it is too large."""
    text = ANSWER.dump_json(answer)
    return b'{"answer":' + text + b"}" if len(text) <= ANSWER_BYTES else error_to_json(LookTimedOut(TOO_MUCH))


def error_to_json(error: BaseException) -> bytes:
    """Why there is no answer. Of an error that no one foresaw only its kind: its text may hold anything."""
    if isinstance(error, MemoryError):
        error = LookTimedOut(TOO_MUCH)
    facts: dict[str, Any] = {"kind": type(error).__name__}
    if isinstance(error, EndpointError):
        parts = ("message", "endpoint", "remedy")
        facts |= {name: printable_lines(getattr(error, name))[:4_000] for name in parts}
    elif isinstance(error, DirectorySyncError):
        facts |= {"kind": "LookError", "message": printable_lines(str(error))[:4_000]}
        facts |= {"transient": error.transient}
    else:
        # Names and lines of code hold nothing of what was read.
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        place = "; ".join(f"{Path(each.filename).name}:{each.lineno} in {each.name}" for each in frames)
        facts |= {"kind": "Unforeseen", "message": type(error).__name__, "place": place}
    return json.dumps({"error": facts}).encode()


def answer_from_json(line: bytes | str) -> Answer:
    """What was answered. Raises the error that was told instead; LookError for what is no answer."""
    try:
        told = json.loads(line)
        if "answer" in told:
            return ANSWER.validate_python(told["answer"])
        facts = told["error"]
        kind = _KINDS.get(facts["kind"])
    except (ValueError, KeyError, TypeError, ValidationError):
        raise LookError("The look ended with something that is no answer. Try again.") from None
    if kind is not None:
        raise kind(facts["message"], endpoint=facts["endpoint"], remedy=facts["remedy"])
    if facts["kind"] == "LookError":
        raise (LookTimedOut if facts.get("transient") else LookError)(facts["message"])
    _log.error("A look ended with an unexpected error: kind=%s at=%s", facts["message"], facts.get("place"))
    raise LookError(
        f"The look ended with an unexpected error ({facts['message']}). If the software was upgraded, restart"
        " Airflow's API server. The log of the API server says where it happened."
    )
