"""The version, written down once: setup.cfg reads it from here.

importlib.metadata knows it too, but takes longer to import than all the rest of `lambdify --version`.
"""

VERSION = "0.1.0"
