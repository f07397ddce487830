"""Static files: which there are, at which paths, and how long browsers may keep them.

Settings + the app, asked ─▶ Sources ─▶ StaticFiles ─▶ the adapter's table, and entries of the app's zip

This room imports neither bundle nor rehearsal: what it needs of them, it is given.
"""
