"""Scripts: which may be loaded, and what becomes of all that they can do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from directory_sync.errors import RecordCancelled, RecordError, UnsupportedError
from directory_sync.plan.mapping.scripts import ScriptRecord, call_script, load_scripts


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the deployment, in a package."""
    made = ModuleType("deployment_scripts.badges")
    source = (
        "from os import getcwd\ndef badge(record): return 'x'\ndef _hidden(record): return 'x'\nvalue = 3"
    )
    exec(source, made.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, "deployment_scripts", ModuleType("deployment_scripts"))
    monkeypatch.setitem(sys.modules, "deployment_scripts.badges", made)
    return made


def test_scripts_of_allowed_modules(module: ModuleType) -> None:
    """A module may be listed itself, or the package that it is in."""
    path = "deployment_scripts.badges.badge"
    for allowed in ("deployment_scripts.badges", "deployment_scripts"):
        assert load_scripts([path, path], [allowed]) == {path: module.badge}


@pytest.mark.parametrize(
    ("path", "allowed", "message"),
    [
        ("deployment_scripts.badges.badge", [], r"not allowed.*script_modules \(now: none\)"),
        ("deployment_scripts.badges.badge", ["deployment"], "not allowed"),
        ("deployment_scripts.badges.badge", [""], "not allowed"),
        ("os.system", ["deployment_scripts"], "not allowed"),
        ("deployment_scripts.badges.bagde", ["deployment_scripts"], "no public function 'bagde'"),
        ("deployment_scripts.badges._hidden", ["deployment_scripts"], "no public function"),
        (
            "deployment_scripts.badges.getcwd",
            ["deployment_scripts"],
            "Define it in deployment_scripts.badges",
        ),
        ("deployment_scripts.badges.value", ["deployment_scripts"], "no function"),
        (
            "deployment_missing.badge",
            ["deployment_missing"],
            "cannot be imported .*ModuleNotFoundError.*Python path",
        ),
    ],
)
@pytest.mark.usefixtures("module")
def test_what_is_not_loaded(path: str, allowed: list[str], message: str) -> None:
    """Anything else is refused with what to change; nothing of a module that is not allowed is ever
    imported.
    """
    with pytest.raises(UnsupportedError, match=message):
        load_scripts([path], allowed)


@pytest.mark.parametrize(
    ("returned", "values"),
    [("x", [b"x"]), (b"\xff", [b"\xff"]), (["a", b"b"], [b"a", b"b"]), ((), []), (None, [])],
)
def test_what_a_script_may_return(returned: object, values: list[bytes]) -> None:
    """Text, bytes, a list of these, or None."""
    assert call_script(lambda record: returned, ScriptRecord([], {})) == values


@pytest.mark.parametrize("returned", [1, 1.5, True, {"a": 1}, [1], [["a"]], "\ud800", object()])
def test_what_a_script_may_not_return(returned: object) -> None:
    """Anything else is an error of the record."""
    with pytest.raises(RecordError, match="the script returned"):
        call_script(lambda record: returned, ScriptRecord([], {}))


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), RecursionError(), KeyError("x")])
def test_a_script_that_fails(error: BaseException) -> None:
    """Whatever it raises fails the record, even an attempt to end the process."""

    def script(_record: Mapping[str, Any]) -> None:
        raise error

    with pytest.raises(RecordError, match=type(error).__name__):
        call_script(script, ScriptRecord([], {}))


def test_a_script_can_leave_a_record_out() -> None:
    """It raises RecordCancelled for that."""

    def script(_record: Mapping[str, Any]) -> None:
        raise RecordCancelled("a contractor")

    with pytest.raises(RecordCancelled, match="a contractor"):
        call_script(script, ScriptRecord([], {}))


def test_what_a_script_sees() -> None:
    """Fields in any case, absent ones empty, binary ones as bytes; one that is not read is no silent
    nothing.
    """
    record = ScriptRecord(["mail", "photo", "sn"], {"mail": [b"a", "ü".encode()], "photo": [b"\xff"]})
    assert record["MAIL"] == ["a", "ü"]
    assert record["photo"] == [b"\xff"]
    assert record["sn"] == []
    assert dict(record) == {"mail": ["a", "ü"], "photo": [b"\xff"], "sn": []}
    with pytest.raises(RecordError, match=r"the field badge is not read; declare it: .*source_fields"):
        call_script(lambda seen: seen.get("badge"), record)
