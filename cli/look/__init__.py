"""What runs: status, logs, metrics, environment variables of a deployed stage.

May import calls, releases and stacks. Never changes anything.
"""
