"""Runs one job, or a whole collection: lease, plan, limits, store, apply, result.

The CLI and the DAG both call this.
"""
