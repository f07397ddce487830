"""lambdify serve: the app in the project's folder, through the local cloud's own server, gateway and sandbox.

New here are a program that runs the folder as it is, a watch over its files, and a process that has imported
the dependencies, of which each execution environment is a fork.
"""
