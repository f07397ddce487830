"""What a deployment would do, shown before anything is done: changes, rights, costs, drift, pitfalls.

May import template, stacks and releases. Never writes to the account, except a change set that it discards.
"""
