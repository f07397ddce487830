"""Functions that run: execution environments as processes or containers, and AWS's Runtime API for each.

May import packing for images and interpreters. Never knows which endpoint or API an event came from.
"""
