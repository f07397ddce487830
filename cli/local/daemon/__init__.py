"""The daemon process of a local cloud, and the interface that commands use to start, find and end it.

May import every other room of the local cloud. No other room imports it.
"""
