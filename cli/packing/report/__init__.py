"""What is in a bundle, as lines and as a page: sizes, savings, and what a cold start imports.

May import every other room of packing. Never changes a bundle.
"""
