"""The definition that a new collection begins with."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).with_name("new_collection.yaml").read_text(encoding="utf-8")
EXAMPLE_OF_JOB = Path(__file__).with_name("new_job.yaml").read_text(encoding="utf-8")
"""A job that stands alone is a collection with one job."""
