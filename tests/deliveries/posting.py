"""Posts events to the inbox as Stripe does, and as strangers and broken wires do."""

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import stripe

from tests.deliveries.plan import Delivery, Forgery

_PATH: Final = "/webhooks/stripe"
_HOUR_SECONDS: Final = 3600
_TIMEOUT_SECONDS: Final = 60
_TRIES: Final = 50
_BUSY: Final = (429, 503)
_SECRETS: Final[Mapping[Forgery, str]] = {Forgery.SECRET: "whsec_of_a_stranger", Forgery.EMPTY: ""}
Event = dict[str, Any]


def message(event: Event, forgery: Forgery | None, *, secret: str) -> tuple[bytes, str]:
    """Return the body and the signature of a delivery; "": it has none."""
    told = dict(event)
    if forgery == Forgery.LIVE:
        told["livemode"] = True
    if forgery == Forgery.ACCOUNT:
        told["account"] = "acct_of_somebody_else"
    body = json.dumps(told, indent=2)
    at = int(time.time())
    if forgery == Forgery.OLD:
        at -= _HOUR_SECONDS
    if forgery == Forgery.FUTURE:
        at += _HOUR_SECONDS
    by = _SECRETS.get(forgery, secret) if forgery else secret
    signature = stripe.WebhookSignature.generate_signature_header(body, by, timestamp=at)
    if forgery == Forgery.BODY:
        body = body.replace('"livemode": false', '"livemode":  false', 1)
    if forgery == Forgery.CUT:
        body = body[: len(body) // 2]
    return body.encode(), "" if forgery == Forgery.NO_SIGNATURE else signature


def post_all(
    sent: Sequence[Delivery], events: Mapping[str, Event], *, port: int, secret: str, threads: int
) -> list[int]:
    """Send all deliveries by several threads, about in this order; return the answers, in it."""
    answers = [0] * len(sent)
    numbers = iter(range(len(sent)))
    lock = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            one = sent[number]
            body, signature = message(events[one.event], one.forgery, secret=secret)
            answers[number] = _post(connection, body, signature)

    workers = [threading.Thread(target=work) for _number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return answers


def _post(connection: http.client.HTTPConnection, body: bytes, signature: str) -> int:
    """Send one message, again while the service asks for patience, as Stripe would."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if signature:
        headers["Stripe-Signature"] = signature
    status = 0
    for _try in range(_TRIES):
        try:
            connection.request("POST", _PATH, body, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (http.client.HTTPException, OSError):
            connection.close()
            status = 0
        if status and status not in _BUSY:
            return status
        time.sleep(0.1)
    return status
