"""What files say that start the app on a server: one module for each, of the shape of those in `tools`.

They count where no tool is there that deploys to AWS. May import moving/reading, detection and settings.
"""
