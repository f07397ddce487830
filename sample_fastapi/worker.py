"""What a queue brings: parcels that were scanned somewhere. lambdify.toml names the queue."""

import json
import logging

from lambdify.adapter.records import each

log = logging.getLogger("parcels")


@each
def work(record: dict, _context: object) -> None:
    """Note one scan. A message that is none raises, and comes again; the others of its batch do not."""
    scan = json.loads(record["body"])
    log.warning("scanned: %s in %s", scan["label"], scan["town"])
