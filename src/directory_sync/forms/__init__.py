"""Forms of a definition: which fields a page shows, what stands in them, and what was typed put back into the
text of the definition. No store, no web, no connection.
"""
