"""`directory-sync schema`: prints the JSON Schema of definition files, or of the file of rules."""

from __future__ import annotations

import json
from argparse import Namespace

from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.terminal import data_output
from directory_sync.definition.schema import json_schema
from directory_sync.rights.connection_rules import rules_schema


def main(arguments: Namespace) -> ExitStatus:
    """Print the schema."""
    schema = rules_schema() if arguments.connection_rules else json_schema()
    print(json.dumps(schema, indent=2, ensure_ascii=False), file=data_output())
    return ExitStatus.OK
