"""Detection of the web app of a project, by reading its code. Other rooms call only `choice`.

May import settings. Never imports or runs anything of the project.
"""
