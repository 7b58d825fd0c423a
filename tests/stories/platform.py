"""One platform and one of its users, over REST only; time passes on the user's sandbox clock."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.test import Client

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ids import new_id
from billing.insights import audit
from tests import factories
from tests.stories.quick_cog import QuickCog

PATIENCE_SECONDS = 30
ENDS = ("succeeded", "failed", "canceled", "expired")
PROMPT = {"inputs": {"prompt": "a kite over the sea", "image_url": "https://example.com/kite.png"}}


@dataclass
class Platform:
    """What a frontend and the platform's own server can do; nothing else.

    Attributes:
        surface: the way in that the user's token names; "" for the catalog's usual one.
    """

    user: str
    account: Account
    service_key: str
    cog: QuickCog
    surface: str = ""
    client: Client = field(default_factory=Client)

    # -- the user ----------------------------------------------------------------------------
    def get(self, path: str) -> Any:  # noqa: ANN401 (JSON)
        """Read what stands at an address."""
        response = self.client.get(path, headers=self._user())
        assert response.status_code == 200, response.content
        return response.json()

    def post(self, path: str, body: object = None, *, status: int) -> Any:  # noqa: ANN401 (JSON)
        """Send a body and return the answer, which has this status."""
        response = self.client.post(
            path,
            body if body is not None else {},
            content_type="application/json",
            headers=self._user() | {"Idempotency-Key": new_id("key")},
        )
        assert response.status_code == status, (response.status_code, response.content)
        return response.json()

    def quote(self, **spec: object) -> dict[str, Any]:
        """Ask what an order costs."""
        told: dict[str, Any] = self.post("/v1/quotes", PROMPT | spec, status=200)
        return told

    def unpriced(self, **spec: object) -> None:
        """Ask for what has no price."""
        problem = self.post("/v1/quotes", PROMPT | spec, status=422)
        assert problem["code"] == "unpriced", problem

    def submit(self, **spec: object) -> dict[str, Any]:
        """Order, and return the job as it is at once."""
        job: dict[str, Any] = self.post("/v1/jobs", PROMPT | spec, status=201)
        return job

    def order(self, **spec: object) -> dict[str, Any]:
        """Order, and return the job once it has ended."""
        return self.wait(self.submit(**spec))

    def wait(self, job: dict[str, Any], *statuses: str) -> dict[str, Any]:
        """Return the job once it has ended, or has one of these statuses."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while job["status"] not in (statuses or ENDS):
            assert time.monotonic() < ends_at, job
            time.sleep(0.02)
            job = self.get(f"/v1/jobs/{job['id']}")
        return job

    def paid(self, **spec: object) -> str:
        """Order a video that succeeds; return what it took."""
        job = self.order(**spec)
        assert job["status"] == "succeeded", job["error"]
        return str(job["credits"]["captured"])

    def failed(self, why: str, **spec: object) -> dict[str, Any]:
        """Order a video that the backend fails to make with these words; return the job."""
        self.cog.fails = why
        job = self.order(**spec)
        self.cog.fails = ""
        assert job["status"] == "failed", job
        return job

    def busy(self, number: int, **spec: object) -> list[dict[str, Any]]:
        """Order so many at once; return the jobs while the backend works on all of them."""
        self.cog.pause()
        before = len(self.cog.orders)
        jobs = [self.submit(**spec) for _ in range(number)]
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while len(self.cog.orders) < before + number:
            assert time.monotonic() < ends_at, "the backend was not given them all"
            time.sleep(0.02)
        return jobs

    def refused(self, code: str, **spec: object) -> dict[str, Any]:
        """Order what is refused with this code; nothing moves."""
        before = self.balance()
        response = self.client.post(
            "/v1/jobs",
            PROMPT | spec,
            content_type="application/json",
            headers=self._user() | {"Idempotency-Key": new_id("key")},
        )
        problem: dict[str, Any] = response.json()
        assert problem.get("code") == code, (response.status_code, problem)
        assert self.balance() == before
        return problem

    def spend_all(self, **spec: object) -> int:
        """Order the same again and again until the wallet is short; return how many were made."""
        made = 0
        while self.quote(**spec)["admissible"]:
            self.paid(**spec)
            made += 1
            assert made < 500, "the wallet does not get emptier"
        self.refused("insufficient_credits", **spec)
        return made

    def balance(self) -> str:
        """Read what may be spent."""
        return str(self.get("/v1/balance")["available"])

    def has(self, source: str) -> str:
        """Read what may be spent of the credits from one source."""
        return str(self.get("/v1/balance")["by_source"].get(source, "0"))

    def left(self, allowance: str) -> str:
        """Read how many counted units of an allowance are left."""
        [counted] = [one for one in self.get("/v1/balance")["counted"] if one["code"] == allowance]
        return str(counted["left"])

    def activate_all(self) -> None:
        """Bring into effect each pack that waits for it."""
        for waiting in self.get("/v1/balance")["waiting"]:
            self.post(f"/v1/pack-purchases/{waiting['purchase']}/activate", status=200)

    def check_in(self) -> dict[str, Any]:
        """Claim today's free credits."""
        grant: dict[str, Any] = self.post("/v1/check-in", status=200)
        return grant

    def redeem(self, code: str) -> dict[str, Any]:
        """Redeem a code."""
        redemption: dict[str, Any] = self.post("/v1/redemptions", {"code": code}, status=201)
        return redemption

    # -- the platform's own server -----------------------------------------------------------
    def subscribe(self, plan: str, interval: str = "", currency: str = "") -> dict[str, Any]:
        """Say that the user is on a plan, at a price or given."""
        price = {"interval": interval, "currency": currency} if interval else {}
        return self.serve("put", "/v1/subscription", {"plan": plan, **price}, status=200)

    def sell(self, pack: str, quantity: int = 1) -> str:
        """Say that the user has bought packs; return what he paid for them."""
        sold = {"pack": pack, "quantity": quantity}
        paid = self.serve("post", "/v1/grants", sold, status=201)["paid"]
        return f"{paid['amount']} {paid['currency']}" if paid else ""

    def not_sold(self, code: str, pack: str, quantity: int = 1) -> None:
        """Try to sell a pack that is refused with this code; nothing moves."""
        before = self.balance()
        status = 403 if code == "not_entitled" else 422
        sold = {"pack": pack, "quantity": quantity}
        problem = self.serve("post", "/v1/grants", sold, status=status)
        assert problem["code"] == code, problem
        assert self.balance() == before

    def live_in(self, region: str, currency: str = "") -> None:
        """Say where the user buys, and in which currency."""
        place = {"region": region, "currency": currency}
        self.serve("patch", f"/v1/accounts/{self.user}", place, status=200)

    def with_user(self, name: str) -> "Platform":
        """Return the platform as another of its users sees it."""
        return replace(self, user=name, account=factories.new_account(name), surface="")

    def serve(
        self, method: str, path: str, body: Mapping[str, object], *, status: int
    ) -> dict[str, Any]:
        """Call as the platform's server, for the user."""
        response = getattr(self.client, method)(
            path,
            dict(body),
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {self.service_key}",
                "Idempotency-Key": new_id("key"),
                "X-Account": self.user,
            },
        )
        assert response.status_code == status, (response.status_code, response.content)
        answer: dict[str, Any] = response.json()
        return answer

    # -- time --------------------------------------------------------------------------------
    def pass_time(self, **delta: float) -> datetime:
        """Let time pass for the user; return the instant of its wallet."""
        return factories.later(self.account, timedelta(**delta))

    def audit(self) -> None:
        """Assert that every invariant holds."""
        connection.check_constraints()
        assert [str(breach) for breach in audit.breaches()] == []

    def _user(self) -> dict[str, str]:
        token = tokens.sign(
            self.user,
            lifetime=timedelta(hours=1),
            is_sandbox=True,
            surface=self.surface,
            now=datetime.now(UTC),
        )
        return {"Authorization": f"Bearer {token}"}
