"""What an app raised, and what its project has to change: for the rehearsal, releases and logs.

Pure, but for `project`, which reads the project's files. May import what was packed, and how apps are found.
Knows nothing of how the app was run: the same exception has the same explanation here and on AWS.
"""
