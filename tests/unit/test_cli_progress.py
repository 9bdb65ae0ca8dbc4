"""Progress is shown on standard error: bars that vanish in a terminal, few lines elsewhere."""

from __future__ import annotations

import io
import logging
import sys
import threading

import pytest

from directory_sync.cli import progress
from directory_sync.cli.deployment import new_run_id, operating_system_user
from directory_sync.cli.log import configure
from directory_sync.cli.progress import LOG_INTERVAL, ProgressDisplay
from directory_sync.cli.terminal import message
from directory_sync.present.terminal import Colour, coloured, has_colour


class Terminal(io.StringIO):
    """A terminal that keeps what is shown."""

    def isatty(self) -> bool:
        """Whether people look at it."""
        return True


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal. No fixture, because pytest puts its own stream back after the set-up."""
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the display believes to have passed."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Job, stage and numbers; nothing draws in the background, because reading forks."""
    terminal = as_terminal(monkeypatch)
    with ProgressDisplay() as display:
        before = threading.active_count()
        display.show("people", "read source", 10, None)
        display.show("people", "apply", 3, 7)
        assert threading.active_count() == before

    assert "people: read source" in terminal.getvalue()
    assert "3/7" in terminal.getvalue()


def test_markup_in_a_name_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like markup of the library that draws is shown as it is, and control characters are not."""
    terminal = as_terminal(monkeypatch)
    with ProgressDisplay() as display:
        display.show("[red]people[/red]\x1b[2J", "apply", 1, 2)

    assert "[red]people[/red]" in terminal.getvalue()
    assert "\x1b[2J" not in terminal.getvalue()


def test_standard_error_is_itself_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `hide` messages go straight to the terminal."""
    terminal = as_terminal(monkeypatch)
    display = ProgressDisplay()
    display.show("people", "apply", 1, 2)
    display.hide()

    assert sys.stderr is terminal


def test_elsewhere_a_stage_is_told_at_most_every_few_seconds(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Short work is not told at all; long work once in an interval, with numbers."""
    caplog.set_level(logging.INFO, "directory_sync")
    with ProgressDisplay() as display:
        for second in range(12):
            clock[0] = 100.0 + second
            display.show("people", "read source", second, None)
            display.show("people", "read destination", second, 20)

    assert [record.getMessage() for record in caplog.records] == [
        f"people: {side}. done={second}{total}"
        for second in (int(LOG_INTERVAL), 2 * int(LOG_INTERVAL))
        for side, total in (("read source", ""), ("read destination", " total=20"))
    ]


def test_log_lines_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    """A value in a log line is shown as in every other text."""
    configure(logging.INFO)
    logging.getLogger("directory_sync.x").info("Done. key=%s", "\x1b[2J\nx")
    logging.getLogger("directory_sync.x").debug("not shown")

    assert capsys.readouterr().err == "directory-sync: Done. key=\\x1b[2J\n  x\n"


def test_log_lines_come_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Several commands in one process do not multiply lines."""
    configure(logging.WARNING)
    configure(logging.WARNING)
    logging.getLogger("directory_sync").warning("Mind the gap.")

    assert capsys.readouterr().err == "directory-sync: warning: Mind the gap.\n"


@pytest.mark.parametrize(
    ("level", "expected"), [(logging.INFO, False), (logging.DEBUG, True)], ids=["-v", "-vv"]
)
def test_tracebacks_are_for_debugging(capsys: pytest.CaptureFixture[str], level: int, expected: bool) -> None:
    """A logged exception shows where it was raised only with -vv."""
    configure(level)
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("directory_sync").exception("It failed.")

    assert ("Traceback" in capsys.readouterr().err) is expected


def test_messages_name_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    """One paragraph, on standard error."""
    message("It failed.")

    assert capsys.readouterr() == ("", "directory-sync: It failed.\n")


def test_a_closed_stream_is_no_terminal() -> None:
    """Asking a closed stream is no error."""
    stream = io.StringIO()
    stream.close()

    assert not has_colour(stream)
    assert coloured("text", Colour.GOOD, use=has_colour(stream)) == "text"


def test_run_ids_differ() -> None:
    """Two runs in the same second have different ids, which say where they were started."""
    one, two = new_run_id(), new_run_id()

    assert one != two
    assert one.startswith("terminal__20")


def test_the_user_is_the_process_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says does not matter."""
    before = operating_system_user()
    for variable in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(variable, "somebody else")

    assert operating_system_user() == before
