"""What the queue brings."""

import json

import worker


def message(identity: str, body: str) -> dict:
    return {"messageId": identity, "eventSource": "aws:sqs", "attributes": {}, "body": body}


def test_a_message_that_is_no_scan_comes_again_and_no_other(caplog):
    scan = json.dumps({"label": "17", "town": "Brno"})
    answer = worker.work({"Records": [message("a", "nonsense"), message("b", scan)]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    assert "scanned: 17 in Brno" in caplog.messages
