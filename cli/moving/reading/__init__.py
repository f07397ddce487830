"""What modules of `tools` share: files as values, the project's code, and words that several tools use.

`setting` is what they make. May import detection, failures, packing/bundle and settings.
"""
