"""Keeps accounts, groups and contacts in sync between directories, databases and files."""

__version__ = "0.1.0"
