"""Shared parts of the commands: options, help pages, answers, and the session that a command begins with.

`lambdify --help` loads this room, so its modules import only click and the standard library at the top. It
never does a command's work.
"""
