"""Files that start the app on a server: what stands in lambdify.toml, and what is told of the rest."""

import json

import pytest

PROCFILE = """\
# of Heroku
web: gunicorn app:app --timeout 120 --workers 3
release: python manage.py migrate --noinput && echo $DONE
worker: celery -A shop worker
clock: python clock.py
"""
FLY = """\
app = "kiosk"
primary_region = "fra"
[env]
LOG = "info"
API_KEY = "k3k3k3k3k3"
[deploy]
release_command = "python migrate.py"
[http_service]
internal_port = 8080
[[http_service.checks]]
path = "/healthz"
[[vm]]
memory = "1gb"
[processes]
app = "gunicorn app:app"
jobs = "rq worker"
[mounts]
source = "data"
"""
APP_YAML = """\
runtime: python312
service: kiosk
instance_class: F2
entrypoint: gunicorn -t 20 app:app
env_variables: {LOG: info, DB_PASSWORD: hunter5hunter5}
handlers:
- {url: /static, static_dir: assets}
- {url: /.*, script: auto}
"""
VERCEL = json.dumps(
    {
        "functions": {"api/index.py": {"memory": 1024, "maxDuration": 60}},
        "crons": [{"path": "/api/cron", "schedule": "0 5 * * *"}],
        "regions": ["fra1"],
        "env": {"LOG": "info", "TOKEN": "@token"},
        "rewrites": [{"source": "/(.*)", "destination": "/api/index"}],
    }
)
DOCKERFILE = """\
FROM node:22 AS front
RUN apt-get update && apt-get install -y imagemagick
FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 LOG=info
ENV DB_PASSWORD hunter5hunter5
ENV BASE=/srv
ENV DATA=$BASE/data
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg gcc libpq-dev && rm -rf /var/lib/apt
EXPOSE 8000
CMD ["gunicorn", "--timeout", "25", "app:app"]
"""


def test_a_procfile(move):
    moved = move({"Procfile": PROCFILE})
    loaded = moved.load()
    assert (loaded.app, loaded.function.timeout) == ("app:app", 120)
    assert loaded.release.command == "sh -c 'python manage.py migrate --noinput && echo $DONE'"
    assert "[tasks] workers" in moved.fate("worker")[1]
    assert "schedule" in moved.fate("clock")[1]
    assert moved.fate("web")[0] == "needless"


def test_a_password_in_a_command_is_not_copied(move):
    moved = move({"Procfile": "release: DB=postgres://anna:s3cr3tw0rd@db.shop.dev/shop python migrate.py\n"})
    assert (moved.fate("release")[0], moved.load().release.command) == ("by hand", "")
    assert "s3cr3tw0rd" not in moved.text + moved.story


def test_fly(move):
    moved = move({"fly.toml": FLY})
    loaded = moved.load()
    assert (loaded.full_name, loaded.function.memory) == ("kiosk-dev", 1024)
    assert (loaded.release.command, loaded.release.smoke) == ("python migrate.py", "/healthz")
    assert (loaded.environment, list(loaded.secrets)) == ({"LOG": "info"}, ["API_KEY"])
    assert moved.fate("processes.jobs")[0] == moved.fate("mounts")[0] == "by hand"
    assert "k3k3k3k3k3" not in moved.text + moved.story


def test_app_engine(move):
    moved = move({"app.yaml": APP_YAML, "assets/a.css": ""})
    loaded = moved.load()
    assert (loaded.name, loaded.function.python, loaded.function.memory) == ("kiosk", "3.12", 768)
    assert (loaded.function.timeout, loaded.environment, list(loaded.secrets)) == (
        20,
        {"LOG": "info"},
        ["DB_PASSWORD"],
    )
    assert 'folders]\n"/static" = "assets"\n' in moved.text


def test_an_app_yaml_of_something_else_is_left_alone(move):
    assert move({"app.yaml": "name: kiosk\nservices: []\n"}).settings == {}


def test_pages_for_signed_in_users_are_not_opened(move):
    text = "runtime: python313\nhandlers: [{url: /.*, login: required, script: auto}]\n"
    assert move({"app.yaml": text}).load().http.auth == "iam"


def test_vercel(move):
    moved = move({"vercel.json": VERCEL})
    loaded = moved.load()
    assert (loaded.function.memory, loaded.function.timeout, loaded.region) == (1024, 60, "eu-central-1")
    assert (loaded.environment, list(loaded.secrets)) == ({"LOG": "info"}, ["TOKEN"])
    assert 'cron = "0 5 * * *"' in moved.fate("crons: /api/cron")[1]
    assert moved.fate("rewrites")[0] == "by hand"


def test_a_dockerfile(move):
    moved = move({"Dockerfile": DOCKERFILE})
    loaded = moved.load()
    assert (loaded.app, loaded.function.timeout) == ("app:app", 25)
    assert (loaded.environment, list(loaded.secrets)) == (
        {"LOG": "info", "DATA": "/srv/data", "BASE": "/srv"},
        ["DB_PASSWORD"],
    )
    assert moved.fate("RUN")[1].startswith("ffmpeg: ")
    assert "imagemagick" not in moved.story
    assert "hunter5" not in moved.text + moved.story


def test_of_several_the_first_to_say_something_counts(move):
    moved = move({"fly.toml": FLY, "Procfile": PROCFILE, "Dockerfile": DOCKERFILE})
    loaded = moved.load()
    assert (loaded.release.command, loaded.function.timeout) == ("python migrate.py", 120)
    assert moved.fate("release") == ("needless", "fly.toml says so, too, and counts")


def test_beside_a_tool_of_aws_they_are_not_read(move):
    moved = move({"Procfile": PROCFILE, "zappa_settings.json": '{"dev": {"app_function": "app.app"}}'})
    assert moved.load("dev").release.command == ""
    assert "Not read beside zappa_settings.json: Procfile" in moved.story


def test_one_of_them_may_be_chosen(move):
    files = {"Procfile": PROCFILE, "zappa_settings.json": '{"dev": {"app_function": "app.app"}}'}
    assert move(files, only="Procfile").load().function.timeout == 120


@pytest.mark.parametrize("text", ["FROM python:3.12\n", "\n", "# nothing\n"])
def test_what_says_nothing_is_not_told(move, text):
    moved = move({"Dockerfile": text})
    assert (moved.settings, "Dockerfile" in moved.text + moved.story) == ({}, False)


@pytest.mark.parametrize("value", ["1", "[]", '"x"', "null", "[1]"])
@pytest.mark.parametrize("key", ["functions", "crons", "regions", "env"])
def test_a_part_of_another_form_is_no_error(move, key, value):
    assert move({"vercel.json": f'{{"{key}": {value}}}'}).load().app == "app:app"


@pytest.mark.parametrize("value", ["1", "[1]", '"x"', "{}"])
@pytest.mark.parametrize("key", ["env", "deploy", "http_service", "processes", "vm", "checks", "app"])
def test_nor_is_one_of_flys(move, key, value):
    assert move({"fly.toml": f"{key} = {value}\n"}).load().app == "app:app"
