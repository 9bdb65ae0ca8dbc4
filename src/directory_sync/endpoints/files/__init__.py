"""Files in the data folder as endpoints, both directions: CSV and TSV, LDIF. See `FileEndpoint.kind`."""
