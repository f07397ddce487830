"""The rules: what fails on Lambda or works otherwise, a module for each family of them.

Each module has `find(code)`, which yields findings. What all of a rule share is in rules.toml: its level, why
it is one, and what to do; docs/check.md has the same.

May import check/code, detection and packing/bundle.
"""
