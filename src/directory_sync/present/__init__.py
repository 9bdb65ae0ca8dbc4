"""Turns a change, and its result, into what people and their tools read.

Secrets are taken out in one place (`shown.visible`); everything that writes a line, rows, LDIF, JSON or the
pieces of a page takes the change that this returns.
"""
