"""Allowances in memory: their windows, what a window gives, and what becomes of its rest. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from billing.ledger.lots import Lot
from plans import periods
from plans.catalog.allowances import Allowance
from plans.catalog.values import DAY_END, NEVER, SUBSCRIPTION_END, WINDOW_END
from plans.credits import MICROS
from plans.periods import FOREVER, Move, Rhythm, Window

# What is a plan's own comes anew with each plan; what is not is the account's, whatever its plan.
_OF_THE_PLAN: Final = frozenset({"weekly", "monthly", "yearly"})


@dataclass(slots=True)
class Schedule:
    """An allowance of a wallet, on the terms with which it began.

    Attributes:
        code: with its plan's code in front where its windows are the plan's.
        zone: whose days and months count, until the first of `moves`.
        subscription: the paid subscription whose windows these are; empty: none.
        next_at: when it gives by itself next; None: when it is asked, used, or no more.
        ends_at: nothing comes from this instant on; None: no end is known.
        windows_of: the code whose windows it goes on in, whatever it is called now; empty: its
            own.
        moves: the account's changes of zone; they count where the terms name no zone.
    """

    id: str
    code: str
    terms: Allowance
    zone: str
    anchor_at: datetime
    subscription: str = ""
    next_at: datetime | None = None
    ends_at: datetime | None = None
    windows_of: str = ""
    moves: tuple[Move, ...] = ()

    @property
    def amount_micros(self) -> int:
        """The most that one window gives: millionths of a credit, or of the counted unit."""
        terms = self.terms
        if terms.amount is not None:
            return terms.amount * MICROS
        most = terms.credits_micros or terms.credits_max_micros
        assert most is not None, "the catalog says how much"
        return most

    @property
    def series(self) -> str:
        """What its grants and uses have in common: its code, and the subscription's own if any.

        An allowance that goes on under another code keeps the one of its windows.
        """
        code = self.windows_of or self.code
        return f"{code}:{self.subscription}" if self.subscription else code

    @property
    def is_rolling(self) -> bool:
        """Whether its windows begin with a use."""
        return self.terms.cadence == "rolling"

    def window(self, at: datetime) -> Window:
        """Return the window that holds the instant `at`; one that rolls begins there."""
        if self.is_rolling:
            return Window(_instant_key(at), at, self.after(at))
        if self.terms.cadence == "once" and self.terms.is_counted:
            ends_at = expiry_of(self.terms.expiry, granted_at=self.anchor_at, zone=self.zone)
            return Window("once", self.anchor_at, ends_at or FOREVER)
        return self._rhythm().window(at)

    def before(self, window: Window) -> Window:
        """Return the window before `window`."""
        return self._rhythm().before(window)

    def after(self, at: datetime) -> datetime:
        """Return when a window that begins with a use at `at` is over."""
        assert self.terms.period is not None, "rolling allowances have a period"
        return periods.add_period(at, self.terms.period)

    def fact(self, window: Window) -> str:
        """Return the business fact that makes a window's grant unique in its wallet.

        A day's credits, and those that come once, are the account's; a month's are the plan's,
        and a paid subscription's its own. Going from plan to plan and back brings none of them
        twice.
        """
        return f"allowance:{self.series}:{window.key}"

    def day_at(self, window: Window) -> datetime | None:
        """Return when the day began that `window` is; None: it is none."""
        return window.starts_at if self.terms.cadence == "daily" else None

    def lot(self, grant_id: str, window: Window, granted_at: datetime) -> Lot:
        """Return the empty lot of what `window` gives when it is given at `granted_at`."""
        terms = self.terms
        carries_on = terms.rollover in {"cap", "while_subscribed"}
        return Lot(
            id=grant_id,
            source=terms.source,
            priority=terms.priority,
            effective_at=granted_at,
            expires_at=self.expires_at(window, granted_at),
            series=self.series,
            scope=terms.scope,
            locked_while=terms.locked_while,
            with_subscription=carries_on or terms.expiry == SUBSCRIPTION_END,
            lasts=self.lasts,
        )

    @property
    def lasts(self) -> str:
        """The period from the first use after which its credits are gone; empty: they are not."""
        ends_by_use = self.is_rolling and self.terms.expiry == WINDOW_END
        return (self.terms.period or "") if ends_by_use else ""

    def expires_at(self, window: Window, granted_at: datetime) -> datetime | None:
        """Return when credits of `window` are gone; None: not by themselves."""
        terms = self.terms
        if terms.rollover in {"cap", "while_subscribed"} or self.lasts:
            return None
        if terms.rollover == "periods":
            for _more in range(terms.rollover_periods or 0):
                window = self.window(window.ends_at)
            return window.ends_at
        if terms.expiry == WINDOW_END:
            return window.ends_at
        zone = self._rhythm().zone_at(granted_at)
        return expiry_of(terms.expiry, granted_at=granted_at, zone=zone)

    def within(self, next_at: datetime) -> datetime | None:
        """Return `next_at`, or None when nothing more comes then."""
        ended = self.ends_at is not None and next_at >= self.ends_at
        return None if ended or next_at >= FOREVER else next_at

    def first_that_counts(self, at: datetime, now: datetime) -> datetime:
        """Return the start of the first window from `at` on that is still felt at `now`.

        Whoever slept wakes with what he would have had, and without grants that came and went
        unseen: windows are passed over whose credits are over, or beyond any cap.
        """
        felt = self._windows_felt()
        if felt is None:
            lasts = self._lasts_at_most()
            return at if lasts is None else max(at, self.window(now - lasts).starts_at)
        window = self.window(now)
        while felt and window.starts_at > at:
            window, felt = self.before(window), felt - 1
        return max(at, window.starts_at)

    def is_over_unseen(self, window: Window, at: datetime, now: datetime) -> bool:
        """Say whether what `window` gives at `at` comes and goes by `now`, and nothing feels it."""
        terms = self.terms
        if terms.rollover != "none" or terms.fill != "add" or terms.cadence in {"once", "rolling"}:
            return False
        expires_at = self.expires_at(window, at)
        return expires_at is not None and expires_at <= now

    def _windows_felt(self) -> int | None:
        """Return how many windows before the present one still matter; None: all of them."""
        terms = self.terms
        if terms.cadence in {"once", "rolling"}:
            return None
        if terms.rollover == "periods":
            return terms.rollover_periods
        if terms.rollover == "cap":  # after so many an untouched series is full, whatever it was
            return -(-(terms.rollover_cap_micros or 0) // self.amount_micros)
        if terms.rollover == "none" and terms.expiry == WINDOW_END:
            return 0
        return None

    def _lasts_at_most(self) -> timedelta | None:
        """Return how long a window's credits last, or somewhat more; None: it depends."""
        terms = self.terms
        by_itself = terms.rollover == "none" and terms.fill == "add"
        if not by_itself or terms.cadence in {"once", "rolling"}:
            return None
        if terms.expiry in {NEVER, SUBSCRIPTION_END, WINDOW_END}:
            return None
        period = periods.parse_period(terms.expiry.removesuffix(DAY_END))
        # Two days more, for the end of a day and for changes of the clocks.
        return timedelta(days=period.months * 31 + period.days + 2, seconds=period.seconds)

    def _rhythm(self) -> Rhythm:
        terms = self.terms
        return Rhythm(
            cadence=terms.cadence,
            zone=self.zone,
            anchor_at=self.anchor_at,
            anchor=terms.anchor,
            begins=terms.at,
            short_month=terms.short_month,
            moves=() if terms.zone else self.moves,
        )


def is_of_the_plan(terms: Allowance) -> bool:
    """Say whether its windows are the plan's (weeks, months, years) and not the account's."""
    return terms.cadence in _OF_THE_PLAN


def series_code(plan: str, terms: Allowance) -> str:
    """Return the code of an allowance in a wallet."""
    return f"{plan}.{terms.code}" if is_of_the_plan(terms) else terms.code


def written_terms(terms: Allowance) -> dict[str, object]:
    """Return an allowance's terms as its row keeps them: equal exactly when they say the same."""
    return terms.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def expiry_of(expiry: str, *, granted_at: datetime, zone: str) -> datetime | None:
    """Return the instant from which credits on the terms `expiry` are gone; None: they stay.

    Those that end with a window have one, and `Schedule.expires_at` knows it.
    """
    assert expiry != WINDOW_END, "a window's end is known to its schedule alone"
    if expiry in {NEVER, SUBSCRIPTION_END}:
        return None
    expires_at = periods.add_period(granted_at, expiry.removesuffix(DAY_END), zone=zone)
    if expiry.endswith(DAY_END):
        # The last moment still belongs to its day: P1D@day_end of noon ends at 24:00 tomorrow.
        return periods.end_of_day(zone, expires_at)
    return expires_at


def _instant_key(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%S.%fZ")
