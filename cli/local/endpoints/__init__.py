"""The endpoints of stages: gateways that turn HTTP requests into events, and payloads into responses.

May import local.functions, and the adapter's event sources. Never starts a process.
"""
