"""Names of a stage's own: their hosted zones, their certificate, and which of them are served by now.

Nothing here changes a stack; the template gets the names that have a certificate (template/domain.py).
"""
