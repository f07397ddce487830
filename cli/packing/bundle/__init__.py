"""The zips: which files of the project are packed, the dependencies' layer, bytecode, limits.

May import wheels and what is before it. Never changes a file of the project outside `.lambdify/`.
"""
