"""Apps of a few lines, to which a case adds its own."""

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
WSGI = """\
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""


def django(text: str) -> dict[str, str]:
    """A Django project with these settings."""
    return {"shop/__init__.py": "", "shop/wsgi.py": WSGI, "shop/settings.py": text}
