"""Real frameworks: imported once, with the next answer after a save, and with their static files."""

import pytest
from serve.conftest import Serve
from waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.index]
FASTAPI = """
import fastapi
from pydantic import BaseModel

class Book(BaseModel):
    title: str

app = fastapi.FastAPI()

@app.get("/")
async def home() -> Book:
    return Book(title="MARK0")
"""
DJANGO = {
    "manage.py": """
        import os, sys
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        from django.core.management import execute_from_command_line
        execute_from_command_line(sys.argv)
    """,
    "shop/__init__.py": "",
    "shop/settings.py": """
        from pathlib import Path
        BASE_DIR = Path(__file__).resolve().parent.parent
        SECRET_KEY = "not-a-secret"
        DEBUG = False
        ALLOWED_HOSTS = ["*"]
        ROOT_URLCONF = "shop.urls"
        WSGI_APPLICATION = "shop.wsgi.application"
        INSTALLED_APPS = [
            "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
            "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
        ]
        MIDDLEWARE = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ]
        TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
            "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]}}]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
        STATIC_URL = "static/"
    """,
    "shop/urls.py": """
        from django.contrib import admin
        from django.urls import path
        from shop import views
        urlpatterns = [path("admin/", admin.site.urls), path("", views.home), path("write/", views.write)]
    """,
    "shop/views.py": """
        from django.contrib.auth.models import User
        from django.http import HttpResponse
        def home(request):
            return HttpResponse("MARK0")
        def write(request):
            try:
                from django.db import connection
                connection.cursor().execute("create table x (y)")
            except Exception as error:
                return HttpResponse(str(error))
    """,
    "shop/wsgi.py": """
        import os
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        from django.core.wsgi import get_wsgi_application
        application = get_wsgi_application()
    """,
}


def test_a_fastapi_app_answers_with_each_save(serve: Serve):
    serving = serve({"main.py": FASTAPI, "requirements.txt": "fastapi\n"})
    assert serving.get().json() == {"title": "MARK0"}
    for number in range(1, 6):
        serving.save("main.py", FASTAPI.replace("MARK0", f"MARK{number}"))
        assert serving.get().json()["title"] == f"MARK{number}"


def test_a_django_has_its_admin_with_style_sheets_and_answers_with_each_save(serve: Serve):
    serving = serve({**DJANGO, "requirements.txt": "django<6\n"})
    assert serving.get().text == "MARK0"
    assert serving.get("/admin/login/").status_code == 200
    assert serving.get("/static/admin/css/base.css").headers["content-type"].startswith("text/css")
    written = serving.get("/write/").text
    assert written in ("attempt to write a readonly database", "unable to open database file")
    assert eventually(lambda: len(serving.processes()) >= 3), "serve, its watchdog, the zygote, a fork"
    views = (serving.root / "shop/views.py").read_text()
    for number in range(1, 6):
        serving.save("shop/views.py", views.replace("MARK0", f"MARK{number}"))
        assert serving.get().text == f"MARK{number}"
        assert serving.get("/admin/login/").status_code == 200
