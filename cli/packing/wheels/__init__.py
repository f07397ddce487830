"""Wheels as files: downloads, builds, their contents, and a check that native code loads on Lambda.

May import resolution and requirements; only `docker` imports the Docker SDK. Never writes a zip.
"""
