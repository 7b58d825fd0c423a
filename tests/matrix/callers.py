"""Everybody who may call, each with his column of the table and what is his."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from billing.accounts import tokens
from billing.accounts.scopes import ALL
from billing.http.authz import ANY_KEY, NOBODY, Policy
from tests.matrix.world import LIVE, World

ACCOUNT: Final = "X-Account"
TEAM: Final = "X-Organization"
_EVERY: Final = frozenset(ALL)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls, as one column of the table.

    Attributes:
        column: whose column counts.
        headers: what he sends.
        person: who he is, or is acted for by a service; "" for nobody.
        team: for which organization he acts; "" for none.
        side: LIVE beyond the sandbox, "" in it.
        falls_short: his key has every scope but the one that is needed.
    """

    name: str
    column: str
    headers: Mapping[str, str]
    person: str = ""
    team: str = ""
    side: str = ""
    falls_short: bool = False
    sees_all: bool = True
    is_service: bool = False

    @property
    def place(self) -> str:
        """Return whose account he acts upon."""
        return (self.team or self.person) + self.side

    @property
    def seat(self) -> str:
        """Return what is his own where several share an account."""
        return f"{self.team}{self.side}/{self.person}" if self.team else self.person + self.side

    def __str__(self) -> str:
        return self.name


def token(name: str, *, is_sandbox: bool = True) -> dict[str, str]:
    """Return what a person sends."""
    now = datetime.now(UTC)
    signed = tokens.sign(name, lifetime=timedelta(hours=2), is_sandbox=is_sandbox, now=now)
    return {"Authorization": f"Bearer {signed}"}


def everybody(world: World, policy: Policy) -> Iterator[Caller]:
    """Yield each caller of an operation that has this policy."""
    yield Caller("anonymous", "anonymous", {})
    yield Caller("a made-up proof", "anonymous", {"Authorization": "Bearer sk_test_made_up"})
    yield Caller("Stripe", "stripe", {"Stripe-Signature": "t=1,v1=00"})
    proof = world.things["cleo", "attempt"]
    yield Caller("a backend", "backend", {"Authorization": f"Bearer {proof}"})
    yield from _people(world)
    yield from _services(world, policy)


def _people(world: World) -> Iterator[Caller]:
    yield Caller("a user", "user", token("cleo"), "cleo")
    yield Caller("a live user", "user", token("cleo", is_sandbox=False), "cleo", side=LIVE)
    for person, column in (("cleo", "member"), ("ben", "billing_admin"), ("ada", "owner")):
        for team, what in (("studio", ""), ("glass", " of whom all see all")):
            headers = {**token(person), TEAM: world.things[team, "team"]}
            sees_all = column != "member" or team == "glass"
            yield Caller(f"a {column}{what}", column, headers, person, team, sees_all=sees_all)


def _services(world: World, policy: Policy) -> Iterator[Caller]:
    scope, alone = policy.service, policy.platform

    def key(scopes: frozenset[str], *, is_sandbox: bool = True) -> dict[str, str]:
        return {"Authorization": f"Bearer {world.keys[scopes, is_sandbox]}"}

    enough = frozenset(scope.split()) & _EVERY or _EVERY
    seated = frozenset((policy.service_as_member or scope).split()) & _EVERY or _EVERY
    alone_enough = frozenset(alone.split()) & _EVERY or enough
    yield Caller("a service", "service", {**key(enough), ACCOUNT: "cleo"}, "cleo", is_service=True)
    yield Caller(
        "a live service",
        "service",
        {**key(enough, is_sandbox=False), ACCOUNT: "cleo"},
        "cleo",
        side=LIVE,
        is_service=True,
    )
    yield Caller("the platform", "platform", key(alone_enough), is_service=True)
    for person, column in (("cleo", "member"), ("ada", "owner")):
        headers = {ACCOUNT: person, TEAM: world.things["studio", "team"]}
        yield Caller(
            f"a service as a {column}",
            column,
            {**key(seated), **headers},
            person,
            "studio",
            sees_all=column == "owner",
            is_service=True,
        )
    if scope not in {ANY_KEY, NOBODY}:
        short = key(_EVERY - set(scope.split()))
        yield Caller(
            "a key without the scope",
            "service",
            {**short, ACCOUNT: "cleo"},
            "cleo",
            falls_short=True,
            is_service=True,
        )
    if alone not in {ANY_KEY, NOBODY}:
        short = key(_EVERY - set(alone.split()))
        yield Caller(
            "a platform without the scope", "platform", short, falls_short=True, is_service=True
        )
