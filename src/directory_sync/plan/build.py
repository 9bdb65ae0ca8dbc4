"""Makes the plan of one job: reads both sides, matches, compares, orders, counts. Writes nothing."""

from __future__ import annotations

from functools import partial

from directory_sync.definition.models import Collection, Job, LimitKind, MoveMissing
from directory_sync.endpoints.protocol import Destination, Source
from directory_sync.garbage import rare_collection
from directory_sync.plan.completing import Completer
from directory_sync.plan.containers import is_departed
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.drafting import Drafter
from directory_sync.plan.join import Join, Settled
from directory_sync.plan.layout import make_layout
from directory_sync.plan.limits import check_limits
from directory_sync.plan.listing import Side, read_sides
from directory_sync.plan.mapping.transform import CompiledMapping
from directory_sync.plan.model import Plan, Statistics
from directory_sync.plan.planning import Drafts, Planning, Progress
from directory_sync.plan.sides import load_object, read_objects, read_source
from directory_sync.plan.spool import Spool


@rare_collection()
def make_plan(
    collection: Collection,
    job: Job,
    source: Source,
    destination: Destination,
    mapping: CompiledMapping,
    *,
    progress: Progress = lambda stage, done, total: None,
) -> Plan:
    """Compare both sides of a job and say everything that it would change.

    Raises:
        SchemaError: the mapping does not fit the schemas; nothing was read.
        IncompleteListing: a listing did not provably finish, so there is no plan at all.
        EndpointError: anything else that an endpoint could not do.
    """
    layout = make_layout(job, source, destination, reads=mapping.source_fields, volatile=mapping.volatile)
    planning = Planning(collection, job, source, destination, mapping, layout, progress)
    sources, objects = Spool(), Spool()
    drafts = Drafts(destination.normalise_id, finished=not layout.lookups)
    try:
        settled = _read(planning, sources, objects)
        drafter = Drafter(planning, drafts, sources, objects)
        _report_unusable(planning, settled, drafter)
        drafter.draft(settled)
        completer = Completer(planning, drafts, lambda: (load_object(data, layout) for data in objects))
        changes = completer.complete()
    finally:
        for spool in (sources, objects):
            spool.close()
    join, actions = settled.join, completer.tally.actions
    return Plan(
        collection=collection.name,
        job=job.name,
        destination=destination.identity,
        changes=changes,
        digest=plan_digest(collection.name, job.name, destination.identity, changes),
        statistics=Statistics(
            read=join.source_count,
            created=actions[LimitKind.CREATE],
            updated=actions[LimitKind.UPDATE],
            moved=actions[LimitKind.MOVE],
            disabled=actions[LimitKind.DISABLE],
            deleted=actions[LimitKind.DELETE],
            unchanged=drafter.unchanged + completer.unchanged,
            skipped=drafter.skipped + sum(1 for item in join.rejected if item.cancelled),
            errors=len(planning.problems),
        ),
        managed=join.object_count,
        problems=tuple(planning.problems),
        warnings=tuple(planning.warnings),
        limits=check_limits(
            collection.limits_of(job),
            completer.tally,
            managed=join.object_count,
            source_records=join.source_count,
            matched=drafter.matched,
        ),
    )


def _read(planning: Planning, sources: Spool, objects: Spool) -> Settled:
    """Read both sides at the same time and match them."""
    source, destination, layout = planning.source, planning.destination, planning.layout
    # A fingerprint covers neither members nor the place of an object.
    always_compare = bool(layout.lookups) or planning.moves_existing
    moves_missing = isinstance(planning.job.missing_at_source, MoveMissing)
    departed = partial(is_departed, planning) if moves_missing else None

    sides = (
        Side(source.label, partial(read_source, source, planning.mapping, layout, always_compare=always_compare), sources),
        Side(destination.label, partial(read_objects, destination, layout, always_compare=departed), objects),
    )
    stages = ("read source", "read destination")
    join = Join()
    for side, rows, rejected in read_sides(sides, lambda side, count: planning.progress(stages[side], count, None)):
        if side == 0:
            join.add_source(rows, rejected)
        else:
            join.add_objects(rows)
    return join.settle()


def _report_unusable(planning: Planning, settled: Settled, drafter: Drafter) -> None:
    """Note every record and object that cannot be matched."""
    join = settled.join
    for item in join.rejected:
        if item.cancelled:
            planning.warnings.append(f"{item.key or item.id}: left out of this run: {item.message}")
        else:
            planning.reject(item.key, item.id, item.message)
    for offset, why in settled.ambiguous_records():
        record = drafter.source_at(offset)
        planning.reject(record.key, record.id, f"{why}, so nothing is done for it. Make the key unique.")
    if join.unkeyed:
        example = drafter.object_at(join.unkeyed[0]).id
        planning.warnings.append(
            f"{len(join.unkeyed)} objects at the destination have no value in the key field (one is {example});"
            " they are left alone."
        )
