"""Looks at endpoints for people who write a definition: is the connection all right, which containers,
classes and fields are there, what do the first records hold.

A look is bounded in time, entries and bytes, writes nothing, and holds no value of a password attribute. It
is taken in a process of its own (`children`), because nothing else ends a call that hangs.
"""
