"""Rows of a list: in a terminal a table that fits, in a pipe lines with tabs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Collection[str] = (),
    in_terminal: bool,
) -> None:
    """Print rows below their headings.

    Args:
        columns: the headings.
        rows: texts that are harmless for a terminal, one for each column.
        numbers: columns that hold numbers.
        in_terminal: standard output is one.
    """
    if not in_terminal:
        for row in (columns, *rows):
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in numbers else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
