"""What a deployment would do, told before anything is done: changes, rights, costs, drift, pitfalls.

May import template, stacks and releases. Never writes to the account, but for a change set that it discards.
"""
