"""Makes the plan of one job: reads both sides, matches, compares, orders, counts. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain, islice

from directory_sync.definition.models import Collection, Job, LimitKind, Limits, MoveMissing, Removal
from directory_sync.endpoints.contract import Destination, Source
from directory_sync.garbage import rare_collection
from directory_sync.plan.completing import Completer
from directory_sync.plan.containers import is_departed
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.drafting import Drafter
from directory_sync.plan.emptiness import check_emptiness
from directory_sync.plan.join import Join, Settled
from directory_sync.plan.layout import make_layout
from directory_sync.plan.limits import Figures, Tally, check_limits
from directory_sync.plan.listing import ReadSides, Side, read_sides
from directory_sync.plan.mapping.transform import CompiledMapping
from directory_sync.plan.model import Plan, PlanEvidence, Statistics
from directory_sync.plan.overlap import is_one_of, overlapping, refuse_overlap
from directory_sync.plan.past import UNIDENTIFIED, Past
from directory_sync.plan.planning import Drafts, Planning, Progress, Stage
from directory_sync.plan.sides import load_object, load_source, object_id, read_objects, read_source
from directory_sync.plan.spool import Spool

NO_PAST = Past()


@rare_collection()
def make_plan(
    collection: Collection,
    job: Job,
    source: Source,
    destination: Destination,
    mapping: CompiledMapping,
    *,
    past: Past = NO_PAST,
    limits: Sequence[Limits] | None = None,
    remove: Removal | None = None,
    progress: Progress = lambda stage, done, total: None,
    read_sides: ReadSides = read_sides,
) -> Plan:
    """Compare both sides of a job and say everything that it would change.

    Args:
        collection, job: the definition.
        source, destination, mapping: open, and compiled from it.
        past: what is on record of the job at this destination.
        limits: all of them count, each with the defaults for the kinds that it does not name; default: the
            definition's.
        remove: what may be removed; default: as the definition says.
        progress: hears how far it is.
        read_sides: how listings are read; default: each in a process of its own.

    Raises:
        SchemaError: the mapping does not fit the schemas; nothing was read.
        IncompleteListing: a listing did not provably finish, so there is no plan at all.
        EndpointError: anything else that an endpoint could not do.
    """
    refuse_overlap(job, source, destination)
    layout = make_layout(job, source, destination, reads=mapping.source_fields, volatile=mapping.volatile)
    remove = job.remove if remove is None else remove
    planning = Planning(
        collection, job, source, destination, mapping, layout, progress, past, remove, read_sides
    )
    sources, objects = Spool(), Spool()
    drafts = Drafts(destination.names.normalise, planning.is_secret, finished=not layout.lookups)
    try:
        settled = _read(planning, sources, objects)
        evidence = PlanEvidence(settled.source().evidence, settled.destination())
        planning.unusable = tuple(item.id for item in settled.join.rejected)
        recognised = _recognise(planning, settled.join, objects)
        drafter = Drafter(planning, drafts, sources, objects)
        _report_unusable(planning, settled, drafter)
        drafter.draft(settled)
        tally = Tally(member_fields=frozenset(layout.fields[i] for i in layout.memberships))
        completer = Completer(
            planning,
            drafts,
            lambda: (item for data in objects if (item := load_object(data, layout)).id),
            tally,
        )
        changes = completer.complete()
        figures = Figures(
            source_records=settled.join.source_count,
            managed=drafter.managed,
            updatable=drafter.managed + drafter.met
            if planning.remove is Removal.KNOWN
            else settled.join.object_count,
            matched=drafter.matched,
            memberships=completer.memberships + drafter.memberships,
            recent=past.recent,
        )
        sets = [collection.limits_of(job)] if limits is None else limits
        held = (check for each in sets for check in check_limits(each, completer.tally, figures))
        checks = tuple(
            dict.fromkeys((*held, *check_emptiness(planning.layout, completer.tally, figures, sources)))
        )
        findings = drafter.findings(settled, recognised)
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
        limits=checks,
        left_alone=tuple(planning.left_alone),
        findings=findings,
        evidence=evidence,
    )


def _read(planning: Planning, sources: Spool, objects: Spool) -> Settled:
    """Read both sides at the same time and match them."""
    source, destination, layout = planning.source, planning.destination, planning.layout
    # A fingerprint covers neither members nor the place of an object, nor how its name is spelled.
    always_compare = (
        bool(layout.lookups or layout.memberships) or planning.moves_existing or planning.spells_names
    )
    moves_missing = isinstance(planning.job.missing_at_source, MoveMissing)
    departed = partial(is_departed, planning) if moves_missing else None

    reads = partial(read_source, source, planning.mapping, layout, always_compare=always_compare)
    finds = partial(read_objects, destination, layout, known=planning.past.known, is_departed=departed)
    join = Join()

    def read(*sides: tuple[Stage, Side]) -> None:
        stages = [stage for stage, _ in sides]
        for chunk in planning.read_sides(
            tuple(side for _, side in sides),
            lambda number, count: planning.progress(stages[number], count, None),
        ):
            if stages[chunk.side] is Stage.READ_SOURCE:
                join.add_source(chunk.rows, chunk.rejected)
                join.source_totals = chunk.totals or join.source_totals
            else:
                join.add_objects(chunk.rows, chunk.unknown, chunk.rejected)
                join.totals = chunk.totals or join.totals

    if overlapping(source, destination):
        # Records of the source are found at the destination too; to leave them out, they have to be known
        # first.
        read((Stage.READ_SOURCE, Side(source.label, reads, sources)))
        met = (load_source(data, layout).id for data in sources)
        is_source = is_one_of(chain(met, (item.id for item in join.rejected)), destination)
        read((Stage.READ_DESTINATION, Side(destination.label, partial(finds, is_source=is_source), objects)))
    else:
        read(
            (Stage.READ_SOURCE, Side(source.label, reads, sources)),
            (Stage.READ_DESTINATION, Side(destination.label, finds, objects)),
        )
    return join.settle()


def _recognise(planning: Planning, join: Join, objects: Spool) -> list[bytes]:
    """Find the objects that the job has created and not met since: it knows their names only.

    Their identities.
    """
    if not planning.past.created_names:
        return []
    # Without an identity it could be another object of that name.
    shown = (offset for offset, identity in join.unknown.items() if identity != UNIDENTIFIED)
    return join.recognise(
        {offset for offset in shown if planning.past.has_created(object_id(objects.read(offset)))}
    )


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
    for offset, unreadable in settled.unreadable_objects():
        record = drafter.source_at(offset)
        planning.reject(
            record.key, record.id, f"its object cannot be read, so nothing is done for it: {unreadable}"
        )
    _report_unkeyed(planning, settled, drafter)


def _report_unkeyed(planning: Planning, settled: Settled, drafter: Drafter) -> None:
    """Note the objects that no record can stand for."""
    join = settled.join
    unreadable = {item.id: item.message for item in join.unreadable if item.keys}
    ids = (drafter.object_at(offset).id for offset in join.unkeyed)
    unkeyed = [id for id in ids if id not in unreadable]
    if unkeyed:
        example = unkeyed[0] or next((item.message for item in join.unreadable if not item.id), "")
        planning.warnings.append(
            f"1 object at the destination has no value in the key field ({example}); it is left alone."
            if len(unkeyed) == 1
            else f"{len(unkeyed)} objects at the destination have no value in the key field (one is"
            f" {example}); they are left alone."
        )
    for id, message in islice(unreadable.items(), 1):
        planning.warnings.append(
            f"1 object at the destination cannot be read and is left alone. {id}: {message}"
            if len(unreadable) == 1
            else f"{len(unreadable)} objects at the destination cannot be read and are left alone. One is"
            f" {id}: {message}"
        )
