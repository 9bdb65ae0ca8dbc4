"""Templates of definitions: what they may say, checked when a definition is read, and what they give for a
record in a run.
"""
