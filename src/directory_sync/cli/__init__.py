"""The `directory-sync` command."""
