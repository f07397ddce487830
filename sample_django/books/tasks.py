"""What is done after the answer: tasks of Django's own."""

from django.conf import settings
from django.core.mail import send_mail

try:
    from django.tasks import task
except ImportError:  # before Django 6.0
    from django_tasks import task


@task
def announce(title: str, author: str) -> None:
    """Tell the librarian of a new book."""
    send_mail("A new book", f"{title} by {author} is on the shelf.", None, [settings.LIBRARIAN])
