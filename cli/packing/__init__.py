"""Packing of a project: its files and its dependencies, as wheels that load on Lambda, in two zips.

report → bundle → wheels → resolution → requirements → target, fingerprint, serialization, archive. Never asks
AWS. The same input gives the same bytes.
"""
