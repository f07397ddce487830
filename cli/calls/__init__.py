"""Calls of a function: an event or an HTTP request, and the log lines that the call writes.

May import stacks, and the adapter, whose inverses write events. Never changes what is deployed.
"""
