"""The inventory: what is in a bundle, for others to read, and what is known against it.

May import bundle and earlier rooms of packing. Only `osv` speaks to a server, and only where it is asked to.
"""
