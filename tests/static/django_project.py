"""A Django project of few files, with the settings that a test wants."""

SETTINGS = """
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "x"
ROOT_URLCONF = "site_.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "books"]
STATIC_URL = "static/"
MIDDLEWARE = []
"""
MANIFEST = (
    'STORAGES = {"staticfiles": {\n'
    '    "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}\n'
    'STATIC_ROOT = BASE_DIR / "staticfiles"\n'
)
WSGI = """
import os
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
application = get_wsgi_application()
"""
DJANGO = {"app": "site_.wsgi:application", "framework": "django"}


def write(settings: str = "", **more: str) -> dict[str, str]:
    """The files of the project; `settings` come after the usual ones."""
    return {
        "requirements.txt": "django>=5.1,<5.3\n",
        "site_/__init__.py": "",
        "site_/settings.py": SETTINGS + settings,
        "site_/wsgi.py": WSGI,
        "site_/urls.py": "from books import views\nurlpatterns = []\n",
        "books/__init__.py": "",
        "books/views.py": "",
        "books/models.py": "",
        "books/static/books/style.css": "body { background: url(paper.png) }",
        "books/static/books/paper.png": "PNG",
        "books/static/books/.env": "PASSWORD=swordfish",
        **{name.replace("__", "/", 1) if "/" not in name else name: text for name, text in more.items()},
    }
