"""Wheels as files: downloaded or built, looked into, and held against what the function's loader takes.

May import resolution and requirements; the Docker SDK is behind `docker`. Never writes a zip.
"""
