"""A small server that speaks Stripe's protocol, on the loopback: lists, pages, and faults.

It knows nothing of the product. What it has is put in by the test; `faults` are used up one a
request, before anything is answered.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

Row = dict[str, Any]
LISTS: Final = ("payment_intents", "refunds", "disputes")
LIMIT: Final = 10


class Fault:
    """What a request is met with: a status, or silence."""

    def __init__(self, status: int = 500, *, kind: str = "api_error", hang: float = 0) -> None:
        self.status = status
        self.kind = kind
        self.hang = hang


class StripeServer:
    """One account at Stripe.

    Attributes:
        rows: what it has, the newest last; the lists give the newest first.
        asked: the paths and queries of all requests.
        between: done before each page but the first.
        page_max: gives so many a page at most, whatever is asked for.
    """

    def __init__(self, key: str = "sk_test_of_a_test") -> None:
        self.key = key
        self.rows: dict[str, list[Row]] = {name: [] for name in LISTS}
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.between: Callable[[], None] = lambda: None
        self.page_max = 100
        self.awake = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self.awake.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # -- what it has -------------------------------------------------------------------------

    def pay(
        self,
        name: str,
        *,
        amount: int,
        currency: str = "cny",
        created: int,
        paid: int | None = None,
        fact: str = "",
        status: str = "succeeded",
    ) -> Row:
        """Take a payment."""
        row = {
            "id": f"pi_{name}",
            "object": "payment_intent",
            "amount": amount,
            "amount_received": amount if status == "succeeded" else 0,
            "currency": currency,
            "created": created,
            "status": status,
            "metadata": {"linggan_fact": fact} if fact else {},
            "latest_charge": {
                "id": f"ch_{name}",
                "object": "charge",
                "created": created if paid is None else paid,
            },
        }
        self.rows["payment_intents"].append(row)
        return row

    def refund(self, payment: Row, *, amount: int, created: int, status: str = "succeeded") -> Row:
        """Pay back."""
        row = {
            "id": f"{payment['id'].replace('pi_', 're_')}_{len(self.rows['refunds'])}",
            "object": "refund",
            "amount": amount,
            "currency": payment["currency"],
            "created": created,
            "status": status,
            "payment_intent": payment["id"],
        }
        self.rows["refunds"].append(row)
        return row

    def dispute(self, payment: Row, *, created: int, status: str = "needs_response") -> Row:
        """Let a payment be contested."""
        row = {
            "id": payment["id"].replace("pi_", "dp_"),
            "object": "dispute",
            "amount": payment["amount"],
            "currency": payment["currency"],
            "created": created,
            "status": status,
            "payment_intent": payment["id"],
        }
        self.rows["disputes"].append(row)
        return row

    # -- how it answers ----------------------------------------------------------------------

    def answer(self, path: str, query: dict[str, list[str]], key: str) -> tuple[int, Row]:
        """Return the status and the body."""
        if key != self.key:
            return 401, _error("invalid_request_error", "Invalid API Key provided")
        name = path.removeprefix("/v1/")
        if name not in self.rows:
            return 404, _error("invalid_request_error", f"Unrecognized request URL ({path})")
        if "starting_after" in query:
            self.between()
        return self._page(name, query)

    def _page(self, name: str, query: dict[str, list[str]]) -> tuple[int, Row]:
        newest_first = sorted(
            enumerate(self.rows[name]), key=lambda one: (-one[1]["created"], -one[0])
        )
        least = int(query.get("created[gte]", ["0"])[0])
        most = int(query.get("created[lte]", [str(2**62)])[0])
        rows = [row for _place, row in newest_first if least <= row["created"] <= most]
        if (cursor := query.get("starting_after", [None])[0]) is not None:
            places = [place for place, row in enumerate(rows) if row["id"] == cursor]
            if not places:
                return 400, _error("invalid_request_error", f"No such object: '{cursor}'")
            rows = rows[places[0] + 1 :]
        limit = min(int(query.get("limit", [str(LIMIT)])[0]), self.page_max)
        expand = [what for words in query for what in query[words] if words.startswith("expand")]
        page = [self._shown(row, expand) for row in rows[:limit]]
        return 200, {
            "object": "list",
            "url": f"/v1/{name}",
            "has_more": len(rows) > limit,
            "data": page,
        }

    def _shown(self, row: Row, expand: list[str]) -> Row:
        """Return an object as it is told: what is not expanded is its id."""
        shown = dict(row)
        if isinstance(shown.get("latest_charge"), dict) and "data.latest_charge" not in expand:
            shown["latest_charge"] = shown["latest_charge"]["id"]
        if "data.payment_intent" in expand and shown.get("payment_intent"):
            known = {one["id"]: one for one in self.rows["payment_intents"]}
            shown["payment_intent"] = self._shown(known[shown["payment_intent"]], [])
        return shown

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stripe = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                address = urlsplit(self.path)
                query = parse_qs(address.query)
                stripe.asked.append((address.path, query))
                if stripe.faults:
                    fault = stripe.faults.pop(0)
                    if fault.hang:
                        stripe.awake.wait(fault.hang)
                        self.close_connection = True
                        return
                    self._send(fault.status, _error(fault.kind, "a fault"))
                    return
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                self._send(*stripe.answer(address.path, query, key))

            def _send(self, status: int, body: Row) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_words: Any) -> None:  # noqa: ANN401 (as in the library)
                """Say nothing: a test's output is for its failure."""

        return Handler


def _error(kind: str, message: str) -> Row:
    return {"error": {"type": kind, "message": message}}
