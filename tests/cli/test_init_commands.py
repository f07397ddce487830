"""lambdify init: a Django project gets a Lambda for commands, others get none."""

import pytest

from lambdify.cli import settings
from lambdify.cli.init import init

MANAGE = """
import os
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""
DJANGO = {"manage.py": MANAGE, "shop/wsgi.py": WSGI, "shop/settings.py": "", "shop/__init__.py": ""}
FLASK = {"app.py": "from flask import Flask\napp = Flask(__name__)\n"}


@pytest.mark.parametrize(("files", "timeout"), [(DJANGO, 900), (FLASK, 0), ({}, 0)])
def test_only_a_django_project_has_a_lambda_for_commands(project, console, story, files, timeout):
    root = project(files)
    path = init(root, console)
    loaded = settings.load(root)
    assert loaded.commands.timeout == timeout
    assert loaded.commands.memory == 1024
    assert ("\ntimeout = 900\n" in path.read_text()) == bool(timeout)
    assert ("`lambdify manage STAGE migrate`" in story.getvalue()) == bool(timeout)
