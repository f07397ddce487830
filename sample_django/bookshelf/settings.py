"""Settings of the bookshelf. What differs from machine to machine comes from the environment."""

import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key

# Everything that is written: the database and the uploaded files. On Lambda only the temporary folder can be
# written to; each execution environment has its own, and loses it when it ends.
DATA = Path(os.environ.get("BOOKSHELF_DATA") or Path(tempfile.gettempdir(), "bookshelf"))
DATA.mkdir(parents=True, exist_ok=True)

# A key made up at every start cannot leak from a repository. Its price: when the process ends, so do the
# sessions. Set DJANGO_SECRET_KEY wherever more than one process answers.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"

# There is no SECURE_PROXY_SSL_HEADER and no CSRF_TRUSTED_ORIGINS: lambdify gives Django the scheme and the
# host that the browser used, so request.is_secure() and the origins that the CSRF check compares are right as
# they are. A header that is trusted for the scheme could be written by any visitor of `runserver`.
ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "books",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "bookshelf.urls"
WSGI_APPLICATION = "bookshelf.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "bookshelf.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = DATA / "media"
# In the browser rather than in the database: the session is then the same in every execution environment.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
# Lambda takes 6 MB per call, and an upload grows by a third on its way there.
LARGEST_UPLOAD = 4 * 1024 * 1024

# A task is sent to the queue where there is one, and runs at once where there is none, as under `runserver`.
TASKS = {"default": {"BACKEND": "lambdify.adapter.django_tasks.SQSBackend"}}
# Mails are printed. A mail server is named by EMAIL_HOST, with Django's SMTP backend.
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
LIBRARIAN = "librarian@example.org"

# Nobody serves these in production, so lambdify collects and serves them, the admin's among them. The path is
# relative, so that Django adds what stands in front of the site, such as the stage of a REST API.
STATIC_URL = "static/"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
