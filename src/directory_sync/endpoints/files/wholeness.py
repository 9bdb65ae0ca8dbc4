"""What is said of a file that may have been cut off: its last line has no line break, where whole files have
one.
"""

CUT_OFF = (
    "so it may have been cut off: this record is not used, and nothing is removed in this run. Get the whole"
    " file, or add a line break at its end. complete: true says that such files are whole."
)
"""Of the last record of a source."""

WHOLE = "Get the whole file; if this is all of it, add a line break at its end, or write complete: true."
"""Where nothing of the file can be used."""
