"""HTTP requests come in; decisions as JSON, and the page, go out.

The rooms are those of the command line: one vault, one gate, one log. Nothing here decides.
"""
