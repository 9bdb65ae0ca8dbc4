"""`directory-sync schema`: prints the JSON Schema of definition files."""

from __future__ import annotations

import json
from argparse import Namespace

from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.terminal import data_output
from directory_sync.definition.schema import json_schema


def main(arguments: Namespace) -> ExitStatus:  # noqa: ARG001 - every command has the same form
    """Print the schema."""
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False), file=data_output())
    return ExitStatus.OK
