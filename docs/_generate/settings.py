"""Prints `docs/settings.md` from the table that the program reads; `make reference` writes it."""

from __future__ import annotations

from directory_sync.settings.options import OPTIONS, SECTION

_PAGE_START = f"""\
# Settings

Options of the section `[{SECTION}]` in `airflow.cfg`. Each can also be set by an environment variable.

Options marked *sensitive* may come from a command or a secrets backend too: append `_cmd` or `_secret` to the
name, `_CMD` or `_SECRET` to the environment variable.

<!-- Generated from the options by docs/_generate/settings.py; changes here are lost. -->
"""


def reference_page() -> str:
    """The page `docs/settings.md`."""
    parts = [_PAGE_START]
    for option in OPTIONS:
        facts = [
            ("type", option.type + (", sensitive" if option.sensitive else "")),
            ("default", f"`{option.default}`" if option.default else "empty"),
            *([("example", f"`{option.example}`")] if option.example else []),
            ("environment", f"`{option.environment_variable}`"),
            ("since", option.version_added),
        ]
        table = "\n".join(f"| {name} | {value} |" for name, value in facts)
        parts.append(f"\n## {option.name}\n\n{option.description}\n\n| | |\n|---|---|\n{table}\n")
    return "".join(parts)


if __name__ == "__main__":
    print(reference_page(), end="")
