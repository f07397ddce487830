"""Storage on this machine: folders, the cache, seals, and errors of the disk.

May import errors only. Never knows the content of files.
"""
