"""AWS's side of the local cloud: ministack with its bridge, and our own Lambda with its logs and metrics.

May import local.functions. Never serves the endpoint of a stage.
"""
