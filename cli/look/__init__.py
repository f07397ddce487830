"""A look at what runs: status, logs, metrics and environment variables of a deployed stage.

May import calls, releases and stacks. Never changes anything.
"""
