"""Where packs are bought while something is destroyed: the API, and our emulator of Stripe."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from billing.accounts import tokens
from billing.accounts.services import create_api_key
from billing.ledger.models import Grant, Wallet
from billing.payments.models import Purchase, Refund
from config.embedded.environment import ROOT
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.faults.books import Told, told_by
from tests.jobs import shop
from tests.kills import blowing
from tests.stripe_peer import driver
from tests.stripe_peer.driver import Peer

CREDITS: Final = 100
# Nothing of it ends within the days by which a clock leaps: what ends by the database's clock
# ends by one that is wrong, too.
_PACKS: Final = f"""
[payments]
methods = {{ USD = ["card"] }}

[payments.cooling_off]
within = "P90D"

[[pack]]
code = "plain"
name = {{ en = "Plain", zh = "普通包" }}
credits = "{CREDITS}"
expiry = "never"
prices = [{{ currency = "USD", list = "10" }}]
"""
# As long as the longest fault takes, and the pauses before what failed is tried again.
_PATIENCE_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 0.3
_ENTITLED: Final = "  concurrency = 10000\n"
_BACK: Final = "https://app.example/back?page={CHECKOUT_SESSION_ID}"


class Kind(StrEnum):
    """How a buyer's rows differ from what he paid for."""

    LOST = "lost"
    DOUBLED = "doubled"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a buyer has, and should not have; or the other way round."""

    kind: Kind
    said: str


@dataclass(frozen=True)
class Shop:
    """A product that sells, and the emulator at which it is paid.

    Each wish is asked for under one key until it is known.
    """

    port: int
    peer: Peer
    secret: str

    def arrive(self, name: str) -> str:
        """Return the name of a new customer who has nothing."""
        factories.new_account(name, is_sandbox=False)
        return name

    def offer(self, name: str) -> str:
        """Return the address of the page on which somebody can pay for a pack."""
        body = {"pack": "plain", "success_url": _BACK}
        return str(self._ask("POST", "/v1/checkout-sessions", name, body)["url"])

    def buy(self, name: str) -> None:
        """Have somebody pay, and have the credits arrive."""
        self.pay(self.offer(name))
        self.wait_for(name)

    def pay(self, page: str) -> None:
        """Pay on a page: from now on Stripe knows it."""
        shown = self.peer.pay(page)
        assert shown.location, shown

    def wait_for(self, name: str) -> str:
        """Return somebody's one purchase, when it is here.

        Raises:
            TimeoutError: it does not come in time.
        """
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not (found := self._ask("GET", "/v1/purchases", name)["data"]):
            if time.monotonic() > ends_at:
                raise TimeoutError(f"What {name} has paid for did not come.")
            time.sleep(_LOOK_SECONDS)
        return str(found[0]["id"])

    def pay_back(self, name: str) -> None:
        """Have the platform pay somebody's one purchase back."""
        bought = self.wait_for(name)
        wish = {"purchase": bought, "rule": "cooling_off", "reason": "unwanted"}
        self._ask("POST", "/v1/refunds", name, wish, as_server=True)

    def wait_until_stripe_knows(self, name: str) -> None:
        """Return when somebody's refund has been asked for at Stripe: a worker does it.

        Raises:
            TimeoutError: it is not in time.
        """
        asked = Refund.objects.filter(purchase__account__external_id=name, stripe_id__gt="")
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not asked.exists():
            if time.monotonic() > ends_at:
                raise TimeoutError(f"Stripe was not asked to pay {name} back.")
            time.sleep(_LOOK_SECONDS)

    def pay_back_at_stripe(self, name: str) -> None:
        """Have somebody's one payment paid back in Stripe's Dashboard."""
        bought = Purchase.objects.get(account__external_id=name)
        self.peer.refund(bought.stripe_id)

    def differences(self, expected: Mapping[str, int]) -> Iterator[Difference]:
        """Yield where a buyer has not what Stripe knows, each thing once.

        Args:
            expected: of each buyer, how many purchases are paid and not paid back.
        """
        for name, kept in expected.items():
            wallet = Wallet.objects.filter(account__external_id=name).first()
            bought = Purchase.objects.filter(account__external_id=name)
            there = {
                "purchases": (bought.count(), 1),
                "grants": (Grant.objects.filter(wallet=wallet).count(), 1),
                "refunds": (Refund.objects.filter(purchase__in=bought).count(), 1 - kept),
            }
            for what, (found, due) in there.items():
                if found != due:
                    kind = Kind.LOST if found < due else Kind.DOUBLED
                    yield Difference(kind, f"{name} has {found} {what} instead of {due}")
            has = (wallet.available_micros, wallet.held_micros) if wallet else (0, 0)
            if has != (kept * CREDITS * MICROS, 0):
                yield Difference(Kind.WRONG, f"{name} has {has}, and paid for {kept} packs")

    def _ask(
        self,
        method: str,
        path: str,
        name: str,
        body: Mapping[str, str] | None = None,
        *,
        as_server: bool = False,
    ) -> dict[str, Any]:
        """Ask under one key until it is known; return what was answered.

        Raises:
            RuntimeError: it was refused, or is not known after all patience.
        """
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        told, known = self._once(method, path, name, body, as_server=as_server)
        while known == Told.UNKNOWN and time.monotonic() < ends_at:
            time.sleep(_AGAIN_SECONDS)
            told, known = self._once(method, path, name, body, as_server=as_server)
        if known != Told.ACKNOWLEDGED:
            raise RuntimeError(f"{method} {path} of {name} is {known}: {told}")
        return told

    def _once(
        self, method: str, path: str, name: str, body: Mapping[str, str] | None, *, as_server: bool
    ) -> tuple[dict[str, Any], Told]:
        token = self.secret
        if not as_server:
            token = tokens.sign(name, lifetime=timedelta(hours=6), now=datetime.now(UTC))
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": f"{path}-{name}",
            **({"X-Account": name} if as_server else {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as trouble:
            return {"trouble": repr(trouble)}, Told.UNKNOWN
        else:
            return told, told_by(answer.status, told)
        finally:
            connection.close()


def catalog() -> str:
    """Return the storms' catalog, with a pack that everybody may buy."""
    entitled = blowing.CATALOG.replace(_ENTITLED, f"{_ENTITLED}  packs = true\n")
    return f"{shop.HEAD}\n{shop.CREDIT}\n{entitled}\n{_PACKS}"


@contextmanager
def opened(port: int) -> Iterator[Shop]:
    """Have whoever is started while the block runs sell packs; what it sells is in force."""
    with driver.running() as peer:
        os.environ |= {
            "STRIPE_SECRET_KEY": peer.key,
            "STRIPE_API_BASE": peer.url,
            "STRIPE_WEBHOOK_SECRET": peer.secret,
        }
        now = datetime.now(UTC)
        publish.publish(catalog(), now=now)
        command("sync_prices")
        peer.listen(f"http://127.0.0.1:{port}/webhooks/stripe")
        _key, secret = create_api_key("till", ["grants:write", "jobs:write"], now=now)
        yield Shop(port, peer, secret)


def command(*words: str) -> tuple[int, str]:
    """Run one of the product's commands as an operator does; return its exit code and words."""
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "manage.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, f"{done.stdout}{done.stderr}".strip()
