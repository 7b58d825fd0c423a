"""How much a plan lets an account do: jobs at once, and counts in a window of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, QuerySet

from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.jobs import selectors
from billing.jobs.errors import CeilingReached, ConcurrencyLimit, QuotaExceeded
from billing.jobs.models import Job
from billing.ledger import selectors as ledger
from billing.organizations.windows import window_of
from billing.packs import selectors as packs
from plans import entitlements
from plans.asking import Given, Prepared
from plans.catalog.matching import Match, fits
from plans.catalog.offers import Plan
from plans.catalog.rights import CountLimit
from plans.catalog.values import Between, Scalar
from plans.credits import format_micros
from plans.periods import Window, Zones

_NEVER_AGAIN_SECONDS = 86_400  # when an order that is too large by itself may be tried again


_live_count = Prepared(
    lambda: (
        Job.objects.filter(wallet__account=Given("account"), finished_at=None)
        .values("wallet__account")
        .annotate(live=Count("pk"))
        .values_list("live")
    )
)


@dataclass(frozen=True, slots=True)
class Room:
    """What room an account has for one more job to be worked on.

    Attributes:
        is_full: there is none for any.
        full_kinds: there is none for orders that match one of these.
    """

    is_full: bool = False
    full_kinds: Sequence[Match] = ()

    def has(self, facts: Mapping[str, Scalar]) -> bool:
        """Say whether a job of these facts may be worked on."""
        return not self.is_full and not any(fits(kind, facts) for kind in self.full_kinds)


class Limits:
    """What an account's plan lets it do at one instant, with what it does already.

    Looked up when it is asked for and then remembered, so that like orders can be judged without
    asking again. Under the wallet's lock it stays true until the order is written.
    """

    def __init__(
        self, account: Account, plan: Plan, *, at: datetime, member: Membership | None = None
    ) -> None:
        """Look at nothing yet.

        Args:
            member: who orders, where the account is his organization's: his ceiling counts too.
        """
        self._account = account
        self._member = member
        self._plan = plan
        self._at = at
        self._used: dict[int, int] = {}
        self._resets: dict[tuple[int, int], datetime | None] = {}

    def barriers(
        self, facts: Mapping[str, Scalar], *, outputs: int, micros: int
    ) -> list[DomainError]:
        """Return which limits one more order of these facts would break.

        Where a plan's excess waits, jobs at once are no barrier: dispatch makes them wait.

        Args:
            micros: what it would cost.
        """
        found: list[DomainError] = []
        if self._plan.entitlements.excess == "refuse":
            found += self._too_many(facts)
        asked = {"orders": 1, "outputs": outputs, "credits": micros}
        for number, limit in enumerate(self._plan.entitlements.counts):
            if fits(limit.match, facts):
                found += self._too_much(number, limit, asked)
        return found + self._above_ceiling(micros)

    @cached_property
    def left_micros(self) -> int | None:
        """How much the member may still use of the pool; None: nothing but the pool limits him."""
        if self._member is None or self._member.ceiling_micros is None:
            return None
        used = selectors.used_by(self._member, since=self._window.starts_at)
        return max(0, self._member.ceiling_micros - used)

    @cached_property
    def concurrency(self) -> int:
        """How many jobs it may have at once, in all."""
        return packs.concurrency_of(self._account, self._plan, at=self._at)

    def frees_at(self, limit: int, match: Match) -> datetime | None:
        """Return about when fewer than `limit` such jobs are under way; None: nobody knows."""
        live = [one for one in self._live if fits(match, one.dimensions | one.context)]
        durations = selectors.typical_durations(one.model for one in live)
        if any(one.model not in durations for one in live):
            return None
        ends = sorted(
            max(self._at, (one.started_at or self._at) + durations[one.model]) for one in live
        )
        return ends[len(live) - limit] if len(live) >= limit else self._at

    @cached_property
    def _window(self) -> Window:
        """The window of the member's ceiling that holds now."""
        assert self._member is not None, "only a member has a ceiling"
        return window_of(self._member.ceiling_per, zone=self._account.zone, at=self._at)

    def _above_ceiling(self, micros: int) -> list[DomainError]:
        left = self.left_micros
        if left is None or micros <= left:
            return []
        assert self._member is not None, "nobody else has a ceiling"
        limit = self._member.ceiling_micros
        assert limit is not None, "without one nothing is above it"
        fits_then = micros <= limit and self._member.ceiling_per != "ever"
        resets_at = self._window.ends_at if fits_then else None
        return [
            CeilingReached(
                limit=format_micros(limit),
                used=format_micros(selectors.used_by(self._member, since=self._window.starts_at)),
                left=format_micros(left),
                window=self._member.ceiling_per,
                resets_at=_iso(resets_at),
                retry_after_seconds=_seconds_until(resets_at, self._at),
            )
        ]

    def _too_many(self, facts: Mapping[str, Scalar]) -> list[DomainError]:
        found: list[DomainError] = []
        if self._live_count >= self.concurrency:
            found.append(self._refused(self.concurrency, {}))
        for slot in self._plan.entitlements.slots:
            if fits(slot.match, facts):
                live = sum(fits(slot.match, one.dimensions | one.context) for one in self._live)
                if live >= slot.concurrency:
                    found.append(self._refused(slot.concurrency, slot.match))
        return found

    def _refused(self, limit: int, match: Match) -> ConcurrencyLimit:
        frees_at = self.frees_at(limit, match)
        return ConcurrencyLimit(limit=limit, match=_written(match), retry_at=_iso(frees_at))

    @cached_property
    def _live_count(self) -> int:
        return sum(live for (live,) in _live_count(account=self._account.pk))

    @cached_property
    def _live(self) -> list[Job]:
        live = Job.objects.filter(wallet__account=self._account, finished_at=None)
        return list(live.only("model", "dimensions", "context", "started_at"))

    def _too_much(
        self, number: int, limit: CountLimit, asked: Mapping[str, int]
    ) -> list[DomainError]:
        unit, most = _most(limit)
        if number not in self._used:
            self._used[number] = selectors.used(self._counted(limit), unit)
        used = self._used[number]
        excess = used + asked[unit] - most
        if excess <= 0:
            return []
        resets_at = None
        if asked[unit] <= most:
            if (number, excess) not in self._resets:
                self._resets[number, excess] = self._resets_at(limit, unit, excess)
            resets_at = self._resets[number, excess]
        return [
            QuotaExceeded(
                unit=unit,
                limit=_said(unit, most),
                used=_said(unit, used),
                window=limit.window,
                resets_at=_iso(resets_at),
                retry_after_seconds=_seconds_until(resets_at, self._at),
            )
        ]

    def _stretch(self, limit: CountLimit) -> entitlements.Stretch:
        own = Zones(limit.zone) if limit.zone else ledger.zones_of(self._account)
        return entitlements.stretch(limit.window, zones=own, at=self._at)

    def _counted(self, limit: CountLimit) -> QuerySet[Job]:
        """Return the orders that a limit counts now; they are summed, never loaded."""
        span = self._stretch(limit)
        counted = selectors.counted(self._account, since=span.starts_at)
        if span.ends_at is None:
            counted = selectors.still_in(counted, limit.window, at=self._at)
        return selectors.alike(counted, limit.match)

    def _resets_at(self, limit: CountLimit, unit: str, excess: int) -> datetime | None:
        """Return when `excess` no longer counts: at the window's end, or as orders leave it."""
        span = self._stretch(limit)
        if span.ends_at is not None:
            return span.ends_at
        leaving = selectors.first_to_leave(self._counted(limit), limit.window, unit)
        return entitlements.fits_again_at(limit.window, leaving, excess=excess)


def room_beside(plan: Plan, concurrency: int, busy: Sequence[Mapping[str, Scalar]]) -> Room:
    """Return what room an account has beside what is worked on for it, where the excess waits.

    Args:
        concurrency: how many jobs at once it may have, in all.
        busy: the facts of each job that is worked on.
    """
    if len(busy) >= concurrency:
        return Room(is_full=True)
    return Room(
        full_kinds=tuple(
            slot.match
            for slot in plan.entitlements.slots
            if sum(fits(slot.match, facts) for facts in busy) >= slot.concurrency
        )
    )


def _most(limit: CountLimit) -> tuple[str, int]:
    if limit.orders is not None:
        return "orders", limit.orders
    if limit.outputs is not None:
        return "outputs", limit.outputs
    assert limit.credits_micros is not None, "a count limit counts one thing"
    return "credits", limit.credits_micros


def _said(unit: str, amount: int) -> str:
    return format_micros(amount) if unit == "credits" else str(amount)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _seconds_until(instant: datetime | None, at: datetime) -> int:
    if instant is None:
        return _NEVER_AGAIN_SECONDS
    return max(1, -((at - instant) // timedelta(seconds=1)))


def _written(match: Match) -> dict[str, object]:
    return {
        name: matcher.model_dump() if isinstance(matcher, Between) else list(matcher)
        for name, matcher in match.items()
    }
