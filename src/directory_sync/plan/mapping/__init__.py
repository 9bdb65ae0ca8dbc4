"""A job's field mapping: from a source record to the values that its object shall have."""
