"""Which versions of what is required go together on the function: asked of uv, and kept.

May import requirements. Never downloads or builds a wheel to pack.
"""
