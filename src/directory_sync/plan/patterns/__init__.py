"""Changes of one shape, counted: an approver of 10,000 changes reads a dozen lines.

Codes and facts only; words are made in `present.patterns`.
"""
