"""Where things are kept on this machine: folders, the cache, and what the disk refuses.

May import errors only. Never knows what is kept.
"""
