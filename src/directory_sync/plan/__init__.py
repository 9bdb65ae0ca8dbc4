"""From two endpoints and a job to a plan: read, map, match, compare, order, check limits. Writes nothing."""
