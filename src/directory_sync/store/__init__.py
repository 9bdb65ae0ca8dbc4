"""Tables, migrations and queries of the product's own database."""
