"""Django, as WSGI and as ASGI app, answering like its siblings. Its headers are a map: none is repeated."""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, re_path
from echo import asked_for, shown


def answer(request: HttpRequest) -> HttpResponse:
    """Whatever the path, it is echoed."""
    if "X-Reply" in request.headers:
        reply = asked_for(request.headers["X-Reply"])
        response = HttpResponse(reply["body"], status=reply["status"], headers=dict(reply["headers"]))
        for number, cookie in enumerate(reply["cookies"]):
            response.set_cookie(f"cookie{number}", cookie.partition("=")[2].partition(";")[0])
        return response
    return HttpResponse(
        shown(
            request.body,
            request.headers.items(),
            method=request.method,
            mount=request.META["SCRIPT_NAME"],
            path=request.path_info,
            query=request.META["QUERY_STRING"],
            arguments=[[key, values] for key, values in request.GET.lists()],
            cookies=request.COOKIES,
            url=request.build_absolute_uri(),
            link=get_script_prefix(),
            client=request.META["REMOTE_ADDR"],
        ),
        content_type="application/json",
    )


class Urls:
    """One view for everything."""

    urlpatterns = [re_path(r"(?s).*", answer)]  # noqa: RUF012 (as Django has it)


settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=Urls, SECRET_KEY="for tests")
django.setup()
wsgi = get_wsgi_application()
asgi = get_asgi_application()
