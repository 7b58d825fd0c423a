"""People who buy packs while something is destroyed, at our emulator of Stripe, all over HTTP."""

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
from http import HTTPStatus
from typing import Any, Final

from billing.accounts import tokens
from billing.accounts.services import create_api_key
from billing.ledger.models import Grant, Wallet
from billing.payments.models import Purchase, Refund
from config.embedded.environment import ROOT
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.faults.field import Field
from tests.jobs import shop
from tests.kills import blowing
from tests.stripe_peer import driver
from tests.stripe_peer.driver import Peer

CREDITS: Final = 100
_PACKS: Final = f"""
[payments]
methods = {{ USD = ["card"] }}

[payments.cooling_off]
within = "P7D"

[[pack]]
code = "plain"
name = {{ en = "Plain", zh = "普通包" }}
credits = "{CREDITS}"
expiry = "P30D"
prices = [{{ currency = "USD", list = "10" }}]
"""
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
_ENTITLED: Final = "  concurrency = 10000\n"
_BACK: Final = "https://app.example/back?page={CHECKOUT_SESSION_ID}"


@dataclass(frozen=True)
class Shop:
    """A product that sells, and the emulator at which it is paid."""

    field: Field
    peer: Peer
    secret: str

    def arrive(self, name: str) -> str:
        """Return the name of a new customer who has nothing."""
        factories.new_account(name, is_sandbox=False)
        return name

    def offer(self, name: str) -> str:
        """Return the address of the page on which somebody can pay for a pack."""
        body = {"pack": "plain", "success_url": _BACK}
        return str(self._ask(name, "/v1/checkout-sessions", body)["url"])

    def buy(self, name: str) -> None:
        """Have somebody pay, and have the credits arrive."""
        self.peer.pay(self.offer(name))
        self.wait_for(name)

    def wait_for(self, name: str) -> None:
        """Return when somebody's purchase is here.

        Raises:
            TimeoutError: it does not come in time.
        """
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not Purchase.objects.filter(account__external_id=name).exists():
            if time.monotonic() > ends_at:
                raise TimeoutError(f"What {name} has paid for did not come.")
            time.sleep(_LOOK_SECONDS)

    def pay_back(self, name: str) -> None:
        """Have the platform pay somebody's one purchase back."""
        bought = Purchase.objects.get(account__external_id=name)
        wish = {"purchase": bought.pk, "rule": "cooling_off", "reason": "unwanted"}
        self._ask(name, "/v1/refunds", wish, as_server=True)

    def pay_back_at_stripe(self, name: str) -> None:
        """Have somebody's one payment paid back in Stripe's Dashboard."""
        bought = Purchase.objects.get(account__external_id=name)
        self.peer.refund(bought.stripe_id)

    def differences(self, expected: Mapping[str, int]) -> Iterator[str]:
        """Yield where a buyer has not what Stripe knows, each thing once.

        Args:
            expected: of each buyer, how many purchases are paid and not paid back.
        """
        for name, kept in expected.items():
            wallet = Wallet.objects.filter(account__external_id=name).first()
            has = (wallet.available_micros, wallet.held_micros) if wallet else (0, 0)
            if has != (kept * CREDITS * MICROS, 0):
                yield f"{name} has {has}, and paid for {kept} packs"
            rows = Purchase.objects.filter(account__external_id=name)
            if rows.count() != 1:
                yield f"{name} has {rows.count()} purchases, and paid once"
            given = Grant.objects.filter(wallet=wallet).count()
            if given != 1:
                yield f"{name} was given {given} times, and paid once"
            back = Refund.objects.filter(purchase__in=rows).count()
            if back != 1 - kept:
                yield f"{name} has {back} refunds"

    def _ask(
        self, name: str, path: str, body: Mapping[str, str], *, as_server: bool = False
    ) -> dict[str, Any]:
        token = self.secret
        if not as_server:
            token = tokens.sign(name, lifetime=timedelta(hours=6), now=datetime.now(UTC))
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
            "Idempotency-Key": f"{path}-{name}",
            **({"X-Account": name} if as_server else {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.field.port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        assert answer.status == HTTPStatus.CREATED, told
        return told


@contextmanager
def selling(field: Field) -> Iterator[Shop]:
    """Have the product sell packs while the block runs."""
    usual = f"{shop.HEAD}\n{shop.CREDIT}\n{blowing.CATALOG}"
    with driver.running() as peer:
        ours = {
            "STRIPE_SECRET_KEY": peer.key,
            "STRIPE_API_BASE": peer.url,
            "STRIPE_WEBHOOK_SECRET": peer.secret,
        }
        os.environ.update(ours)
        now = datetime.now(UTC)
        entitled = usual.replace(_ENTITLED, f"{_ENTITLED}  packs = true\n")
        publish.publish(f"{entitled}\n{_PACKS}", now=now)
        command("sync_prices")
        peer.listen(f"http://127.0.0.1:{field.port}/webhooks/stripe")
        field.start_anew()
        _key, secret = create_api_key("till", ["grants:write", "jobs:write"], now=now)
        try:
            yield Shop(field, peer, secret)
        finally:
            for name in ours:
                os.environ.pop(name)
            field.forget_connections()
            publish.publish(usual, now=datetime.now(UTC))
            field.start_anew()


def command(*words: str) -> tuple[int, str]:
    """Run one of the product's commands as an operator does; return its exit code and words."""
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "manage.py", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, f"{done.stdout}{done.stderr}".strip()
