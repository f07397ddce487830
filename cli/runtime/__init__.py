"""The function's Python: what the project asks for, what Lambda has, and which of it is taken.

The Python that runs lambdify never decides: the same project has the same bundle on every machine.
"""
