"""Who has to agree to a plan before it is carried out. Only decides: it has no database, no clock and sends no mail."""
