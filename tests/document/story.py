"""What the examples are recorded from: a small platform, lived through once, over the whole API.

Ada comes, makes a video, buys and changes a plan; she founds a studio, and people join it. The
platform's server gives, sells, refunds; a sandbox clock is moved.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from billing.accounts import scopes, tokens
from billing.accounts.services import create_api_key
from billing.outbox.models import Message
from billing.promotions.services import Gift, create_codes
from billing.sandbox.models import TestClock
from tests.document.recording import Recorder
from tests.stories.quick_cog import QuickCog
from tests.stripe_peer.driver import Peer

_PATIENCE_SECONDS: Final = 60
_LOOK_SECONDS: Final = 0.05
_KITE: Final = {"model": "vivid-1", "seconds": 5, "inputs": {"prompt": "a red kite over the sea"}}
_BACK: Final = "https://app.example/back"


@dataclass
class Story:
    """Everybody who calls, and what stands behind the service."""

    recorder: Recorder
    cog: QuickCog
    peer: Peer

    def __post_init__(self) -> None:
        """Give the platform's server a key."""
        _key, self._secret = create_api_key(
            "platform", list(scopes.ALL), is_sandbox=True, now=datetime.now(UTC)
        )

    def live(self) -> None:
        """Live through all of it, in the order in which a platform would meet it."""
        self.look_around()
        self.be_given()
        self.make_a_video()
        self.read_the_books()
        self.buy()
        self.change_plans()
        self.go_back()
        self.bring_friends()
        self.found_a_studio()
        self.leave_the_studio()
        self.move_time()
        self.be_called()

    # -- who calls -----------------------------------------------------------------------------
    def ada(self, method: str, path: str, body: object = None, **how: Any) -> Any:  # noqa: ANN401 (of `person`)
        """Call as Ada."""
        return self.person("ada", method, path, body, **how)

    def person(
        self,
        name: str,
        method: str,
        path: str,
        body: object = None,
        *,
        shown_as: str = "",
        status: int = 200,
        **headers: str,
    ) -> Any:  # noqa: ANN401 (JSON)
        """Call as somebody of the platform; return what was answered."""
        token = tokens.sign(
            name, lifetime=timedelta(hours=1), is_sandbox=True, now=datetime.now(UTC)
        )
        return self._said(method, path, body, shown_as, status, f"Bearer {token}", headers)

    def server(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        shown_as: str = "",
        status: int = 200,
        **headers: str,
    ) -> Any:  # noqa: ANN401 (JSON)
        """Call as the platform's own server."""
        return self._said(method, path, body, shown_as, status, f"Bearer {self._secret}", headers)

    def _said(
        self,
        method: str,
        path: str,
        body: object,
        shown_as: str,
        status: int,
        proof: str,
        headers: Mapping[str, str],
    ) -> Any:  # noqa: ANN401 (JSON)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.recorder.call(
            method,
            path,
            body,
            headers={"Authorization": proof, **named},
            shown_as=shown_as,
            status=status,
        )
        return answer.json() if answer.headers.get("Content-Type", "").endswith("json") else None

    def settle(self) -> None:
        """Wait until Stripe has told all, and the worker has done all that there is to do."""
        self.peer.settle()
        self.until(lambda: not Message.objects.filter(ring_at__isnull=False).exists())

    def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until something is so."""
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < ends_at, list(
                Message.objects.filter(ring_at__isnull=False).values_list("task", "error")
            )
            time.sleep(_LOOK_SECONDS)

    # -- scenes --------------------------------------------------------------------------------
    def look_around(self) -> None:
        """Nobody in particular reads what is public; somebody without a token is refused."""
        for path in ("/healthz", "/readyz", "/v1/catalog", "/v1/rates", "/v1/receipt-keys"):
            self.recorder.call("get", path, headers={}, shown_as="example", status=200)
        self.recorder.call("get", "/v1/balance", headers={}, shown_as="no_token", status=401)

    def be_given(self) -> None:
        """Ada comes; the platform tells who she is, and gives her something."""
        self.ada("post", "/v1/check-in", shown_as="the_first_today")
        path = "/v1/accounts/ada"
        self.server("patch", path, {"metadata": {"segment": "creators"}}, shown_as="example")
        self.server("get", path, shown_as="example")
        self.server(
            "post",
            f"{path}/signals",
            {"email": "ada@example.com"},
            shown_as="a_mailbox",
            X_Account="ada",
        )
        self.ada("get", "/v1/grants?limit=1", shown_as="a_page")
        gift = {"credits": "120", "source": "promotion", "reason": "summer campaign"}
        self.server("post", "/v1/grants", gift, shown_as="credits", status=201, X_Account="ada")
        self.server(
            "post",
            "/v1/grants",
            {**gift, "credits": "-1"},
            shown_as="below_zero",
            status=400,
            X_Account="ada",
        )
        self.ada("post", "/v1/grants", gift, shown_as="a_persons_token", status=403)
        pack = {"pack": "weekend", "quantity": 1}
        self.server("post", "/v1/grants", pack, shown_as="a_pack", status=201, X_Account="ada")
        [bought] = self.ada("get", "/v1/pack-purchases", shown_as="example")["data"]
        self.ada("post", f"/v1/pack-purchases/{bought['id']}/activate", shown_as="example")
        share = "/v1/campaigns/welcome/grants"
        reason = {"reason": "first login"}
        self.server("post", share, reason, shown_as="first_login", status=201, X_Account="ada")
        self.server("post", share, reason, shown_as="had_already", status=409, X_Account="ada")

    def make_a_video(self) -> None:
        """A price, an order, the film; another order is too dear, a third is canceled."""
        quoted = self.ada("post", "/v1/quotes", _KITE, shown_as="five_seconds")
        wrong = {**_KITE, "seconds": 90}
        self.ada("post", "/v1/quotes", wrong, shown_as="too_long", status=422)
        order = {**_KITE, "quote": quoted["id"], "metadata": {"scene": "7"}}
        job = self.ada("post", "/v1/jobs", order, shown_as="by_a_quote", status=201)
        self.settle()
        self.ada("get", f"/v1/jobs/{job['id']}", shown_as="succeeded")
        self.ada("get", "/v1/jobs/job_absent", shown_as="absent", status=404)
        dear = {**_KITE, "seconds": 60, "count": 4}
        self.ada("post", "/v1/jobs", dear, shown_as="too_dear", status=402)
        misspelt = {**_KITE, "inputs": {"promt": "a red kite over the sea"}}
        self.ada("post", "/v1/jobs", misspelt, shown_as="unknown_member", status=400)
        self.cog.pause()
        waiting = self.ada("post", "/v1/jobs", _KITE, status=201)
        at = f"/v1/jobs/{waiting['id']}"
        self.until(lambda: self.ada("get", at)["status"] != "queued")
        self.ada("get", f"{at}/events", shown_as="elsewhere", status=307)
        self.ada("post", f"{at}/cancel", shown_as="asked_to_end", status=202)
        self.cog.resume()
        self.settle()
        self.ada("post", f"/v1/jobs/{job['id']}/cancel", shown_as="has_ended", status=409)
        self.ada("get", "/v1/jobs?limit=2", shown_as="a_page")

    def read_the_books(self) -> None:
        """What Ada has, where it came from, and how it is proven."""
        self.ada("get", "/v1/balance", shown_as="example")
        page = self.ada("get", "/v1/ledger?limit=3", shown_as="a_page")
        self.ada("get", f"/v1/ledger/{page['data'][0]['id']}/receipt", shown_as="example")
        self.ada("get", "/v1/debts", shown_as="none")
        self.ada("get", "/v1/statements", shown_as="example")
        month = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m")
        self.ada("get", f"/v1/statements/{month}", shown_as="example")
        self.ada("get", f"/v1/statements/{month}.csv", shown_as="example")
        self.ada("get", "/v1/exports/ledger.csv", shown_as="example")
        self.ada("get", "/v1/exports/usage.csv", shown_as="example")
        link = {"page": "balance", "expires_in": 3600}
        self.ada("post", "/v1/page-links", link, shown_as="for_an_hour", status=201)
        self.ada("delete", "/v1/page-links", shown_as="example", status=204)

    def buy(self) -> None:
        """Ada buys a pack and a plan, on Stripe's pages."""
        wish = {"pack": "credits-100", "quantity": 2, "success_url": _BACK}
        page = self.ada("post", "/v1/checkout-sessions", wish, shown_as="a_pack", status=201)
        assert self.peer.pay(page["url"]).status == 303
        self.settle()
        self.ada("get", f"/v1/checkout-sessions/{page['id']}", shown_as="paid")
        plan = {"plan": "standard", "interval": "P1M", "success_url": _BACK, "cancel_url": _BACK}
        page = self.ada("post", "/v1/checkout-sessions", plan, shown_as="a_plan", status=201)
        assert self.peer.pay(page["url"]).status == 303
        self.settle()
        wrong = {**plan, "plan": "platinum"}
        self.ada("post", "/v1/checkout-sessions", wrong, shown_as="no_such_plan", status=422)
        self.ada("post", "/v1/checkout-sessions", plan, shown_as="has_one", status=409)
        self.ada("get", "/v1/purchases", shown_as="example")
        self.ada("get", "/v1/invoices", shown_as="example")
        self.ada(
            "post", "/v1/portal-sessions", {"return_url": _BACK}, shown_as="example", status=201
        )
        profile = {"kind": "company", "title": "Kite Films", "tax_number": "91350100M000100Y43"}
        self.ada("put", "/v1/billing-profile", profile, shown_as="a_company")
        self.ada("get", "/v1/billing-profile", shown_as="example")
        when_low = {
            "on": True,
            "threshold": "50",
            "pack": "credits-100",
            "monthly_limit": {"amount": "50.00", "currency": "USD"},
        }
        self.ada("put", "/v1/auto-top-up", when_low, shown_as="when_low")
        self.ada("get", "/v1/auto-top-up", shown_as="example")

    def change_plans(self) -> None:
        """Ada goes to the larger plan, lets it end, and thinks better of it."""
        self.ada("get", "/v1/subscription", shown_as="paid_by_the_month")
        wish = {"plan": "pro", "interval": "P1M"}
        shown = self.ada("post", "/v1/subscription/preview", wish, shown_as="upwards")
        self.ada(
            "post",
            "/v1/subscription/change",
            {**wish, "preview": shown["due"]["amount"]},
            shown_as="upwards",
            status=201,
        )
        self.settle()
        self.ada("post", "/v1/subscription/change", wish, shown_as="stands_so", status=409)
        self.ada(
            "post",
            "/v1/subscription/cancel",
            {"when": "period_end"},
            shown_as="at_the_end",
            status=201,
        )
        self.settle()
        self.ada("post", "/v1/subscription/resume", {}, shown_as="example", status=201)
        self.settle()
        by_hand = {"plan": "standard", "interval": "P1M", "currency": "USD"}
        self.server("put", "/v1/subscription", by_hand, shown_as="by_the_platform", X_Account="ben")

    def go_back(self) -> None:
        """The platform pays part of a purchase back."""
        pack = next(
            one for one in self.ada("get", "/v1/purchases")["data"] if one["kind"] == "pack"
        )
        part = {
            "purchase": pack["id"],
            "amount": {"amount": "2.00", "currency": "USD"},
            "rule": "goodwill",
            "reason": "a weekend without service",
        }
        self.server("post", "/v1/refunds", part, shown_as="a_part", status=201, X_Account="ada")
        much = {**part, "amount": {"amount": "200.00", "currency": "USD"}}
        self.server("post", "/v1/refunds", much, shown_as="too_much", status=422, X_Account="ada")
        self.settle()
        self.ada("get", "/v1/refunds", shown_as="example")

    def bring_friends(self) -> None:
        """Ada brings Cleo; a maker is admitted; a code is redeemed."""
        invite = "/v1/programmes/invite"
        link = self.ada("get", f"{invite}/link", shown_as="example")
        self.person("cleo", "get", "/v1/balance")
        self.person(
            "cleo", "post", "/v1/referrals", {"code": link["code"]}, shown_as="example", status=201
        )
        self.ada("post", "/v1/referrals", {"code": link["code"]}, shown_as="own_code", status=409)
        self.person("cleo", "post", "/v1/check-in")
        self.person("cleo", "post", "/v1/jobs", _KITE, status=201)
        self.settle()
        self.ada("get", f"{invite}/earnings", shown_as="example")
        self.ada("post", f"{invite}/collect", shown_as="example")
        partner = {"share": "0.15"}
        studio = "/v1/programmes/studio/partners"
        self.server("post", studio, partner, shown_as="example", status=201, X_Account="ada")
        [code] = create_codes(
            Gift("campaign", "welcome"), count=1, is_sandbox=True, now=datetime.now(UTC)
        )
        redeemed = {"code": code}
        self.person("cleo", "post", "/v1/redemptions", redeemed, shown_as="example", status=201)
        unknown = {"code": "AAAA-AAAA-AAAA"}
        self.person("cleo", "post", "/v1/redemptions", unknown, shown_as="unknown", status=404)

    def found_a_studio(self) -> None:
        """Ada founds an organization, the platform fills its pool, people join and order."""
        made = self.ada(
            "post", "/v1/organizations", {"name": "Kite Films"}, shown_as="example", status=201
        )
        at = self._studio = f"/v1/organizations/{made['id']}"
        self.ada("get", "/v1/organizations", shown_as="example")
        self.ada("get", at, shown_as="example")
        self.ada("patch", at, {"members_see": "all"}, shown_as="example")
        gift = {"credits": "500", "source": "promotion", "reason": "a studio's start"}
        self.server("post", "/v1/grants", gift, status=201, X_Account=made["id"])
        invited = {"account": "cleo", "role": "member"}
        self.ada("post", f"{at}/members", invited, shown_as="example", status=201)
        self.ada("post", f"{at}/members", {"account": "dan"}, status=201)
        [cleo] = self.person("cleo", "get", "/v1/invitations", shown_as="example")["data"]
        [dan] = self.person("dan", "get", "/v1/invitations")["data"]
        self.person("cleo", "post", f"/v1/invitations/{cleo['id']}/accept", shown_as="example")
        self.person("dan", "post", f"/v1/invitations/{dan['id']}/decline", shown_as="example")
        self._cleo = f"{at}/members/{cleo['id']}"
        self.ada("get", f"{at}/members", shown_as="example")
        self.ada("get", self._cleo, shown_as="example")
        ceiling = {"ceiling": {"credits": "100", "per": "week"}}
        self.ada("patch", self._cleo, ceiling, shown_as="a_ceiling")
        self.person("cleo", "post", "/v1/jobs", _KITE, status=201, X_Organization=made["id"])
        self.settle()
        self.ada("get", f"{at}/usage", shown_as="example")
        lent = {"account": "cleo", "credits": "30", "note": "for the trailer"}
        self.ada("post", f"{at}/allotments", lent, shown_as="example", status=201)
        much = {**lent, "credits": "100000"}
        self.ada("post", f"{at}/allotments", much, shown_as="more_than_there_is", status=402)

    def leave_the_studio(self) -> None:
        """What was lent comes home, something is given away, and Cleo leaves."""
        self.ada("get", f"{self._studio}/allotments", shown_as="example")
        [lent] = self.person("cleo", "get", "/v1/allotments", shown_as="example")["data"]
        self.person("cleo", "get", f"/v1/allotments/{lent['id']}", shown_as="example")
        self.ada("post", f"/v1/allotments/{lent['id']}/take-back", shown_as="example")
        given = {"to": "cleo", "credits": "5", "note": "thank you"}
        self.ada("post", "/v1/transfers", given, shown_as="example", status=201)
        self.ada("post", "/v1/transfers", {**given, "to": "ada"}, shown_as="to_oneself", status=422)
        self.ada("get", "/v1/transfers", shown_as="example")
        self.ada("delete", self._cleo, shown_as="example", status=204)

    def move_time(self) -> None:
        """A clock of the sandbox carries Eve ahead."""
        self.person("eve", "get", "/v1/balance")
        made = self.server(
            "post",
            "/v1/test-clocks",
            {"name": "a month ahead", "accounts": ["eve"]},
            shown_as="example",
            status=201,
        )
        at = f"/v1/test-clocks/{made['id']}"
        self.person("fay", "get", "/v1/balance")
        self.settle()
        self.server("post", f"{at}/accounts", {"accounts": ["fay"]}, shown_as="example")
        self.server("post", f"{at}/advance", {"by": "P1D"}, shown_as="a_day", status=202)
        self.until(lambda: not TestClock.objects.filter(goal_at__isnull=False).exists())
        self.settle()
        self.server("post", f"{at}/advance", {"by": "P9Y"}, shown_as="too_far", status=422)
        self.server("get", "/v1/test-clocks", shown_as="example")
        self.server("get", at, shown_as="example")
        self.server("delete", at, shown_as="example", status=204)

    def be_called(self) -> None:
        """Ada has an address called when something happens."""
        path = "/v1/webhook-endpoints"
        wish = {"url": "https://app.example/hooks/vivid", "events": ["job.succeeded", "job.failed"]}
        made = self.ada("post", path, wish, shown_as="example", status=201)
        inside = {"url": "https://10.0.0.1/hooks"}
        self.ada("post", path, inside, shown_as="not_public", status=422)
        at = f"{path}/{made['id']}"
        self.ada("get", path, shown_as="example")
        self.ada("get", at, shown_as="example")
        self.ada("patch", at, {"events": []}, shown_as="told_of_all")
        self.ada("post", f"{at}/test", shown_as="example", status=202)
        [sent, *_older] = self.ada("get", f"{at}/deliveries", shown_as="example")["data"]
        delivery = f"{at}/deliveries/{sent['id']}"
        self.ada("get", delivery, shown_as="example")
        self.ada("post", f"{delivery}/retry", shown_as="example", status=202)
        hours = {
            "from": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
            "to": datetime.now(UTC).isoformat(),
        }
        self.ada("post", f"{at}/replay", hours, shown_as="an_hour", status=202)
        self.ada("post", f"{at}/rotate-secret", shown_as="example")
        self.ada("delete", at, shown_as="example", status=204)
