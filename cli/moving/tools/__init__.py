"""What another tool's files say, as settings of ours: one module for each tool, all of one shape.

    find(root)           the file of the tool, or None
    read(file, code)  ─▶ Moved: each of its settings with what becomes of it, and why

Files are read, never run; no variable of this machine is looked at, and no value that looks like a secret
gets on.
May import moving/reading and settings.
"""
