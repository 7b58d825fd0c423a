"""Who asks, and the ids of what is theirs and of what is another's."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from billing.accounts import scopes, services, tokens
from billing.promotions import services as promotions
from billing.promotions.services.coding import Gift
from tests.fuzz import films
from tests.fuzz.plan import Person, Role
from tests.fuzz.sayings import ORDER, Things, said, values
from tests.stripe_peer.driver import Peer

_TIMEOUT_SECONDS: Final = 60
_HOME: Final = "https://platform.example/home"
_RECEIVER: Final = "https://platform.example/hook"
_PLANS: Final = {"team": {"plan": "team", "interval": "P1M", "seats": 100}}
_PLAN: Final = {"plan": "pro", "interval": "P1M"}
_CODES: Final = 300
_SOME: Final = 3
_PURCHASES: Final = 5
_SPARE: Final = 24  # of what an operation uses up
_NEWCOMERS: Final = 40


class Platform:
    """What calls the API as somebody, to set the scene."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._orders = 0

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        *,
        account: str = "",
        seat: str = "",
    ) -> dict[str, Any]:
        """Ask as the holder of a credential, and return the answer, which must be 2xx."""
        self._orders += 1
        headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": f"scene-{self._orders}"}
        if account:
            headers["X-Account"] = account
        if seat:
            headers["X-Organization"] = seat
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        assert answer.status // 100 == 2, (method, path, answer.status, told)
        found: dict[str, Any] = json.loads(told or b"{}")
        return found


@dataclass(frozen=True, slots=True)
class Scene:
    """The people, and for each parameter and member of a body the values that mean something."""

    people: Mapping[Role, Person]
    values: Mapping[str, list[str]]


def set_up(port: int, peer: Peer) -> Scene:
    """Have everybody own one of everything; return who they are and what their things are called.

    To be called once the service answers, and hears what happens at Stripe.
    """
    made = _Made(Platform(port), peer)
    for name in ("ada", "ben"):
        made.person(name)
    made.person("sam", is_sandbox=True)
    made.organization()
    made.invitations()
    made.clocks()
    made.newcomers()
    return Scene(people=made.people(), values=made.values())


@dataclass(frozen=True, slots=True)
class _Holder:
    """Somebody who owns things: a person, or an organization by its owner.

    Attributes:
        name: what a service key calls the account.
        seat: what its owner names to act for it; "" for himself.
    """

    name: str
    token: str
    service: str
    seat: str = ""
    is_sandbox: bool = False
    things: Things = field(default_factory=dict)

    def keep(self, kind: str, name: object) -> str:
        """Write down that it owns a thing of some kind; return the thing's id."""
        self.things.setdefault(kind, []).append(str(name))
        return str(name)


class _Made:
    """What has been made so far."""

    def __init__(self, platform: Platform, peer: Peer) -> None:
        self._platform, self._peer = platform, peer
        self._tokens: dict[str, str] = {}
        self._keys = {
            is_sandbox: _key(f"all-{is_sandbox}", scopes.ALL, is_sandbox=is_sandbox)
            for is_sandbox in (False, True)
        }
        self._holders: dict[str, _Holder] = {}
        self._codes = ["event", "promo", "invite", "studio", *_codes()]
        self._new: list[str] = []

    def person(self, name: str, *, is_sandbox: bool = False) -> None:
        """Let a person own one of everything that a person can own."""
        token = self._token(name, is_sandbox=is_sandbox)
        holder = _Holder(name, token, self._keys[is_sandbox], is_sandbox=is_sandbox)
        self._holders[name] = holder
        self._ask(token, "GET", "/v1/balance")
        self._furnish(holder)
        link = self._ask(token, "GET", "/v1/programmes/invite/link")
        self._codes.append(holder.keep("invite", link["code"]))

    def organization(self) -> None:
        """Let Olive found a team with Bill, Mia and guests, and lend to some of them."""
        token = self._token("olive")
        founded = {"name": "Team", "members_see": "all"}
        team = str(self._ask(token, "POST", "/v1/organizations", founded)["id"])
        holder = self._holders["team"] = _Holder(team, token, self._keys[False], seat=team)
        holder.keep("organization_id", team)
        self._furnish(holder)
        guests = [f"guest{number}" for number in range(_SPARE)]
        roles = {"bill": "billing_admin", "mia": "member", **dict.fromkeys(guests, "member")}
        at = f"/v1/organizations/{team}"
        for name, role in roles.items():
            place = self._ask(token, "POST", f"{at}/members", {"account": name, "role": role})["id"]
            holder.keep("membership_id", place)
            if name in guests:
                holder.keep("spare membership_id", place)
            self._ask(self._token(name), "POST", f"/v1/invitations/{place}/accept")
        for name in ("mia", "guest0", "guest1"):
            lent = {"account": name, "credits": "10"}
            holder.keep("allotment_id", self._ask(token, "POST", f"{at}/allotments", lent)["id"])

    def invitations(self) -> None:
        """Let somebody whom nobody knows invite everybody, often."""
        zoe = self._token("zoe")
        for _house in range(_SPARE // 2):
            house = self._ask(zoe, "POST", "/v1/organizations", {"name": "Aliens"})["id"]
            self._holders["ben"].keep("organization_id", house)
            for name, owner in (("ada", "ada"), ("olive", "team")):
                path = f"/v1/organizations/{house}/members"
                place = self._ask(zoe, "POST", path, {"account": name})["id"]
                self._holders[owner].keep("spare invitation", place)

    def clocks(self) -> None:
        """Let the sandbox's key have clocks."""
        sam = self._holders["sam"]
        for number in range(_SPARE):
            asked = {"name": "fuzz", "accounts": ["sam"] if number == 0 else []}
            clock = self._ask(sam.service, "POST", "/v1/test-clocks", asked)["id"]
            sam.keep("spare clock_id" if number else "clock_id", clock)
            late = f"late{number}"
            self._ask(self._token(late, is_sandbox=True), "GET", "/v1/balance")
            sam.keep("spare account", late)

    def newcomers(self) -> None:
        """Let some people come who have done nothing yet."""
        for number in range(_NEWCOMERS):
            self._new.append(self._token(f"new{number}"))
            self._ask(self._new[-1], "GET", "/v1/balance")

    def people(self) -> Mapping[Role, Person]:
        """Return the roles."""
        ada, team, sam = (self._holders[name] for name in ("ada", "team", "sam"))
        houses = self._all("organization_id")
        seats = {"X-Organization": [team.name] * _SOME * len(houses) + houses}
        names = [*(one.name for one in self._holders.values()), "olive", "mia", "nobody"]
        new = {"POST /v1/referrals header.Authorization": self._new}
        invites = {"POST /v1/referrals body": [{"code": code} for code in ada.things["invite"]]}

        def service(holder: _Holder, key: str) -> Person:
            accounts = {"X-Account": [holder.name] * len(names) + names}
            return Person(key, accounts, _own(holder), said(holder.things))

        return {
            Role.ANONYMOUS: Person("", {}, _own(ada), said(ada.things)),
            Role.USER: Person(ada.token, {}, _own(ada), {**said(ada.things), **new, **invites}),
            Role.MEMBER: Person(self._token("mia"), seats, _own(team), said(team.things)),
            Role.BILLING_ADMIN: Person(self._token("bill"), seats, _own(team), said(team.things)),
            Role.OWNER: Person(team.token, seats, _own(team), said(team.things)),
            Role.SERVICE: service(ada, ada.service),
            Role.NARROW_SERVICE: service(ada, _key("narrow", ["balance:read"])),
            Role.SANDBOX_USER: Person(sam.token, {}, _own(sam), said(sam.things)),
            Role.SANDBOX_SERVICE: service(sam, sam.service),
        }

    def values(self) -> Mapping[str, list[str]]:
        """Return what may stand for each parameter (`path.…`, `query.…`) and member (`body.…`)."""
        kinds = {kind for one in self._holders.values() for kind in one.things}
        here = {f"path.{kind}": self._all(kind) for kind in kinds if kind.endswith("_id")}
        accounts = ["ada", "ben", "olive", "mia", "sam", "nobody"]
        return {**here, **values(self._all, codes=self._codes, accounts=accounts, home=_HOME)}

    def _furnish(self, holder: _Holder) -> None:
        """Give an account one of everything that belongs to an account."""
        given = {"credits": "100000", "source": "goodwill", "reason": "fuzz"}
        self._serve(holder, "POST", "/v1/grants", given)
        if not holder.is_sandbox:
            self._buy(holder)
        else:
            self._serve(holder, "PUT", "/v1/subscription", {"plan": "pro"})
        for _one in range(_SOME):
            later = self._serve(holder, "POST", "/v1/grants", {"pack": "later", "quantity": 1})
            holder.keep("purchase_id", later["id"])
            holder.keep("job_id", self._own(holder, "POST", "/v1/jobs", ORDER)["id"])
        holder.keep("quote", self._own(holder, "POST", "/v1/quotes", ORDER)["id"])
        for entry in self._own(holder, "GET", "/v1/ledger")["data"]:
            holder.keep("entry_id", entry["id"])
        films.make(holder.things, job_id=holder.things["job_id"][0])
        self._have_called(holder)

    def _buy(self, holder: _Holder) -> None:
        """Let an account pay for a plan and some packs, at Stripe."""
        orders = [_PLANS.get("team" if holder.seat else "", _PLAN)]
        orders += [{"pack": "hundred", "quantity": 1}] * (_PURCHASES + 1)
        for number, order in enumerate(orders):
            wish = {**order, "success_url": _HOME, "cancel_url": _HOME}
            page = self._own(holder, "POST", "/v1/checkout-sessions", wish)
            holder.keep("checkout_id", page["id"])
            if number <= _PURCHASES:  # the last one stays open
                assert self._peer.pay(page["url"]).status == 303
                self._peer.settle()
        paid = films.until(lambda: self._paid(holder))
        for purchase in paid:
            holder.keep("purchase", purchase["id"])

    def _paid(self, holder: _Holder) -> list[dict[str, Any]]:
        """Return the packs that were paid, once all are."""
        found = self._own(holder, "GET", "/v1/purchases")["data"]
        packs = [one for one in found if one["kind"] == "pack"]
        return packs if len(packs) == _PURCHASES and len(found) > _PURCHASES else []

    def _have_called(self, holder: _Holder) -> None:
        """Let an account have addresses called: one that stays, and some to be given up."""
        path = "/v1/webhook-endpoints"
        for number in range(_SOME * 2):
            made = self._serve(holder, "POST", path, {"url": _RECEIVER})["id"]
            holder.keep("spare endpoint_id" if number else "endpoint_id", made)
        at = f"{path}/{holder.things['endpoint_id'][0]}"
        for _one in range(_SOME):
            self._serve(holder, "POST", f"{at}/test")
        for sent in self._serve(holder, "GET", f"{at}/deliveries")["data"]:
            holder.keep("delivery_id", sent["id"])

    def _own(self, holder: _Holder, *asked: Any) -> dict[str, Any]:  # noqa: ANN401 (as `Platform.ask`)
        return self._platform.ask(holder.token, *asked, seat=holder.seat)

    def _serve(self, holder: _Holder, *asked: Any) -> dict[str, Any]:  # noqa: ANN401 (as `Platform.ask`)
        return self._platform.ask(holder.service, *asked, account=holder.name)

    def _ask(self, *asked: Any) -> dict[str, Any]:  # noqa: ANN401 (as `Platform.ask`)
        return self._platform.ask(*asked)

    def _all(self, kind: str) -> list[str]:
        return [name for one in self._holders.values() for name in one.things.get(kind, [])]

    def _token(self, name: str, *, is_sandbox: bool = False) -> str:
        if name not in self._tokens:
            self._tokens[name] = tokens.sign(
                name, lifetime=timedelta(days=2), is_sandbox=is_sandbox, now=datetime.now(UTC)
            )
        return self._tokens[name]


def _own(holder: _Holder) -> Mapping[str, list[str]]:
    kinds = holder.things
    return {f"path.{kind}": names for kind, names in kinds.items() if kind.endswith("_id")}


def _key(name: str, granted: Any, *, is_sandbox: bool = False) -> str:  # noqa: ANN401 (names of scopes)
    _row, secret = services.create_api_key(
        name, list(granted), is_sandbox=is_sandbox, now=datetime.now(UTC)
    )
    return secret


def _codes() -> list[str]:
    return promotions.create_codes(
        Gift(kind="campaign", offer="promo"), count=_CODES, uses=1000, now=datetime.now(UTC)
    )
