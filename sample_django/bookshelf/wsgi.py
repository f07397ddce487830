"""The WSGI app that a server, or lambdify, calls."""

import os

from django.core.wsgi import get_wsgi_application

from bookshelf.database import prepare_database

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bookshelf.settings")
application = get_wsgi_application()
prepare_database()
