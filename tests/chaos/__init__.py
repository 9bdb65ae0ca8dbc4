"""Faults at random points of real runs, repeatable by a seed: `make chaos`."""
