"""What Django's settings name by texts that are made of others: read right, or left alone."""

import pytest

from lambdify.cli.detection import candidate, imports
from lambdify.cli.detection.project import Project

WSGI = """\
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""

CASES = [
    # Read right.
    ("INSTALLED_APPS = ['debug_' + 'toolbar']", {"debug_toolbar"}),
    ("INSTALLED_APPS = ['a', 'debug' + '_' + 'toolbar']", {"a", "debug_toolbar"}),
    ("NAME = 'debug'\nINSTALLED_APPS = [NAME + '_toolbar']", {"debug_toolbar"}),
    ("A = 'debug_'\nB = 'toolbar'\nINSTALLED_APPS = [A + B]", {"debug_toolbar"}),
    ("NAME = 'debug'\nINSTALLED_APPS = [f'{NAME}_toolbar']", {"debug_toolbar"}),
    ("INSTALLED_APPS = ['%s_toolbar' % 'debug']", {"debug_toolbar"}),
    ("INSTALLED_APPS = ['%s_%s' % ('debug', 'toolbar')]", {"debug_toolbar"}),
    ("INSTALLED_APPS = ['{}_toolbar'.format('debug')]", {"debug_toolbar"}),
    ("INSTALLED_APPS = ['{kind}_toolbar'.format(kind='debug')]", {"debug_toolbar"}),
    ("INSTALLED_APPS = ['_'.join(['debug', 'toolbar'])]", {"debug_toolbar"}),
    ("INSTALLED_APPS = 'a b'.split()", {"a", "b"}),
    ("INSTALLED_APPS = ['a'] + 'b,c'.split(',')", {"a", "b", "c"}),
    ("INSTALLED_APPS = []\nINSTALLED_APPS += ['debug_' + 'toolbar']", {"debug_toolbar"}),
    ("INSTALLED_APPS = []\nINSTALLED_APPS.append('debug_' + 'toolbar')", {"debug_toolbar"}),
    ("INSTALLED_APPS = []\nINSTALLED_APPS.insert(0, f'debug_toolbar')", {"debug_toolbar"}),
    ("INSTALLED_APPS = [f'debug_{name}' for name in ('toolbar', 'panel')]", {"debug_toolbar", "debug_panel"}),
    ("OTHERS = ['x', 'y']\nINSTALLED_APPS = ['debug_' + o for o in OTHERS]", {"debug_x", "debug_y"}),
    ("INSTALLED_APPS = [name for name in ('a', 'b')]", {"a", "b"}),
    ("LIST = ['debug_' + 'toolbar']\nINSTALLED_APPS = ['a', *LIST]", {"a", "debug_toolbar"}),
    ("MIDDLEWARE = ['debug_' + 'toolbar.middleware.Panel']", {"debug_toolbar"}),
    ("ROOT_URLCONF = 'other_' + 'site.urls'", {"other_site"}),
    # It depends.
    ("INSTALLED_APPS = []\nwith suppress(ImportError):\n    INSTALLED_APPS.append('debug_toolbar')",
     {"?debug_toolbar"}),
    ("INSTALLED_APPS = []\nif DEBUG:\n    INSTALLED_APPS.append('debug_' + 'toolbar')", {"?debug_toolbar"}),
    ("INSTALLED_APPS = ['a', *(['debug_' + 'toolbar'] if DEBUG else [])]", {"a", "?debug_toolbar"}),
    ("INSTALLED_APPS = ['a'] + ['b'] * DEBUG", {"a", "?b"}),
    ("INSTALLED_APPS = ['a', 'debug_toolbar']\nINSTALLED_APPS.remove('debug_' + 'toolbar')",
     {"a", "?debug_toolbar"}),
    ("INSTALLED_APPS = ['a', 'b']\ndel INSTALLED_APPS[1]", {"?a", "?b"}),
    ("INSTALLED_APPS = ['a', 'b']\nINSTALLED_APPS.pop()", {"?a", "?b"}),
    ("ALL = ['a', 'b']\nINSTALLED_APPS = ALL[1:]", {"?a", "?b"}),
    ("ALL = {'a', 'b'}\nINSTALLED_APPS = ALL - {'b'}", {"?a", "?b"}),
    # Left alone: nobody knows it before it runs.
    ("INSTALLED_APPS = ['a', 'debug_' + os.environ['KIND']]", {"a"}),
    ("INSTALLED_APPS = ['a', f'debug_{os.environ[\"KIND\"]}']", {"a"}),
    ("INSTALLED_APPS = ['a', 'x' + NAME]\nif DEBUG:\n    NAME = 'y'\nelse:\n    NAME = 'z'", {"a"}),
    ("INSTALLED_APPS = ['a', '%s_toolbar' % KIND]", {"a"}),
    ("INSTALLED_APPS = ['a', '{}_toolbar'.format(kind())]", {"a"}),
    ("INSTALLED_APPS = ['a', f'{1:>3}']", {"a"}),
    ("INSTALLED_APPS = ['a', *('debug_' + name for name in names())]", {"a"}),
    ("INSTALLED_APPS = ['a', *map('debug_{}'.format, ['toolbar'])]", {"a"}),
    ("INSTALLED_APPS = ['a', *[make(name) for name in ('x', 'y')]]", {"a"}),
    ("INSTALLED_APPS = ['a']\nfor name in ('x', 'y'):\n    INSTALLED_APPS.append('debug_' + name)", {"a"}),
    ("INSTALLED_APPS = ['a', '.'.join(PARTS)]\nPARTS = ['x', part()]", {"a"}),
    ("NAME = NAME + 'x'\nINSTALLED_APPS = ['a', 'x' + NAME]", {"a"}),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "expected"), CASES)
def test_what_computed_texts_name(project, settings, expected):
    root = project({"shop/__init__.py": "", "shop/wsgi.py": WSGI, "shop/settings.py": settings + "\n"})
    read = Project(root)
    found = imports.by_module(imports.of(read, candidate.find(read)[0]))
    named = {f"{'?' if each.guarded else ''}{name}" for name, each in found.items()}
    assert named - {"django", "os"} == expected
