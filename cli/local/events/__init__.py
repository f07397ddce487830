"""How events reach functions in the local cloud, where ministack differs from AWS: a part of its bridge.

The modules run inside ministack (aws/ministack_bridge.py), with the standard library only. Each one replaces
functions of ministack, whose parameters are compared first, or makes a decision that needs nothing of it.
"""
