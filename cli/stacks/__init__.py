"""The stack of a stage: reading it, and the only writer of it.

May import template, settings and aws. Never moves traffic.
"""
