"""docs/a-year.md as a test reads it, and the life that its lines are about.

Ours is asked over REST, as a frontend does; on Stripe's pages somebody pays, as a payer does; and
one clock of the sandbox moves both times.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import reduce
from operator import mul
from pathlib import Path
from typing import Any, Final

from billing.notices.models import Notice
from billing.outbox.models import Message
from billing.payments import services
from billing.payments.models import Purchase
from billing.sandbox.models import TestClock
from tests import factories
from tests.payments import back
from tests.payments.till import BACK
from tests.stories.platform import Platform
from tests.stripe_peer.driver import GOOD, Peer

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PATIENCE_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.05
_LINE: Final = re.compile(r"^\| \d\d-\d\d \d\d:\d\d \|.*\|$", re.MULTILINE)
_CATALOG: Final = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CAME: Final = ("grant",)
_WENT: Final = ("capture", "expire", "lapse", "revoke", "repay")


@dataclass(frozen=True)
class Line:
    """One line of the table: what happens, and what the account has after it.

    Attributes:
        when: month, day, hour and minute, of UTC.
        does: a verb of `Life` and its words.
        money: what was paid since the line before; below zero: it went back.
        came, went: in credits, as sums: "3*10 + 300 = 330".
        stands: the plan, and whether it is past due.
        letters: the kinds of all that was written since the line before, sorted.
    """

    when: str
    does: str
    what: str
    money: str
    came: str
    went: str
    balance: str
    owed: str
    stands: str
    letters: str

    @property
    def figures(self) -> Sequence[str]:
        """All but the words."""
        return [self.when, self.does, self.money, self.came, self.went, self.balance, self.owed]


def lines(page: Path) -> list[Line]:
    """Return the lines of a page, from the first to the last."""
    found = _LINE.findall(page.read_text(encoding="utf-8"))
    return [Line(*(cell.strip() for cell in line.strip("|").split("|"))) for line in found]


def catalog(page: Path) -> str:
    """Return the catalog of a page."""
    [text] = _CATALOG.findall(page.read_text(encoding="utf-8"))
    return str(text)


def number(text: str) -> Decimal:
    """Return what a cell says: an amount, or what a sum comes to by its own word; empty: none."""
    return Decimal(text.rpartition("=")[2].strip().replace("\N{MINUS SIGN}", "-") or "0")


def reckoned(text: str) -> Decimal:
    """Return what the sum of a cell really comes to: "3*10 + 300 = 331" comes to 330."""
    terms = text.partition("=")[0].split("+") if text else []
    factors = [[Decimal(digits) for digits in re.findall(r"\d+", term)] for term in terms]
    return sum((reduce(mul, term) for term in factors), Decimal())


@dataclass
class Life:
    """Ada, her platform and her clock.

    Attributes:
        at: what her clock showed when it was moved last; before the first time it is the next
            first of March: a year from there has no 29th of February.
    """

    us: Platform
    peer: Peer
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: str = ""
    known: set[str] = field(default_factory=set)
    entries: int = 0

    def go(self, when: str) -> None:
        """Let time pass until an instant, and all that comes with it be done."""
        month, day, hour, minute = (int(digits) for digits in re.findall(r"\d+", when))
        at = self.at.replace(
            month=month, day=day, hour=hour, minute=minute, second=0, microsecond=0
        )
        self.at = at if at > self.at else at.replace(year=at.year + 1)
        if not self.clock:
            factories.later(self.us.account, self.at - datetime.now(UTC))
            self.clock = self.us.post("/v1/test-clocks", status=201)["id"]
        else:
            path, goal = f"/v1/test-clocks/{self.clock}", {"to": self.at.isoformat()}
            self.us.post(f"{path}/advance", goal, status=202)
            self._until(lambda: not TestClock.objects.filter(goal_at__isnull=False).exists())
            assert self.us.get(path)["status"] == "ready"
        self.settle()

    def do(self, does: str) -> None:
        """Do what a line says: a verb of this class, and its words."""
        verb, *words = does.strip("`").split()
        act: Callable[..., None] = getattr(self, verb)
        act(*words)
        self.settle()

    # -- the verbs of the page -----------------------------------------------------------------
    def wait(self) -> None:
        """Do nothing."""

    def film(self, seconds: str) -> None:
        """Have a film made; a second costs a credit."""
        assert self.us.paid(model="m", seconds=int(seconds)) == seconds

    def buy(self, plan: str) -> None:
        """Pay for a plan on Stripe's page."""
        wish = {"plan": plan, "interval": "P1M", "success_url": BACK}
        page = self.us.post("/v1/checkout-sessions", wish, status=201)
        assert self.peer.pay(page["url"], GOOD).status == 303

    def card(self, digits: str) -> None:
        """Leave another card in Stripe's portal."""
        wish = {"return_url": "https://app.example/back"}
        page = self.us.post("/v1/portal-sessions", wish, status=201)
        assert self.peer.pay(page["url"], digits, action="card").status == 303

    def pay(self, digits: str) -> None:
        """Pay the bill that is open, on its page."""
        bill = self.us.get("/v1/subscription")["payment"]["pay_url"]
        assert self.peer.pay(bill, digits).status == 303

    def change(self, plan: str, due: str = "0.00") -> None:
        """Go to another plan, for what the preview says that it costs now."""
        wish = {"plan": plan, "interval": "P1M"}
        shown = self.us.post("/v1/subscription/preview", wish, status=200)
        assert shown["due"]["amount"] == due
        self.us.post("/v1/subscription/change", {**wish, "preview": due}, status=201)

    def cancel(self) -> None:
        """Let the plan end with what is paid for."""
        self.us.post("/v1/subscription/cancel", status=201)

    def refund(self) -> None:
        """Have the last payment paid back: one operator requests it, another approves it."""
        newest = self.us.get("/v1/purchases")["data"][0]
        back.approve(back.ask(Purchase.objects.get(pk=newest["id"]), by="grace"), by="hedy")

    # -- what a line is compared with ----------------------------------------------------------
    def moved(self) -> tuple[Decimal, Decimal]:
        """Return which credits came and went since this was asked last, as the ledger has it."""
        told = self.us.get("/v1/ledger?limit=100")["data"]
        fresh = [one for one in told if one["seq"] > self.entries]
        assert len(fresh) < len(told) or not self.entries, "more than a page of them"
        self.entries = max([self.entries, *(one["seq"] for one in fresh)])
        came, went = (
            sum((Decimal(one["credits"]) for one in fresh if one["type"] in kinds), Decimal())
            for kinds in (_CAME, _WENT)
        )
        return came, went

    def paid(self) -> Decimal:
        """Return what was paid in all, and stayed."""
        told = self.us.get("/v1/purchases?limit=100")["data"]
        return sum(
            (Decimal(one["paid"]["amount"]) - Decimal(one["refunded"]["amount"]) for one in told),
            Decimal(),
        )

    def stands(self) -> str:
        """Return the plan, and whether it is past due."""
        told = self.us.get("/v1/subscription")
        is_behind = "past_due" in told["standing"]
        return f"{told['plan']}, past due" if is_behind else str(told["plan"])

    def letters(self) -> str:
        """Return what was written since this was asked last, sorted; a sweep looks before."""
        services.remind(now=datetime.now(UTC))
        written = Notice.objects.exclude(pk__in=self.known).values_list("pk", "kind")
        self.known |= {key for key, _kind in written}
        return ", ".join(sorted(kind for _key, kind in written))

    def settle(self) -> None:
        """Wait until Stripe has told all, and workers have done all that there is to do."""
        self.peer.settle()
        self._until(lambda: not Message.objects.filter(ring_at__isnull=False).exists())

    def _until(self, is_so: Callable[[], Any]) -> None:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < ends_at, list(
                Message.objects.filter(ring_at__isnull=False).values_list("task", "error")
            )
            time.sleep(_LOOK_SECONDS)
