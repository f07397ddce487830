"""Mails to the bookkeeping, in the background: no visitor waits, and a busy server is asked again."""

import logging
import os
import smtplib
from email.message import EmailMessage

from lambdify.adapter.tasks import task

log = logging.getLogger("app.mail")


@task(max_attempts=5, backoff=1)
def send(subject: str, text: str) -> None:
    """Send a mail by the server that MAIL_SERVER names; without one it is only logged."""
    server = os.environ.get("MAIL_SERVER")
    if not server:
        log.info("a mail that nobody sends, since MAIL_SERVER is not set: %s", subject)
        return
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "receipts@example.org"
    message["To"] = os.environ.get("BOOKKEEPING", "bookkeeping@example.org")
    message.set_content(text)
    with smtplib.SMTP(server, timeout=10) as connection:
        connection.send_message(message)
    log.info("mail sent: %s", subject)
