"""Who has to agree to a plan before it is applied, as pure rules: no store, no clock, no network."""
