"""AWS's side of the local cloud: ministack with its bridge; Lambda, its logs and its metrics in our place.

May import local.functions. Never serves the endpoint of a stage.
"""
