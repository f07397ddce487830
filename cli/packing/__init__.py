"""Settings → Bundle: what the project requires, as wheels that load on Lambda, in two deterministic zips.

report → bundle → wheels → resolution → requirements → target, fingerprint, serialization, archive. Never asks
AWS.
"""
