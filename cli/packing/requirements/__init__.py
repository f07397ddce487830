"""Requirements of the project: the files that declare them, package indexes, and sources.

Reads files of the project. May import no later room of packing, and never starts uv.
"""
