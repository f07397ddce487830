"""Resolution of requirements: uv chooses the versions for the function, and the choice is cached.

May import requirements. Never downloads or builds a wheel to pack.
"""
