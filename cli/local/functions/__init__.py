"""Execution environments of functions, as processes or containers, each with a Runtime API of its own.

May import packing for images and interpreters. Never knows which endpoint or API an event came from.
"""
