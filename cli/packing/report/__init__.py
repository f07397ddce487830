"""Reports on a bundle, as lines and as a page: sizes, possible savings, and imports at a cold start.

May import every other room of packing. Never changes a bundle.
"""
