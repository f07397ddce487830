"""A Django project with tasks, by Django's own or by the package for the releases before it.

It runs in a process of its own: `run(code)` writes what `code` prints as its last line, as JSON.
"""

SETTINGS = """
import json, os, sys
import django
from django.conf import settings
OWN = django.VERSION >= (6, 0)
settings.configure(
    SECRET_KEY="x",
    USE_TZ=True,
    TIME_ZONE="UTC",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[] if OWN else ["django_tasks"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TASKS={"default": {"BACKEND": "lambdify.adapter.django_tasks.SQSBackend"}},
)
django.setup()
urlpatterns = []
from django.core.wsgi import get_wsgi_application
app = get_wsgi_application()
if OWN:
    from django.tasks import signals
else:
    from django_tasks import signals

heard = []
signals.task_enqueued.connect(lambda task_result, **_: heard.append("enqueued"), weak=False)
signals.task_started.connect(lambda task_result, **_: heard.append("started"), weak=False)
signals.task_finished.connect(lambda task_result, **_: heard.append(str(task_result.status)), weak=False)

from lambdify.adapter import Adapter
from lambdify.adapter.functions import Functions
from types import SimpleNamespace
import shop_tasks as shop

def work(body, number=1):
    context = SimpleNamespace(
        aws_request_id="42",
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:shop-dev-tasks:tasks",
        get_remaining_time_in_millis=lambda: 10_000,
    )
    record = {
        "messageId": "m-1", "receiptHandle": "handle", "body": body, "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": str(number), "SentTimestamp": "1700000000123"},
    }
    route = Functions({"tasks": {"attempts": 5}}, Adapter(app)).before(None)
    return len(route({"Records": [record]}, context)["batchItemFailures"])

def tell(*said):
    print(json.dumps(said))
"""
TASKS = """
import django
if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task

sent = []

@task
def send(order, *, to="all"):
    sent.append([order, to])
    return {"sent": order}

@task
async def send_later(order):
    sent.append(order)
    return order

@task(max_attempts=3, backoff=30)
def fail(order):
    raise LookupError(f"no order {order}")

@task(takes_context=True)
def note(context, word):
    sent.append([context.attempt, context.task_result.id, len(context.task_result.errors), word])

def no_task():
    sent.append("no task")
"""
