"""Moving in: what another tool's files say about the project, as lambdify.toml says it.

    files ─▶ tools ─▶ Moved ─▶ settlement ─▶ Draft ─▶ text of lambdify.toml
                                    └──────────────▶ report: what became of each setting, and what comes next

`tools` reads, a module for each of them; `present` says which are there; `settlement` asks the loader of
settings about every value, so that what is written loads. Nothing is written here, and nothing of the project
is run. May import runtime and settings.
"""
