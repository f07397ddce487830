"""Storage on this machine: folders, the cache, seals, errors of the disk, and the encoding of texts.

May import errors only. Never knows what files say.
"""
