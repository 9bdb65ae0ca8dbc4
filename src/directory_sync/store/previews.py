"""Questions what a definition would do, and their answers, from being asked to being deleted a day later.

A question is used once: the run of Airflow that was started for it takes it, and no other. What the answer
holds are runs, attempts and plans like all others, under the name of the internal DAG, so that everything
that shows plans shows these. They are closed from the beginning: nothing that closes, tells of or learns from
runs finds them.
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from directory_sync.approval.people import Person
from directory_sync.definition.export import complete, digest_of
from directory_sync.definition.models import Collection
from directory_sync.errors import PreviewError
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.plan.effects import EffectGroup, Effects
from directory_sync.store.database import Database
from directory_sync.store.preview_model import (
    OPEN_STATES,
    PreviewState,
    Progress,
    Question,
    QuestionKind,
    Side,
    StoredEffects,
    run_id_of,
)
from directory_sync.store.runs import Snapshot, read_snapshot, select_runs
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRunRow,
    DefinitionRow,
    JobRunRow,
    PlanPatternsRow,
    PlanRow,
    PreviewEffectsRow,
    PreviewRow,
)

VALID = timedelta(minutes=10)
"""So long a question waits for a worker."""
KEPT = timedelta(days=1)
"""So long it is there after it was asked, with its answer."""
MOST_OPEN = 3
"""Questions of one person that wait or are being answered at the same time."""
TRIGGER = "preview"
"""Of the runs that stand for an answer."""
_DELETE_BATCH = 10_000
_FORM = re.compile(r"[0-9a-f]{32}")


class Previews:
    """Queries about questions and answers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self,
        person: Person,
        collection: str,
        kind: QuestionKind,
        text: str,
        *,
        version: int | None = None,
        revision: int | None = None,
        jobs: Sequence[str] = (),
    ) -> Question:
        """Store a question. Whether the person may ask it is decided by the caller.

        Args:
            person: who asks; their roles now are kept.
            collection: its name.
            kind: where the text is from.
            text: the definition.
            version, revision: of the saved version that is asked about, or that an edit is compared with.
            jobs: only these; none for all that runs have.

        Raises PreviewError if too many questions of theirs are open.
        """
        id = secrets.token_hex(16)
        with self._database.write() as connection:
            if not self._database.is_sqlite:
                # Of questions at the same moment, neither sees the other one.
                lock = func.hashtextextended(f"preview {person.name}", 0)
                connection.execute(select(func.pg_advisory_xact_lock(lock)))
            now = self._database.now(connection)
            mine = select(func.count()).where(PreviewRow.asked_by == person.name, _is_open(now))
            if connection.execute(mine).scalar_one() >= MOST_OPEN:
                raise PreviewError(
                    f"{MOST_OPEN} previews that you have asked for are under way. Wait for one, or cancel it."
                )
            connection.execute(
                insert(PreviewRow),
                {
                    "id": id,
                    "asked_by": person.name,
                    "roles": sorted(person.roles),
                    "collection": collection,
                    "kind": kind.value,
                    "text": text,
                    "version": version,
                    "revision": revision,
                    "jobs": list(jobs),
                    "run_id": f"preview__{id}",
                    "state": PreviewState.ASKED.value,
                    "asked": now,
                    "expires": now + VALID,
                },
            )
            return _question(connection.execute(_of(id)).one(), now)

    def get(self, id: str) -> Question | None:
        """A question that was asked within the last day, by anyone; None if there is none."""
        if not _FORM.fullmatch(id):
            return None
        with self._database.read() as connection:
            now = self._database.now(connection)
            row = connection.execute(_of(id).where(PreviewRow.asked > now - KEPT)).one_or_none()
        return None if row is None else _question(row, now)

    def withdraw(self, id: str) -> None:
        """Forget a question that no run was started for."""
        with self._database.write() as connection:
            waits = PreviewRow.state == PreviewState.ASKED.value
            connection.execute(delete(PreviewRow).where(PreviewRow.id == id, waits))

    def claim(self, id: str, *, run_id: str, by: str | None) -> Question:
        """Take a question to answer it.

        Args:
            id: which, as the run was given it.
            run_id: of Airflow's run; `by`: who has started that.

        Raises PreviewError if there is none that this run may take: it was used, has expired or was
        cancelled, or was asked for another run.
        """
        if not _FORM.fullmatch(id):
            raise _not_for_this_run()
        with self._database.write() as connection:
            now = self._database.now(connection)
            waits = (PreviewRow.state == PreviewState.ASKED.value) & (PreviewRow.expires > now)
            asked_for_it = (PreviewRow.run_id == run_id) & (PreviewRow.asked_by == (by or ""))
            taken = connection.execute(
                update(PreviewRow)
                .where(PreviewRow.id == id, asked_for_it, waits)
                .values(state=PreviewState.RUNNING.value, begun=now, alive=now)
            )
            if taken.rowcount != 1:
                raise _not_for_this_run()
            return _question(connection.execute(_of(id)).one(), now)

    def report(self, id: str, progress: Progress | None = None) -> bool:
        """Note that its worker is alive, and how far it is; False if no one waits for the answer any more."""
        values: dict[str, Any] = {} if progress is None else {"progress": progress.to_json()}
        with self._database.write() as connection:
            values["alive"] = self._database.now(connection)
            running = PreviewRow.state == PreviewState.RUNNING.value
            done = connection.execute(update(PreviewRow).where(PreviewRow.id == id, running).values(**values))
            return done.rowcount == 1

    def finish(self, id: str, state: PreviewState, message: str = "") -> bool:
        """End a question that is open; False if it has ended before, which then stands."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            still = PreviewRow.state.in_([each.value for each in OPEN_STATES])
            done = connection.execute(
                update(PreviewRow)
                .where(PreviewRow.id == id, still)
                .values(state=state.value, finished=now, message=message)
            )
            return done.rowcount == 1

    def under_way(self) -> list[Question]:
        """The questions that a worker has taken, and has not ended."""
        with self._database.read() as connection:
            now = self._database.now(connection)
            running = PreviewRow.state == PreviewState.RUNNING.value
            rows = connection.execute(select(PreviewRow.__table__).where(running)).all()
        return [_question(row, now) for row in rows]

    # -- answers ---------------------------------------------------------------------------------------------

    def begin_side(
        self, question: Question, side: Side, collection: Collection, *, origin: str = "", version: str = ""
    ) -> Snapshot:
        """Make the run that one side of an answer hangs on; it is closed already.

        Raises PreviewError if no one waits for the answer any more: a question that has been deleted takes
        nothing with it that is stored later.
        """
        definition = complete(collection)
        run_id = run_id_of(question.id, side)
        with self._database.write() as connection:
            now = self._database.now(connection)
            running = (PreviewRow.id == question.id) & (PreviewRow.state == PreviewState.RUNNING.value)
            if connection.scalar(select(PreviewRow.id).where(running).with_for_update()) is None:
                raise PreviewError("No one waits for this preview any more. Nothing was read.")
            # A row of its own, whatever runs have the same definition: it goes with the answer.
            connection.execute(insert(DefinitionRow), {"key": run_id, "definition": definition})
            connection.execute(
                insert(CollectionRunRow),
                {
                    "collection": PREVIEWS_DAG_ID,
                    "run_id": run_id,
                    "definition_digest": digest_of(definition),
                    "definition_key": run_id,
                    "definition_origin": origin or None,
                    "definition_version": version or None,
                    "trigger": TRIGGER,
                    "requester": question.asked_by,
                    "requester_verified": True,
                    "reason": "",
                    "preview_only": True,
                    "started": now,
                    "finished": now,
                    "state": "previewed",
                },
            )
            row = connection.execute(select_runs().where(*_named(run_id))).one()
        return read_snapshot(self._database, row)

    def save_effects(
        self,
        id: str,
        job: str,
        effects: Effects,
        *,
        old_plan: int | None,
        new_plan: int | None,
        same_listing: bool,
    ) -> None:
        """Store what an edit causes at one job."""
        with self._database.write() as connection:
            connection.execute(
                insert(PreviewEffectsRow),
                {
                    "preview_id": id,
                    "job": job,
                    "old_plan_id": old_plan,
                    "new_plan_id": new_plan,
                    "same_listing": same_listing,
                    "counts": [group.to_json() for group in effects.groups],
                    "places": zlib.compress(effects.places, 1),
                },
            )

    def effects(self, id: str) -> dict[str, StoredEffects]:
        """Job → what the edit causes there."""
        query = select(PreviewEffectsRow.__table__).where(PreviewEffectsRow.preview_id == id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {
            row.job: StoredEffects(
                Effects(tuple(map(EffectGroup.from_json, row.counts)), zlib.decompress(row.places)),
                row.old_plan_id,
                row.new_plan_id,
                row.same_listing,
            )
            for row in rows
        }

    # -- the end of them -------------------------------------------------------------------------------------

    def forget(self, *, older_than: timedelta = KEPT) -> int:
        """Delete the questions that were asked longer ago than this, with their answers; how many.

        Those that a worker still works on are ended first; it finds that out. Safe to be killed at: the next
        call goes on.
        """
        with self._database.read() as connection:
            old = PreviewRow.asked < self._database.now(connection) - older_than
            ids = connection.scalars(select(PreviewRow.id).where(old)).all()
        for id in ids:
            self.finish(id, PreviewState.FAILED)
            self._forget(id)
        return len(ids)

    def _forget(self, id: str) -> None:
        runs = select(CollectionRunRow.id).where(
            CollectionRunRow.collection == PREVIEWS_DAG_ID,
            CollectionRunRow.run_id.in_([run_id_of(id, side) for side in Side]),
        )
        attempts = select(JobRunRow.id).where(JobRunRow.collection_run_id.in_(runs))
        with self._database.write() as connection:
            connection.execute(delete(PreviewEffectsRow).where(PreviewEffectsRow.preview_id == id))
        with self._database.read() as connection:
            plans = connection.scalars(select(PlanRow.id).where(PlanRow.job_run_id.in_(attempts))).all()
        for plan in plans:
            self._forget_plan(plan)
        with self._database.write() as connection:
            connection.execute(delete(JobRunRow).where(JobRunRow.collection_run_id.in_(runs)))
            keys = [run_id_of(id, side) for side in Side]
            connection.execute(
                delete(CollectionRunRow).where(
                    CollectionRunRow.collection == PREVIEWS_DAG_ID, CollectionRunRow.run_id.in_(keys)
                )
            )
            connection.execute(delete(DefinitionRow).where(DefinitionRow.key.in_(keys)))
            connection.execute(delete(PreviewRow).where(PreviewRow.id == id))

    def _forget_plan(self, plan: int) -> None:
        """In several transactions: other writers get in between."""
        with self._database.write() as connection:
            # From the first one on no one sees it.
            connection.execute(update(PlanRow).where(PlanRow.id == plan).values(complete=False))
            last = connection.scalar(select(func.max(ChangeRow.sequence)).where(ChangeRow.plan_id == plan))
        for first in range(0, -1 if last is None else last + 1, _DELETE_BATCH):
            some = ChangeRow.sequence.between(first, first + _DELETE_BATCH - 1)
            with self._database.write() as connection:
                connection.execute(delete(ChangeRow).where(ChangeRow.plan_id == plan, some))
        with self._database.write() as connection:
            connection.execute(delete(PlanPatternsRow).where(PlanPatternsRow.plan_id == plan))
            connection.execute(delete(PlanRow).where(PlanRow.id == plan))


def _not_for_this_run() -> PreviewError:
    # One sentence for everything: what a run finds out, people see who may not see the question.
    return PreviewError(
        "There is no question that this run may answer: each is answered once, by the run that was started"
        " for it, within some minutes. Nothing was read. Ask for a preview on the page of the collection."
    )


def _of(id: str) -> Any:
    return select(PreviewRow.__table__).where(PreviewRow.id == id)


def _named(run_id: str) -> tuple[Any, Any]:
    return CollectionRunRow.collection == PREVIEWS_DAG_ID, CollectionRunRow.run_id == run_id


def _is_open(now: datetime) -> Any:
    waits = (PreviewRow.state == PreviewState.ASKED.value) & (PreviewRow.expires > now)
    return or_(waits, PreviewRow.state == PreviewState.RUNNING.value)


def _question(row: Row[Any], now: datetime) -> Question:
    state = PreviewState(row.state)
    if state is PreviewState.ASKED and row.expires <= now:
        state = PreviewState.EXPIRED
    return Question(
        id=row.id,
        asked_by=row.asked_by,
        roles=tuple(row.roles),
        collection=row.collection,
        kind=QuestionKind(row.kind),
        text=row.text,
        version=row.version,
        revision=row.revision,
        jobs=tuple(row.jobs),
        run_id=row.run_id,
        state=state,
        asked=row.asked,
        expires=row.expires,
        begun=row.begun,
        alive=row.alive,
        progress=None if row.progress is None else Progress(**row.progress),
        finished=row.finished,
        message=row.message,
        now=now,
    )
