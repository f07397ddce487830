"""The nightly report: a function that a schedule calls. lambdify.toml says when."""

import logging
from contextlib import closing

import mail
import storage

log = logging.getLogger("app.report")


def nightly(_event: dict, _context: object) -> dict[str, int]:
    """Mail the totals to the bookkeeping; cents per currency."""
    with closing(storage.open_receipts()) as receipts:
        totals = receipts.totals()
    lines = [f"{cents // 100}.{cents % 100:02} {currency}" for currency, cents in totals.items()]
    log.info("the nightly report: %s", ", ".join(lines) or "no receipts")
    mail.send.enqueue("What was spent so far", "\n".join(lines) or "Nothing.")
    return totals
