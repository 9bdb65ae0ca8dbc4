"""The definition that a new collection begins with."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).with_name("new_collection.yaml").read_text(encoding="utf-8")
