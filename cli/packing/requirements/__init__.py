"""Which files say what the project requires, from which indexes and places.

Reads files of the project. May import nothing of the rooms after it, and never starts uv.
"""
