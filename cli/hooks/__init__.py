"""What of the project's own runs before and after the work of lambdify: [hooks].

    before_package ──▶ pack ──▶ template(body) ──▶ upload ──▶ deploy ──▶ after_deploy

There are no other extensions. Commands are the project's own and may do anything that their user may; the
function for the template may do nothing but return one: it runs guarded (programs/guard.py). What runs is
said with its machine, and never inside another run of it.
"""
