"""What follows from the facts of a machine: what it costs, and whether work fits into it.

Everything is computed from the catalogue's figures; nothing here reads a profile,
a model or a corpus.
"""
