"""Which web app a project has: found by reading its code; `choice` is the door of this room.

May import settings. Never imports or runs anything of the project.
"""
