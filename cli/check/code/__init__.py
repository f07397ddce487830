"""The code of an app as rules read it: what it calls and sets, where, when, and on which condition.

May import detection and settings. Knows nothing of what is right or wrong.
"""
