"""The check: what of an app will fail on Lambda, or work otherwise than on a server, told before it is there.

    app ─▶ code ─▶ rules ─▶ findings ─▶ ignored ones out ─▶ report

`code` reads the files that the app reaches, `rules` says what is wrong in them, `examination` is the line.

May import detection, packing/bundle and settings. Never imports or runs anything of the project.
"""
