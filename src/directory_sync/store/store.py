"""The store: what the rest of the package asks the product's own database."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Self

from directory_sync.store.before_images import BeforeImages
from directory_sync.store.database import Database
from directory_sync.store.drafts import Drafts
from directory_sync.store.earlier_runs import EarlierRuns
from directory_sync.store.ended_runs import EndedRuns
from directory_sync.store.history import History
from directory_sync.store.known_objects import KnownObjects
from directory_sync.store.leases import Leases
from directory_sync.store.migrate import check_database, has_tables
from directory_sync.store.outbox import Outbox, Topic
from directory_sync.store.pins import Pins
from directory_sync.store.plan_pages import PlanPages
from directory_sync.store.plan_patterns import PlanPatterns
from directory_sync.store.plans import Plans
from directory_sync.store.previews import Previews
from directory_sync.store.request_applying import RequestApplying
from directory_sync.store.request_decisions import RequestDecisions
from directory_sync.store.request_filing import RequestFiling
from directory_sync.store.request_rows import MAIL_HISTORY
from directory_sync.store.request_upkeep import RequestUpkeep
from directory_sync.store.requests import Requests
from directory_sync.store.run_ends import RunEnds
from directory_sync.store.run_highlights import RunHighlights
from directory_sync.store.run_overview import RunOverview
from directory_sync.store.run_progress import RunProgress
from directory_sync.store.run_stops import RunStops
from directory_sync.store.runs import Runs
from directory_sync.store.saved_collections import SavedCollections
from directory_sync.store.settling import Settling


class Store:
    """One database and its parts, each of which answers one kind of caller.

    May be used from any thread and in forked children. Every method of every part raises StoreError when the
    database does not answer.

    Attributes:
        runs: runs of collections and attempts at their jobs, noted by those who do them.
        ended_runs: which runs Airflow has called ended before they were closed here.
        run_ends: how runs have ended, for those who tell of them.
        run_overview: the latest run of each collection.
        run_progress: how far running jobs are, as their processes tell.
        run_stops: which runs people have stopped.
        run_highlights: what failed lately, what is worked on, and how one job did across its runs.
        earlier_runs: what they say about what a run may do now.
        leases: the right to work on a part of a destination.
        known: what jobs know of the objects that they manage.
        plans: plans and the outcomes of their changes, for those who make and apply them.
        plan_pages: plans page by page, for those who look.
        plan_patterns: their changes by pattern, likewise.
        before_images: objects as they were before they were removed, for those who apply plans and undo them.
        history: all that was ever done to one object.
        requests: finds requests, one or many.
        filing: makes requests, and ends those that a newer plan has made stale.
        decisions: what people do with requests.
        approvals: approved requests on their way to being applied.
        request_upkeep: what time does to requests.
        outbox: mail that is due.
        pins: which collections people have pinned to their dashboard.
        collections: collections that are saved here, and which names are taken.
        drafts: definitions that people have not finished writing.
        previews: what people ask before they save or run, and the answers.
        leftovers: what processes that are gone have left open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = Runs(database)
        self.ended_runs = EndedRuns(database)
        self.run_ends = RunEnds(database, self.runs)
        self.run_overview = RunOverview(database)
        self.run_progress = RunProgress(database)
        self.run_stops = RunStops(database)
        self.run_highlights = RunHighlights(database)
        self.earlier_runs = EarlierRuns(database)
        self.leases = Leases(database)
        self.known = KnownObjects(database)
        self.plans = Plans(database)
        self.plan_pages = PlanPages(database)
        self.plan_patterns = PlanPatterns(database)
        self.before_images = BeforeImages(database)
        self.history = History(database)
        self.requests = Requests(database)
        self.filing = RequestFiling(database)
        self.decisions = RequestDecisions(database)
        self.approvals = RequestApplying(database)
        self.request_upkeep = RequestUpkeep(database)
        self.outbox = Outbox(database, {Topic.REQUEST: MAIL_HISTORY})
        self.collections = SavedCollections(database)
        self.previews = Previews(database)
        self.drafts = Drafts(database)
        self.pins = Pins(database)
        self.leftovers = Settling(database)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the store at a SQLAlchemy URL. Raises StoreError with the command to run if it is missing or
        not migrated.
        """
        database = Database(url)
        check_database(database)
        return cls(database)

    @classmethod
    def open_existing(cls, url: str) -> Self | None:
        """The same; None where there is no store yet: it knows nothing."""
        database = Database(url)
        if not has_tables(database):
            database.close()
            return None
        check_database(database)
        return cls(database)

    def now(self) -> datetime:
        """The time by the clock that everything in the store is noted with; UTC."""
        with self._database.read() as connection:
            return self._database.now(connection)

    def close(self) -> None:
        """Give all connections back. May be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
