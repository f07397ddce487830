"""Django's PostgreSQL on the database of [database], with a token for a password.

    DATABASES = {"default": {"ENGINE": "lambdify.adapter.django_postgresql"}}

What the project leaves out of HOST, PORT, USER and NAME comes from the variables of [database]. Where those
are not set, or name another host, it is Django's own backend. It is in `base`, where Django looks for it.
"""
