"""Whether this machine has what lambdify needs: each finding with a way out.

May import local/daemon, packing/wheels and packing/resolution. Changes nothing: what it starts to look, a
program or a container, it ends. No value of a variable is told, and no key.
"""
