"""What a job's mapping makes of a record, field by field, by the code that runs use."""

from __future__ import annotations

from datetime import UTC, datetime

from directory_sync.definition.checks.fields import source_fields
from directory_sync.definition.expressions.templating import ExpressionError, compile_template
from directory_sync.definition.models import (
    Collection,
    GeneratePassword,
    Job,
    LookUp,
    Script,
    Template,
)
from directory_sync.definition.secrets import IsSecret
from directory_sync.endpoints.contract import Destination, Record, Source
from directory_sync.errors import RecordCancelled, RecordError
from directory_sync.looking.answers import MappedField, Treatment
from directory_sync.looking.showing import value_of
from directory_sync.plan.mapping.produce import describe
from directory_sync.plan.mapping.scripts import load_scripts
from directory_sync.plan.mapping.transform import CompiledMapping, compile_mapping
from directory_sync.plan.mapping.variables import run_variables


def compiled(
    collection: Collection,
    job: Job,
    source: Source,
    destination: Destination,
    script_modules: tuple[str, ...],
) -> CompiledMapping:
    """A job's mapping as a run has it. Raises SchemaError, UnsupportedError."""
    scripts = [mapping.script for mapping in job.fields.values() if isinstance(mapping, Script)]

    def single(name: str) -> bool:
        rule = destination.rule(name)
        return rule is not None and rule.single

    def source_single(name: str) -> bool:
        rule = source.rule(name)
        return rule is not None and rule.single

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
            run="try",
            now=datetime.now(UTC),
            timezone=collection.timezone,
        ),
        scripts=load_scripts(scripts, script_modules),
    )


def mapped_field(
    job: Job,
    name: str,
    record: Record,
    mapping: CompiledMapping,
    destination: Destination,
    *,
    is_secret: IsSecret,
    is_secret_source: IsSecret,
) -> MappedField:
    """One field of a record: what it is made of, how, and what comes out.

    `mapping`: the job's own, by whose fields the record was read.
    """
    kind = job.fields[name]
    held = {field.lower(): values for field, values in record.values.items()}
    inputs = {
        field: ()
        if is_secret_source(field)
        else tuple(value_of(value) for value in held.get(field.lower(), ())[:5])
        for field in fields_of(job, name)
    }
    if is_secret(name):
        return MappedField(name, describe(kind), dict.fromkeys(inputs, ()), (), Treatment.HIDDEN)
    if isinstance(kind, LookUp):
        return MappedField(name, describe(kind), inputs, (), Treatment.LOOKED_UP)
    if isinstance(kind, GeneratePassword):
        return MappedField(name, describe(kind), inputs, (), Treatment.GENERATED)
    try:
        made = mapping.map_field(name, record)
    except RecordCancelled as error:
        return MappedField(name, describe(kind), inputs, (), Treatment.SKIPS, str(error)[:1_000])
    except RecordError as error:
        return MappedField(name, describe(kind), inputs, (), Treatment.FAILS, str(error)[:1_000])
    if made is None:
        return MappedField(name, describe(kind), inputs, (), Treatment.LEFT_ALONE)
    rule = destination.rule(name)
    binary = rule is not None and rule.binary
    shown = tuple(value_of(value, binary=binary) for value in made[:5])
    return MappedField(name, describe(kind), inputs, shown, Treatment.COMPUTED)


def fields_of(job: Job, name: str) -> tuple[str, ...]:
    """The source fields that one field is made of."""
    mapping = job.fields[name]
    if isinstance(mapping, Template):
        try:
            return compile_template(mapping.template).fields
        except ExpressionError:
            return ()
    return tuple(dict.fromkeys(field for _, field in source_fields(mapping)))
