"""Who asks, and the ids of what is theirs and of what is another's."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from billing.accounts import scopes, services, tokens
from billing.promotions import services as promotions
from billing.promotions.services.coding import Gift
from tests.fuzz.plan import Person, Role

_TIMEOUT_SECONDS: Final = 60
_HOME: Final = "https://platform.example/home"
_RECEIVER: Final = "https://platform.example/hook"
_ORDER: Final = {"model": "m", "task": "text_to_video", "inputs": {"prompt": "a kite"}}
_CODES: Final = 300


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
        said = answer.read()
        connection.close()
        assert answer.status // 100 == 2, (method, path, answer.status, said)
        told: dict[str, Any] = json.loads(said or b"{}")
        return told


@dataclass(frozen=True, slots=True)
class Scene:
    """The people, and for each parameter and member of a body the values that mean something."""

    people: Mapping[Role, Person]
    values: Mapping[str, list[str]]


def set_up(port: int) -> Scene:
    """Have everybody own one of everything; return who they are and what their things are called.

    To be called once the service answers.
    """
    made = _Made(Platform(port))
    for name in ("ada", "ben"):
        made.customer(name)
    made.customer("sam", is_sandbox=True)
    made.organization()
    made.clock()
    return Scene(people=made.people(), values=made.values())


class _Made:
    """What has been made so far."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._tokens: dict[str, str] = {}
        self._keys = {
            is_sandbox: _key(f"all-{is_sandbox}", scopes.ALL, is_sandbox=is_sandbox)
            for is_sandbox in (False, True)
        }
        self._found: dict[str, list[str]] = {
            "code": ["event", "promo", "invite", "studio", *_codes()],
            "account": ["ada", "ben", "olive", "mia", "sam", "nobody"],
        }

    def customer(self, name: str, *, is_sandbox: bool = False) -> None:
        """Let a person own one of everything that a person can own."""
        who, service = self._token(name, is_sandbox=is_sandbox), self._keys[is_sandbox]
        self._ask(who, "GET", "/v1/balance")
        self._ask(service, "PUT", "/v1/subscription", {"plan": "pro"}, account=name)
        self._give(service, name)
        later = {"pack": "later", "quantity": 1}
        bought = self._ask(service, "POST", "/v1/grants", later, account=name)
        self._keep("purchase_id", bought)
        for _one in range(3):
            self._keep("job_id", self._ask(who, "POST", "/v1/jobs", _ORDER))
        self._keep("quote", self._ask(who, "POST", "/v1/quotes", _ORDER))
        entries = self._ask(who, "GET", "/v1/ledger")
        self._found.setdefault("entry_id", []).extend(one["id"] for one in entries["data"])
        endpoint = self._ask(
            service, "POST", "/v1/webhook-endpoints", {"url": _RECEIVER}, account=name
        )
        self._keep("endpoint_id", endpoint)
        if not is_sandbox:
            order = {"pack": "hundred", "quantity": 1, "success_url": _HOME, "cancel_url": _HOME}
            self._keep("checkout_id", self._ask(who, "POST", "/v1/checkout-sessions", order))
        link = self._ask(who, "GET", "/v1/programmes/invite/link")
        self._found["code"].append(str(link["code"]))

    def organization(self) -> None:
        """Let Olive found a team with Bill, Mia and a guest, and lend to one of them."""
        owner, service = self._token("olive"), self._keys[False]
        team = self._keep(
            "organization_id",
            self._ask(owner, "POST", "/v1/organizations", {"name": "Team", "members_see": "all"}),
        )
        seats = {"plan": "team", "seats": 1000}
        self._ask(service, "PUT", "/v1/subscription", seats, account=team)
        self._give(service, team)
        for name, role in (("bill", "billing_admin"), ("mia", "member"), ("guest", "member")):
            asked = {"account": name, "role": role}
            path = f"/v1/organizations/{team}/members"
            place = self._keep("membership_id", self._ask(owner, "POST", path, asked))
            if name != "guest":
                self._ask(self._token(name), "POST", f"/v1/invitations/{place}/accept")
        lent = {"account": "mia", "credits": "10"}
        path = f"/v1/organizations/{team}/allotments"
        self._keep("allotment_id", self._ask(owner, "POST", path, lent))
        alien = self._ask(self._token("ben"), "POST", "/v1/organizations", {"name": "Aliens"})
        self._keep("organization_id", alien)

    def clock(self) -> None:
        """Let the sandbox's key have a clock."""
        asked = {"name": "fuzz", "accounts": ["sam"]}
        self._keep("clock_id", self._ask(self._keys[True], "POST", "/v1/test-clocks", asked))

    def people(self) -> Mapping[Role, Person]:
        """Return the roles."""
        team = {"X-Organization": self._found["organization_id"]}
        names = {"X-Account": [*self._found["account"], *self._found["organization_id"]]}
        return {
            Role.ANONYMOUS: Person(""),
            Role.USER: Person(self._token("ada")),
            Role.MEMBER: Person(self._token("mia"), team),
            Role.BILLING_ADMIN: Person(self._token("bill"), team),
            Role.OWNER: Person(self._token("olive"), team),
            Role.SERVICE: Person(self._keys[False], names),
            Role.NARROW_SERVICE: Person(_key("narrow", ["balance:read"]), names),
            Role.SANDBOX_USER: Person(self._token("sam", is_sandbox=True)),
            Role.SANDBOX_SERVICE: Person(self._keys[True], names),
        }

    def values(self) -> Mapping[str, list[str]]:
        """Return what may stand for each parameter (`path.…`, `query.…`) and member (`body.…`)."""
        found, month = self._found, f"{datetime.now(UTC):%Y-%m}"
        here = {f"path.{name}": values for name, values in found.items() if name.endswith("_id")}
        return here | {
            "path.code": found["code"][:4],
            "path.external_id": found["account"],
            "path.month": [month, "2026-01"],
            "query.month": [month],
            "query.group_by": ["day", "member", "day,model"],
            "query.model": ["m"],
            "body.account": found["account"],
            "body.to": found["account"],
            "body.code": found["code"],
            "body.credits": ["1", "0.5", "100000000"],
            "body.expires_at": [f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"],
            "body.plan": ["free", "pro", "team"],
            "body.interval": ["P1M", "P1Y"],
            "body.pack": ["hundred", "later"],
            "body.success_url": [_HOME],
            "body.cancel_url": [_HOME],
            "body.return_url": [_HOME],
            "body.url": [_RECEIVER],
            "body.model": ["m"],
            "body.task": ["text_to_video"],
            "body.mode": ["std", "pro"],
            "body.resolution": ["720p"],
            "body.lane": ["standard"],
            "body.quote": found["quote"],
            "body.parent": found["job_id"],
            "body.max_credits": ["100"],
            "body.by": ["P1D", "PT1H"],
            "body.reason": ["customer_request", "goodwill"],
            "body.source": ["goodwill"],
        }

    def _give(self, service: str, name: str) -> None:
        given = {"credits": "100000", "source": "goodwill", "reason": "fuzz"}
        self._ask(service, "POST", "/v1/grants", given, account=name)

    def _keep(self, kind: str, answer: Mapping[str, Any]) -> str:
        self._found.setdefault(kind, []).append(str(answer["id"]))
        return str(answer["id"])

    def _token(self, name: str, *, is_sandbox: bool = False) -> str:
        if name not in self._tokens:
            self._tokens[name] = tokens.sign(
                name, lifetime=timedelta(days=2), is_sandbox=is_sandbox, now=datetime.now(UTC)
            )
        return self._tokens[name]

    def _ask(self, *arguments: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 (as `Platform.ask`)
        return self._platform.ask(*arguments, **more)


def _key(name: str, granted: Any, *, is_sandbox: bool = False) -> str:  # noqa: ANN401 (names of scopes)
    _row, secret = services.create_api_key(
        name, list(granted), is_sandbox=is_sandbox, now=datetime.now(UTC)
    )
    return secret


def _codes() -> list[str]:
    return promotions.create_codes(
        Gift(kind="campaign", offer="promo"), count=_CODES, uses=1000, now=datetime.now(UTC)
    )
