"""Keeps accounts, groups and contacts in step between directories, databases and files."""

__version__ = "0.1.0"
