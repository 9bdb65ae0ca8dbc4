"""Functions of the deployment's own code as transformations: finding them, calling them, and judging what
they return.

A script is
`def badge_number(record: Mapping[str, list[str] | list[bytes]]) -> str | bytes | list[str | bytes] | None`.
`record` holds the fields that the mapping reads, by name in any case; an absent one is an empty list, a
binary one a list of bytes. A field that only the script needs is declared:
`badge_number.source_fields = ("employeeNumber",)`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from directory_sync.errors import RecordCancelled, RecordError, UnsupportedError

ScriptFunction = Callable[[Mapping[str, Any]], Any]

_MAX_REASON = 500


class FieldNotRead(LookupError):
    """A script asked for a field that was not read. No KeyError, so that `record.get` does not hide it."""


class ScriptRecord(Mapping[str, "list[str] | list[bytes]"]):
    """What a script sees of a source record."""

    def __init__(self, fields: Sequence[str], values: Mapping[str, Sequence[bytes]]) -> None:
        self._names = {field.lower(): field for field in fields}
        self._values = values

    def __getitem__(self, name: str) -> list[str] | list[bytes]:
        if name.lower() not in self._names:
            raise FieldNotRead(
                f"the field {name} is not read; declare it: FUNCTION.source_fields = ({name!r},)"
            )
        values = self._values.get(self._names[name.lower()], ())
        try:
            return [value.decode() for value in values]
        except UnicodeDecodeError:
            return list(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._names)


def is_allowed(module: str, allowed_modules: Iterable[str]) -> bool:
    """Whether a module is listed, or lies in a package that is: `transforms` allows `transforms.badges`
    too.
    """
    return any(
        module == allowed or module.startswith(f"{allowed}.") for allowed in allowed_modules if allowed
    )


def load_scripts(paths: Iterable[str], allowed_modules: Sequence[str]) -> dict[str, ScriptFunction]:
    """Import the functions of dotted paths. Raises UnsupportedError that says what to change."""
    return {path: _load(path, allowed_modules) for path in dict.fromkeys(paths)}


def _load(path: str, allowed_modules: Sequence[str]) -> ScriptFunction:
    module_name, _, name = path.rpartition(".")
    if not is_allowed(module_name, allowed_modules):
        raise UnsupportedError(
            f"script {path}: the module {module_name!r} is not allowed. Add it to the setting script_modules"
            f" (now: {', '.join(allowed_modules) or 'none'})."
        )
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module can raise anything while it is imported
        raise UnsupportedError(
            f"script {path}: the module {module_name!r} cannot be imported ({_reason(error)}). Correct it,"
            " and see that its folder is on the Python path."
        ) from None
    function = None if name.startswith("_") else getattr(module, name, None)
    if function is None:
        raise UnsupportedError(
            f"script {path}: {module_name} has no public function {name!r}. Correct the name."
        )
    # What a module merely imports (os.system, say) was not meant by the person who allowed the module.
    home = getattr(function, "__module__", None)
    if not callable(function) or not isinstance(home, str) or not is_allowed(home, allowed_modules):
        raise UnsupportedError(
            f"script {path}: {name} is no function of an allowed module. Define it in {module_name} itself."
        )
    return function  # type: ignore[no-any-return]


def declared_fields(function: ScriptFunction) -> tuple[str, ...]:
    """The source fields that a script says it needs."""
    declared = getattr(function, "source_fields", ())
    if isinstance(declared, str):
        return (declared,)
    return tuple(str(field) for field in declared)


def call_script(function: ScriptFunction, record: ScriptRecord) -> list[bytes]:
    """Call a script for one record.

    Raises RecordError for whatever goes wrong in it; a script may raise RecordError (the record fails) and
    RecordCancelled (it is left out) itself.
    """
    try:
        result = function(record)
    except RecordCancelled as error:
        raise RecordCancelled(error.message[:_MAX_REASON]) from None
    except RecordError as error:
        raise RecordError(error.message[:_MAX_REASON]) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - so can a script
        raise RecordError(
            f"the script failed: {_reason(error)}. Correct it, or let it return None."
        ) from None
    items = result if isinstance(result, list | tuple) else [] if result is None else [result]
    return [_to_bytes(item) for item in items]


def _to_bytes(item: object) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        try:
            return item.encode()
        except UnicodeEncodeError:
            raise RecordError(
                "the script returned text that is not valid Unicode. Return bytes instead."
            ) from None
    raise RecordError(
        f"the script returned a value of type {type(item).__name__}. It may return str, bytes, a list of"
        " these, or None."
    )


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())[:_MAX_REASON]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
