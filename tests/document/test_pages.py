"""Every list of the document, walked while it grows: no row is seen twice, and none is left out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts import scopes, tokens
from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from billing.http import openapi
from billing.ids import new_id
from billing.outbox import gateway
from plans.catalog import publish
from tests import factories
from tests.architecture.test_document import operations_of

_SHOP: Final = Path(__file__).with_name("shop.toml")
_GIFT: Final = {"credits": "1000", "source": "promotion", "reason": "a beginning"}
_VIDEO: Final = {"model": "vivid-1", "inputs": {"prompt": "a kite"}}
# Rows of these come by Stripe's word, or with the months; the same code pages them.
BY_OTHERS: Final = {"list_invoices", "list_purchases", "list_refunds", "list_statements"}


class Desk:
    """Ada, who has a studio, and the platform's own server; both in the sandbox."""

    def __init__(self) -> None:
        self._client = Client(raise_request_exception=False)
        _key, self._secret = create_api_key(
            "platform", list(scopes.ALL), is_sandbox=True, now=datetime.now(UTC)
        )
        self.ada: Account = factories.new_account("ada")
        self.server(
            "put", "/v1/subscription", {"plan": "pro", "interval": "P1M", "currency": "USD"}
        )
        self.server("post", "/v1/grants", _GIFT)
        self.studio: str = self.post("/v1/organizations", {"name": "Studio"})["id"]
        self.server("post", "/v1/grants", _GIFT, account=self.studio)
        self.endpoint: str = self._make_endpoint()["id"]
        invited = self.post(f"{self.at}/members", {"account": "cleo"})
        self.post(f"/v1/invitations/{invited['id']}/accept", name="cleo")

    @property
    def at(self) -> str:
        """Where the studio stands."""
        return f"/v1/organizations/{self.studio}"

    def get(self, path: str, name: str) -> Any:  # noqa: ANN401 (JSON)
        """Read as a person, or as the platform's server."""
        return self._ask("get", path, None, {"Authorization": self._proof_of(name)})

    def post(self, path: str, body: object = None, *, name: str = "ada") -> Any:  # noqa: ANN401 (as above)
        """Send something as a person."""
        return self._ask("post", path, body, {"Authorization": self._proof_of(name)})

    def server(self, method: str, path: str, body: object, *, account: str = "ada") -> Any:  # noqa: ANN401 (as above)
        """Send something as the platform's server, for an account."""
        proof = {"Authorization": self._proof_of("platform"), "X-Account": account}
        return self._ask(method, path, body, proof)

    # -- one more of each ------------------------------------------------------------------------
    def grow(self, operation: str) -> None:
        """Make one more row of a list."""
        makers: dict[str, Callable[[], object]] = {
            "list_allotments": self._lend,
            "list_debts": lambda: factories.owe(self.ada, 1),
            "list_entries": self._give,
            "list_grants": self._give,
            "list_invitations": self._invite_by_a_stranger,
            "list_jobs": lambda: self.post("/v1/jobs", _VIDEO),
            "list_members": self._invite,
            "list_organization_allotments": self._lend,
            "list_organizations": lambda: self.post("/v1/organizations", {"name": "Another"}),
            "list_pack_purchases": lambda: self.server("post", "/v1/grants", {"pack": "weekend"}),
            "list_test_clocks": lambda: self.server("post", "/v1/test-clocks", {}),
            "list_transfers": self._transfer,
            "list_webhook_deliveries": lambda: self.post(f"{self._hook}/test"),
            "list_webhook_endpoints": self._make_endpoint,
        }
        makers[operation]()

    def path_of(self, operation: str) -> tuple[str, str]:
        """Return where a list stands, and who reads it."""
        special = {
            "list_allotments": ("/v1/allotments", "cleo"),
            "list_entries": ("/v1/ledger", "ada"),
            "list_members": (f"{self.at}/members", "ada"),
            "list_organization_allotments": (f"{self.at}/allotments", "ada"),
            "list_test_clocks": ("/v1/test-clocks", "platform"),
            "list_webhook_deliveries": (f"{self._hook}/deliveries", "ada"),
        }
        plain = operation.removeprefix("list_").replace("_", "-")
        return special.get(operation, (f"/v1/{plain}", "ada"))

    @property
    def _hook(self) -> str:
        return f"/v1/webhook-endpoints/{self.endpoint}"

    def _give(self) -> object:
        return self.server("post", "/v1/grants", _GIFT)

    def _lend(self) -> object:
        return self.post(f"{self.at}/allotments", {"account": "cleo", "credits": "1"})

    def _invite(self) -> object:
        return self.post(f"{self.at}/members", {"account": new_id("guest")})

    def _invite_by_a_stranger(self) -> object:
        made = self.post("/v1/organizations", {"name": "Elsewhere"}, name="ben")
        members = f"/v1/organizations/{made['id']}/members"
        return self.post(members, {"account": "ada"}, name="ben")

    def _transfer(self) -> object:
        return self.post("/v1/transfers", {"to": "cleo", "credits": "1"})

    def _make_endpoint(self) -> Any:  # noqa: ANN401 (as above)
        return self.post(
            "/v1/webhook-endpoints", {"url": f"https://{new_id('x')[2:]}.example/hook"}
        )

    def _proof_of(self, name: str) -> str:
        if name == "platform":
            return f"Bearer {self._secret}"
        lifetime = timedelta(hours=1)
        token = tokens.sign(name, lifetime=lifetime, is_sandbox=True, now=datetime.now(UTC))
        return f"Bearer {token}"

    def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 (as above)
        answer = getattr(self._client, method)(
            path,
            **({} if method == "get" else {"data": body or {}, "content_type": "application/json"}),
            headers={**headers, "Idempotency-Key": new_id("key")},
        )
        assert answer.status_code < 300, (method, path, answer.content)
        return answer.json()


@pytest.fixture
def desk(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A platform that nobody works for."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["*"],
            "concurrency": 2,
            "sandbox": True,
        }
    }
    publish.publish(_SHOP, now=datetime.now(UTC))
    return Desk()


def lists() -> list[str]:
    """Return every list of the document whose rows the API itself makes."""
    names = {operation.facts["operationId"] for operation in operations_of(openapi.document())}
    return sorted({name for name in names if name.startswith("list_")} - BY_OTHERS)


@pytest.mark.parametrize("operation", lists())
def test_a_walk_sees_what_was_there_once_whatever_comes_meanwhile(
    operation: str, desk: Desk
) -> None:
    path, reader = desk.path_of(operation)
    for _row in range(3):
        desk.grow(operation)
    before = desk.get(f"{path}?limit=100", reader)["data"]
    assert len(before) >= 3

    page = desk.get(f"{path}?limit=2", reader)
    seen = page["data"]
    while page["next"]:
        desk.grow(operation)
        page = desk.get(f"{path}?limit=2&cursor={page['next']}", reader)
        seen += page["data"]

    assert [_name_of(row) for row in seen] == [_name_of(row) for row in before]
    assert len(desk.get(f"{path}?limit=100", reader)["data"]) > len(before)


def _name_of(row: Mapping[str, Any]) -> str:
    return str(row["id"])
