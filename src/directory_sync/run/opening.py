"""Opens what one job needs: its endpoints and its compiled mapping, with what earlier jobs plan laid over
them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection as Roles
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from directory_sync.definition.models import Collection, Job, LookUp, MoveMissing, Script
from directory_sync.definition.support import refuse_unsupported
from directory_sync.endpoints.contract import Can, Destination, Source
from directory_sync.endpoints.registry import open_destination, open_source
from directory_sync.errors import DirectorySyncError, MissingObjectError, UnsupportedError
from directory_sync.plan.mapping.scripts import load_scripts
from directory_sync.plan.mapping.transform import CompiledMapping, compile_mapping
from directory_sync.plan.mapping.variables import run_variables
from directory_sync.plan.model import ChangeSequence
from directory_sync.plan.overlay import PlannedEffects, overlaid_destination, overlaid_source
from directory_sync.plan.past import Findings
from directory_sync.run.connection_use import refuse_at_destination, refuse_broken_rules
from directory_sync.run.deployment import Deployment
from directory_sync.run.shared_listings import SharedListings


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier job of the same preview plans.

    Attributes:
        job: its name.
        destination: identity of the place that it would write to (`Plan.destination`).
        changes: its plan's changes.
        findings: what it would know afterwards.
    """

    job: str
    destination: str
    changes: ChangeSequence
    findings: Findings


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that is ready to be planned; source and destination answer, and hold what the job names."""

    source: Source
    destination: Destination
    mapping: CompiledMapping
    warnings: tuple[str, ...] = ()


@contextlib.contextmanager
def open_job(
    collection: Collection,
    job: Job,
    deployment: Deployment,
    *,
    roles: Roles[str] | None,
    run_id: str,
    earlier: Sequence[Earlier] = (),
    shared: SharedListings | None = None,
) -> Iterator[OpenJob]:
    """Open a job's endpoints and compile its mapping; closes them afterwards.

    Args:
        collection, job, deployment, run_id, earlier: the job, and what it is planned on top of.
        roles: those that the collection was saved with; None for one from a file.
        shared: listings that another plan reads too; None for none.

    Raises:
        RulesBroken: the collection breaks a rule of the deployment's connections; nothing was read.
        UnsupportedError: the job asks for something that is not supported here; nothing was read.
        EndpointError: an endpoint does not answer, or does not hold what the job names.
    """
    refuse_broken_rules(collection, deployment, roles=roles)
    refuse_unsupported(collection, [job], script_modules=deployment.script_modules)
    with contextlib.ExitStack() as stack:
        source = open_source(job, deployment)
        stack.callback(source.close)
        destination = open_destination(job, deployment)
        stack.callback(destination.close)
        if shared is not None:
            source, destination = shared.of_source(source), shared.of_destination(destination)
        source_effects = _effects(source, earlier) if Can.BE_FORESEEN in source.can else None
        effects = _effects(destination, earlier)
        _check(source, source_effects)
        _check(destination, effects)
        refuse_at_destination(collection, job, destination, deployment)
        scripts = load_scripts(
            [mapping.script for mapping in job.fields.values() if isinstance(mapping, Script)],
            deployment.script_modules,
        )

        def single(name: str) -> bool:
            rule = destination.rule(name)
            return rule is not None and rule.single

        def source_single(name: str) -> bool:
            rule = source.rule(name)
            return rule is not None and rule.single

        def compiled(job: Job) -> CompiledMapping:
            return compile_mapping(
                job,
                source_fields_known=source.fields(),
                no_field=source.no_field,
                single=single,
                source_single=source_single,
                naming_fields=destination.names.made_of(job.naming_attribute),
                variables=run_variables(
                    collection=collection.name,
                    job=job.name,
                    run=run_id,
                    now=datetime.now(UTC),
                    timezone=collection.timezone,
                ),
                scripts=scripts,
            )

        mapping = compiled(job)
        refuse_passwords(job, source, mapping.source_fields, destination)
        if shared is not None:
            with contextlib.suppress(DirectorySyncError):  # its own plan says what is wrong with it
                shared.expect(compiled(shared.other))
        warnings = [*source.warnings, *destination.warnings]
        if source_effects is None and any(item.destination == source.identity for item in earlier):
            warnings.append(
                f"{source.label} is written by a job before this one; this preview shows what the file holds"
                " now."
            )
        yield OpenJob(
            source=overlaid_source(source, source_effects),
            destination=overlaid_destination(destination, effects),
            mapping=mapping,
            warnings=tuple(dict.fromkeys(warnings)),
        )


def refuse_passwords(
    job: Job, source: Source, read: Iterable[str], destination: Destination | None = None
) -> None:
    """Raise UnsupportedError if a job reads or writes passwords under a name that only an endpoint knows. By
    their usual names they are refused before anything is opened (`definition.support`).

    `read`: the source fields that its mapping needs.
    """
    asked: list[tuple[Source, str]] = [(source, name) for name in read]
    if destination is not None:
        matches = (
            name for mapping in job.fields.values() if isinstance(mapping, LookUp) for name in mapping.matches
        )
        asked += [(destination, name) for name in (*job.fields, *matches)]
    for endpoint, name in asked:
        rule = endpoint.rule(name)
        if rule is not None and rule.password:
            raise UnsupportedError(
                f"job {job.name}: {name} holds passwords at {endpoint.label}. This version cannot apply"
                " reading and writing passwords yet. Leave it out until a later version."
            )


def touched_areas(job: Job, destination: Destination) -> tuple[str, ...]:
    """Normalised ids of everything that the job may write to: what it manages, and where it moves who has
    left.
    """
    areas = destination.areas
    if isinstance(job.missing_at_source, MoveMissing):
        areas = (*areas, destination.names.normalise(job.missing_at_source.move))
    return areas


def _check(endpoint: Source, effects: PlannedEffects | None) -> None:
    """See that the endpoint answers; a container that an earlier job will create need not be there yet."""
    try:
        endpoint.check()
    except MissingObjectError:
        if not effects or not effects.creates_any(endpoint.containers()):
            raise


def _effects(endpoint: Source, earlier: Sequence[Earlier]) -> PlannedEffects:
    effects = PlannedEffects()
    for item in earlier:
        if item.destination == endpoint.identity:
            effects.add(item.changes, endpoint)
    return effects
