"""A Django project with the settings of production, behind a local endpoint: python django_site.py FOLDER.

The endpoint is the local cloud's own, with the app behind the adapter in this process. Prints its URL.
"""

import json
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import django
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse

FOLDER = Path(sys.argv[1])
settings.configure(
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "db.sqlite3")}},
    STATIC_URL="static/",
    USE_TZ=True,
    SECURE_SSL_REDIRECT=True,
    SECURE_HSTS_SECONDS=3600,
    SESSION_COOKIE_SECURE=True,
    CSRF_COOKIE_SECURE=True,
)
django.setup()

from django.contrib import admin  # noqa: E402 - after setup
from django.contrib.auth import get_user_model  # noqa: E402

from lambdify.adapter import Adapter  # noqa: E402
from lambdify.cli.local.endpoints.front_ends import Api  # noqa: E402
from lambdify.cli.local.endpoints.gateway import Gateway  # noqa: E402
from lambdify.cli.local.functions.sandbox import Outcome  # noqa: E402
from lambdify.cli.local.http_server import Server  # noqa: E402


def links(request: HttpRequest) -> HttpResponse:
    """The app's own address, as an API writes it into its pages."""
    return JsonResponse(
        {"next": request.build_absolute_uri(f"{request.path}?page=2"), "secure": request.is_secure()}
    )


def away(request: HttpRequest) -> HttpResponse:
    """A redirect to the app's own address, written out."""
    return HttpResponse(status=302, headers={"Location": request.build_absolute_uri(reverse("links"))})


urlpatterns = [path("admin/", admin.site.urls), path("links", links, name="links"), path("away", away)]


def main() -> None:
    """Serve until stdin ends."""
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_superuser("ada", "ada@example.com", "lovelace")
    from django.core.wsgi import get_wsgi_application

    handler = Adapter(get_wsgi_application())
    one_at_a_time = threading.Lock()

    def start(arn: str, request_id: str, event: bytes, _: object) -> "Future[Outcome]":
        future: Future[Outcome] = Future()
        context = SimpleNamespace(aws_request_id=request_id, invoked_function_arn=arn)
        with one_at_a_time:
            future.set_result(Outcome(json.dumps(handler(json.loads(event), context)).encode(), failed=False))
        return future

    kind = sys.argv[2] if len(sys.argv) > 2 else "http-api"
    mount = "/live" if kind == "rest-api" else ""
    api = Api(id="abc123", integration="arn", kind=kind, mount=mount)
    print(Server(Gateway(lambda: api, start).answer).url + mount, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
