"""What tests, demo and benchmarks share: throw-away servers, certificates and data."""
