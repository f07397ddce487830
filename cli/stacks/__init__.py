"""The stack of a stage: looking at it, and the only writer of it.

May import template, settings and aws. Never moves traffic.
"""
