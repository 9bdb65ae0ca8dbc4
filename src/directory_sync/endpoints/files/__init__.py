"""Files: CSV, TSV and LDIF, as sources and as destinations."""
