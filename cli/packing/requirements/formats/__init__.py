"""Formats of the files that other tools keep: each module reads one, and returns requirement lines or values.

Reads files of the project. Never decides which file counts, and never runs what a file holds.
"""
