"""Calls of a function: an event, an HTTP request as one, and the log lines that come of it.

May import stacks, and the adapter, whose inverses write events. Never changes what is deployed.
"""
