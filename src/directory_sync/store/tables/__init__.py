"""The tables: what was run, what was planned, who agreed to it, its result, and who works where.

Rows of changes, outcomes, decisions, request events and versions of collections are never updated. All names
start with `directory_sync_`, so that the tables may live in a database with others.
"""

from __future__ import annotations

from directory_sync.store.tables.base import (
    PREFIX,
    VERSION_TABLE,
    Base,
)
from directory_sync.store.tables.collections import (
    CollectionRevisionRow,
    CollectionRow,
    CollectionVersionRow,
    KnownObjectsRow,
    PinRow,
)
from directory_sync.store.tables.drafts import (
    DraftRow,
)
from directory_sync.store.tables.leases import (
    LeaseRow,
)
from directory_sync.store.tables.outbox import (
    OutboxRow,
)
from directory_sync.store.tables.plans import (
    BeforeImageRow,
    ChangeRow,
    OutcomeRow,
    PlanPatternsRow,
    PlanRow,
)
from directory_sync.store.tables.previews import (
    PreviewEffectsRow,
    PreviewRow,
)
from directory_sync.store.tables.requests import (
    RequestAssigneeRow,
    RequestDecisionRow,
    RequestEditorRow,
    RequestEventRow,
    RequestRow,
)
from directory_sync.store.tables.runs import (
    CollectionRunRow,
    DefinitionRow,
    EndedRunRow,
    JobRunRow,
    RunStopRow,
)

__all__ = [
    "PREFIX",
    "VERSION_TABLE",
    "Base",
    "BeforeImageRow",
    "ChangeRow",
    "CollectionRevisionRow",
    "CollectionRow",
    "CollectionRunRow",
    "CollectionVersionRow",
    "DefinitionRow",
    "DraftRow",
    "EndedRunRow",
    "JobRunRow",
    "KnownObjectsRow",
    "LeaseRow",
    "OutboxRow",
    "OutcomeRow",
    "PinRow",
    "PlanPatternsRow",
    "PlanRow",
    "PreviewEffectsRow",
    "PreviewRow",
    "RequestAssigneeRow",
    "RequestDecisionRow",
    "RequestEditorRow",
    "RequestEventRow",
    "RequestRow",
    "RunStopRow",
]
