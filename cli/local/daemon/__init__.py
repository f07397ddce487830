"""The process behind a local cloud, and its door for commands: how it starts, is found, and ends.

May import every other room of the local cloud. Nothing below imports it.
"""
