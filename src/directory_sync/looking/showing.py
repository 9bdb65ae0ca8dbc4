"""Values as looks show them: short, and of secret fields none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from directory_sync.definition.passwords import is_password
from directory_sync.looking.answers import ShownRecord, Value
from directory_sync.looking.bounds import CHARACTERS, SAMPLES, VALUES

IsSecret = Callable[[str], bool]


def secrets(
    named: Iterable[str],
    canonical: Callable[[str], str] = str.lower,
    holds_password: IsSecret = is_password,
) -> IsSecret:
    """Whether a field holds secrets: passwords, or what one of those named does.

    Args:
        named: fields that a definition marks as secret.
        canonical: one name for a field, whichever of its names is given.
        holds_password: whether a field holds passwords, whichever of its names is given.
    """
    marked = {canonical(name) for name in named} | {name.lower() for name in named}

    def is_secret(name: str) -> bool:
        base = name.partition(";")[0]
        return holds_password(name) or bool({base.lower(), canonical(base)} & marked)

    return is_secret


def value_of(value: bytes, *, binary: bool = False) -> Value:
    """One value."""
    head = b"" if binary else value[: 4 * CHARACTERS]
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        # A character of which the end was left out is none that is wrong.
        if len(head) == len(value) or error.start < len(head) - 3:
            return Value("", len(value), binary=True)
        text = head[: error.start].decode()
    if binary or "\0" in text:
        return Value("", len(value), binary=True)
    return Value(text[:CHARACTERS], len(value), cut=len(text) > CHARACTERS or len(head) < len(value))


def record_of(
    id: str,
    values: Mapping[str, Sequence[bytes]],
    is_secret: IsSecret,
    is_binary: Callable[[str], bool],
    problem: str = "",
) -> ShownRecord:
    """One record without its secrets."""
    shown = {name: held for name, held in values.items() if held and not is_secret(name)}
    return ShownRecord(
        id[:2_000],
        {
            name: tuple(value_of(value, binary=is_binary(name)) for value in held[:VALUES])
            for name, held in shown.items()
        },
        tuple(name for name, held in shown.items() if len(held) > VALUES),
        problem[:1_000],
    )


class Samples:
    """The first different values of a field."""

    def __init__(self) -> None:
        self._values: dict[bytes, None] = {}

    def add(self, values: Sequence[bytes]) -> None:
        """Take what is still wanted of a record's values."""
        for value in values:
            if len(self._values) >= SAMPLES:
                return
            self._values.setdefault(bytes(value))

    def shown(self, *, binary: bool) -> tuple[Value, ...]:
        """Those that were taken."""
        return tuple(value_of(value, binary=binary) for value in self._values)
