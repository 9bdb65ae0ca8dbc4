"""`directory-sync query`: shows the first records that a job's source or destination returns."""

from __future__ import annotations

import csv
import itertools
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from directory_sync.cli.definitions import find_job, load_definition
from directory_sync.cli.deployment import terminal_deployment
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.outcome_text import count
from directory_sync.cli.terminal import data_output, message, warn
from directory_sync.definition.models import Collection, Job, Script
from directory_sync.definition.secrets import IsSecret, secret_fields, secret_source_fields
from directory_sync.endpoints.change import value_to_json
from directory_sync.endpoints.contract import Record, Source
from directory_sync.endpoints.registry import open_destination, open_source
from directory_sync.plan.mapping.scripts import load_scripts
from directory_sync.plan.mapping.transform import compile_mapping
from directory_sync.plan.mapping.variables import run_variables
from directory_sync.present.shown import HIDDEN
from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable, printable_json, printable_values
from directory_sync.run.connection_use import refuse_broken_rules
from directory_sync.run.deployment import Deployment


def main(arguments: Namespace) -> ExitStatus:
    """Show the records. Raises EndpointError if the query fails."""
    loaded = load_definition(arguments.file, arguments.templates)
    collection = loaded.collection
    job = find_job(collection, arguments.job)
    deployment = terminal_deployment(arguments)
    refuse_broken_rules(collection, deployment, roles=None, places=loaded.places, side=arguments.side)
    endpoint: Source = (
        open_source(job, deployment) if arguments.side == "source" else open_destination(job, deployment)
    )
    try:
        endpoint.check()
        if arguments.side == "source":
            fields = _source_fields(collection, job, endpoint, deployment)
            is_secret = secret_source_fields(job, fields)
        else:
            fields, is_secret = tuple(job.fields), secret_fields(job)
        records = list(itertools.islice(_records(endpoint, fields, is_secret), arguments.first))
    finally:
        endpoint.close()
    _FORMATS[arguments.format](fields, records)
    for record in records:
        if record.problem:
            warn(f"{record.id}: {record.problem}" if record.id else record.problem)
    if arguments.format == "table":
        message(f"{count(len(records), 'record')} of {endpoint.label}.")
    return ExitStatus.OK


def _source_fields(
    collection: Collection, job: Job, source: Source, deployment: Deployment
) -> tuple[str, ...]:
    """The fields that the job reads. Raises SchemaError for one that the source does not have."""
    scripts = [mapping.script for mapping in job.fields.values() if isinstance(mapping, Script)]
    mapping = compile_mapping(
        job,
        source_fields_known=source.fields(),
        no_field=source.no_field,
        single=lambda name: False,
        naming_fields=(),
        variables=run_variables(
            collection=collection.name,
            job=job.name,
            run="query",
            now=datetime.now(UTC),
            timezone=collection.timezone,
        ),
        scripts=load_scripts(scripts, deployment.script_modules),
    )
    return mapping.source_fields


def _records(endpoint: Source, fields: Sequence[str], is_secret: IsSecret) -> Iterator[Record]:
    """Yield records as they come, with secret values hidden."""
    hidden = {field for field in fields if is_secret(field)}
    for record in itertools.chain.from_iterable(endpoint.read(fields)):
        values = {
            field: [HIDDEN.encode()] * len(found) if field in hidden else found
            for field, found in record.values.items()
        }
        yield record._replace(values=values)


def _show_table(fields: Sequence[str], records: Iterable[Record]) -> None:
    """In a terminal a table that fits; in a pipe one line for each record, with tabs between the fields."""
    rows = [
        [printable(record.id), *(printable_values(record.values.get(field, ())) for field in fields)]
        for record in records
    ]
    columns = ["object", *map(printable, fields)]
    if not is_terminal(sys.stdout):
        for row in (columns, *rows):
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _show_json(fields: Sequence[str], records: Iterable[Record]) -> None:
    data = [
        {
            "object": record.id,
            "fields": {
                field: [value_to_json(value) for value in record.values.get(field, ())] for field in fields
            },
        }
        for record in records
    ]
    print(printable_json({"records": data}, indent=2), file=data_output())


def _show_csv(fields: Sequence[str], records: Iterable[Record]) -> None:
    writer = csv.writer(data_output(), lineterminator="\n")
    writer.writerow(("object", *map(printable, fields)))
    for record in records:
        writer.writerow(
            (printable(record.id), *(printable_values(record.values.get(field, ())) for field in fields))
        )


_FORMATS = {"table": _show_table, "json": _show_json, "csv": _show_csv}
