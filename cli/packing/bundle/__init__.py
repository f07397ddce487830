"""The bundle: the project's files, the layer of dependencies, bytecode, and Lambda's limits.

May import wheels and earlier rooms of packing. Never changes a file of the project outside `.lambdify/`.
"""
