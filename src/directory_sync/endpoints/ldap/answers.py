"""What the server's answers mean for a change: a look at its object, a question about others, a refusal.

Decides how the change goes on; `write` sends and receives.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

import ldap

from directory_sync.dn import parent_of
from directory_sync.endpoints.change import Action, Result
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.endings import Endings
from directory_sync.endpoints.ldap.holders import Holders
from directory_sync.endpoints.ldap.late_values import late_values
from directory_sync.endpoints.ldap.link import jitter
from directory_sync.endpoints.ldap.lookup import Existence, Visibility
from directory_sync.endpoints.ldap.operations import Operations
from directory_sync.endpoints.ldap.progress import Known, Progress, judge, judge_late
from directory_sync.endpoints.ldap.queues import Queues
from directory_sync.endpoints.ldap.refusals import held_by, refusal
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.task import Phase, Task
from directory_sync.endpoints.unwritten import APPEARED

VISIBLE_FOR = 1.0
"""Seconds for which it counts whether this login sees anything in a container."""
_BUSY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
_ADAPTED_AT_MOST = 3
_EXPLAINED_AT_MOST = 10
_HOLDERS_AT_MOST = 50
"""So many refusals for a value that is taken are followed by a search for who has it."""

_HIDDEN = (
    "this login may not read it, so it cannot be told whether the change is still to be made. Let the"
    " connection's login read it, and run the job again."
)


def _blind(task: Task) -> str:
    container, sought_by = parent_of(task.change.object) or "", task.lookup.sought_by
    what, with_it = (f" that shows {sought_by}", f", with {sought_by},") if sought_by else ("", "")
    return (
        f"neither it nor anything else{what} is seen in {container}, so it cannot be told whether it was"
        f" deleted. See that the container is there and that the connection's login may read it{with_it} and"
        " run the job again."
    )


class Answers:
    """Takes the answers about all changes of one pass.

    Args:
        server: where to write.
        queues: where tasks wait.
        endings: where changes end.
    """

    def __init__(self, server: Server, queues: Queues, endings: Endings) -> None:
        self._server = server
        self._queues = queues
        self._endings = endings
        self._moved: dict[bytes, bytes] = {}
        self._there: dict[bytes, bool] = {}
        """Normalised DN → whether an object has it, of those that were asked for in the end."""
        self._seen: dict[str, tuple[Visibility, float]] = {}
        """Normalised container → whether this login sees anything in it, and when that was answered."""
        self._holders_asked = 0

    def note_rename(self, old: str, new: str) -> None:
        """An object was renamed, so values that name it may have followed."""
        normalise = self._server.schema.names.normalise
        self._moved[normalise(old).encode()] = normalise(new).encode()

    def cannot_be_sent(self, task: Task, error: Exception) -> None:
        """The library refused to send something: the change fails."""
        text = errors.server_text(error) if isinstance(error, ldap.LDAPError) else type(error).__name__
        self._endings.finish(
            task,
            Result.FAILED,
            f"the change does not fit into an LDAP message: {text}. Correct its values at the source.",
        )

    def cannot_be_read(self, task: Task, why: str) -> None:
        """A question about an object was not answered: the change fails."""
        self._endings.finish(task, Result.FAILED, f"the object cannot be read: {why}")

    def is_put_off(self, task: Task, error: ldap.LDAPError) -> bool:
        """Whether the server was busy; then the task comes back after a while, a few times."""
        if not isinstance(error, errors.BUSY):
            return False
        if task.busy < len(_BUSY_DELAYS):
            self._queues.delay(task, _BUSY_DELAYS[task.busy] * jitter())
            task.busy += 1
        else:
            text = errors.server_text(error)
            self._endings.finish(
                task, Result.FAILED, f"the directory stays busy: {text}. Run the job again later."
            )
        return True

    def refused(self, task: Task, error: ldap.LDAPError) -> None:
        """A write was refused: put it off, find out more about the reason, or end the change."""
        if self.is_put_off(task, error):
            return
        refused = refusal(error, task.main[0])
        if task.given_up:
            self._endings.finish(
                task,
                Result.FAILED,
                f"{task.given_up} Its old name is not free either, so it is called {task.change.via} now. Run"
                " the job again.",
            )
        elif refused.taken and not task.was_held:
            # A change that is still to come may free the value.
            self._queues.hold(task)
        elif refused.look:
            task.refused = refused
            task.look(stored=refused.computed)
            self._queues.ask(task)
        elif refused.taken and self._holders_asked < _HOLDERS_AT_MOST:
            self._holders_asked += 1
            task.refused = refused
            task.holders = Holders(self._server, task.change, refused)
            if task.holders.pointless:
                self._endings.finish(task, refused.result, refused.message)
            else:
                task.ask(Phase.HOLDERS, task.holders)
                self._queues.ask(task)
        else:
            self._endings.finish(task, refused.result, refused.message)

    def learned(self, task: Task, *, over: bool) -> None:
        """An answer to the question of a task came; `over`: nothing more is to be asked."""
        task.answered = time.monotonic()
        if not over:
            self._queues.ask_first(task)
        elif task.phase is Phase.HOLDERS:
            assert task.refused is not None
            assert task.holders is not None
            self._endings.finish(task, task.refused.result, held_by(task.refused, task.holders.found))
        else:
            if task.explanation is not None:
                self._there.update(task.explanation.answers)
                task.explained, task.explanation = task.explained | task.explanation.gone, None
            if task.is_late:
                self._looked_late(task)
            else:
                self._looked(task)

    def _looked(self, task: Task) -> None:
        found, change = task.lookup, task.change
        if found.is_hidden and change.action is not Action.CREATE:
            self._endings.finish(task, Result.FAILED, _HIDDEN)
            return
        progress = judge(
            change,
            task.planned,
            self._server.schema,
            found.seen,
            elsewhere=found.elsewhere,
            known=Known(self._moved, task.explained),
            looked_at=found.looked_at,
        )
        if progress.conflict:
            if self._ask_for_explanation(task, progress):
                return
            task.exists = change.action is Action.CREATE
            self._endings.finish(task, Result.CONFLICT, progress.conflict)
        elif progress.done:
            # After a plain refusal someone else has made the object what it should be.
            mine = task.sent and (task.refused is None or task.in_doubt)
            if change.action is Action.DELETE and not mine:
                self._not_seen(task)
            else:
                self._endings.finish(task, Result.DONE if mine else Result.FOUND_DONE)
        else:
            self._go_on_with(task, progress.remaining)

    def _not_seen(self, task: Task) -> None:
        """An object that was to be deleted is not seen: it is gone only if this login sees others there."""
        container = parent_of(task.change.object) or ""
        place = self._server.schema.names.normalise(container)
        now = time.monotonic()
        if isinstance(task.question, Visibility):
            self._seen[place] = task.question, now
        seen, asked = self._seen.get(place, (None, now))
        if seen is None or now - asked > VISIBLE_FOR:
            task.ask(Phase.SEE, Visibility(container, task.lookup.sought_by))
            self._queues.ask(task)
        elif seen.sees:
            self._endings.finish(task, Result.FOUND_DONE)
        elif not (seen.is_missing and self._endings.wait_for_proof(task, place, _blind(task))):
            self._endings.finish(task, Result.FAILED, _blind(task))

    def _looked_late(self, task: Task) -> None:
        """Of the values that had to wait, write those that are not there yet."""
        progress = judge_late(task.planned, self._server.schema, task.lookup.seen)
        if progress.conflict:
            self._endings.finish(task, Result.CONFLICT, progress.conflict)
            return
        normalise = self._server.schema.names.normalise_value
        values = late_values(task.change, progress.remaining, normalise)
        if unknown := [name for name in values.targets if name not in self._there]:
            self._ask_whether_they_exist(task, unknown)
            return
        rest = values.rest(self._there, normalise)
        if not rest:
            self._endings.finish(task, Result.DONE if task.sent else Result.FOUND_DONE)
        else:
            self._go_on_with(task, Operations(rest))

    def _go_on_with(self, task: Task, remaining: Operations) -> None:
        """Send what a look has shown to be left of a change."""
        change, main, late = task.change, deque(remaining.main), deque(remaining.late)
        is_old_name = bool(main) and change.via is not None and main[0].dn == change.object
        if task.is_second and is_old_name:
            reason = task.given_up or "the object has its old name again."
            self._endings.finish(task, Result.FAILED, f"{reason} Run the job again.")
            return
        if task.is_absent and main and main[0].dn == change.object:
            self._endings.finish(task, Result.FAILED, APPEARED)
            return
        if task.second is not None:
            first = deque([main.popleft()]) if is_old_name else deque()
            task.second.main, task.second.late = main, late
            main, late = first, deque()
        if task.refused is not None:
            task.adapted += 1
            if task.adapted > _ADAPTED_AT_MOST or next(iter((*main, *late)), None) == task.main[0]:
                self._endings.finish(task, task.refused.result, task.refused.message)
                return
        task.refused, task.given_up = None, ""
        task.phase = Phase.SEND
        task.main, task.late = main, late
        if main:
            self._queues.send(task)
        else:
            self._endings.step_done(task)

    def _ask_for_explanation(self, task: Task, progress: Progress) -> bool:
        """Whether it is worth asking if the objects are gone that the values named."""
        if task.is_explained or not 0 < len(progress.unexplained) <= _EXPLAINED_AT_MOST:
            return False
        task.is_explained = True
        self._ask_whether_they_exist(task, progress.unexplained)
        return True

    def _ask_whether_they_exist(self, task: Task, names: Sequence[bytes]) -> None:
        task.explanation = Existence(names)
        task.ask(Phase.EXPLAIN, task.explanation)
        self._queues.ask(task)
