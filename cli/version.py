"""The version, written down once: setup.cfg reads it from here.

importlib.metadata knows it too, but takes longer to import than all the rest of `lambdify --version`.
"""

DISTRIBUTION = "lambdify-cli"
"""The name on the index, where another project is called "lambdify"."""
VERSION = "0.1.0"
