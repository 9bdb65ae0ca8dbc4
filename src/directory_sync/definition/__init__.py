"""What a job collection is: models, loading with errors that name file and line, templates, checks, JSON
Schema.
"""
