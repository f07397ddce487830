"""The endpoints of stages: which there are, and HTTP requests to them as events and back.

May import local.functions, and the adapter's event sources. Never starts a process.
"""
