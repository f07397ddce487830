"""What the commands share: options, help pages, answers, and the values that every command begins with.

What `lambdify --help` loads is in here, so nothing is imported at the top but click and the standard library.
Never does a command's work.
"""
