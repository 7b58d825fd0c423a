"""What became of grants: of their own credits, and of those that went on as other grants.

Credits that were sent to another wallet, given anew, converted or given back stay what they were
bought as: their grants are the children of the one that they came from.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final

from django.db import connection
from django.db.models import Q, Sum

from billing.ledger.lots import RETURNED
from billing.ledger.models import Entry, Grant, TransferPart

_CONVERTED: Final = "conversion:"
_BACK: Final = "back:"
_DEPTH_MAX: Final = 50  # how often credits can have gone on; nobody sends them in a circle so often


@dataclass(frozen=True, slots=True)
class Left:
    """How many of a grant's credits can still be used at an instant, and how many were used."""

    live: Fraction = Fraction(0)
    used: Fraction = Fraction(0)

    def __add__(self, other: "Left") -> "Left":
        """Return both together."""
        return Left(self.live + other.live, self.used + other.used)

    def times(self, ratio: Fraction) -> "Left":
        """Return it in the credits of which `ratio` have become one."""
        return Left(self.live * ratio, self.used * ratio)


@dataclass(slots=True)
class Family:
    """Grants with their children, and the movements of all of them."""

    grants: dict[str, Grant] = field(default_factory=dict)
    children: dict[str, dict[str, Fraction]] = field(default_factory=lambda: defaultdict(dict))

    def left(self, roots: Iterable[Grant], *, at: datetime) -> dict[str, Left]:
        """Return by its id how each root stands right before `at`, its children with it."""
        moved = _moved(self.grants, at)
        return {root.pk: self._left(root.pk, moved, at, is_root=True) for root in roots}

    def _left(
        self, grant_id: str, moved: Mapping[str, "_Moved"], at: datetime, *, is_root: bool
    ) -> Left:
        grant = self.grants[grant_id]
        found = _own(grant, moved.get(grant_id, _STILL), at, is_root=is_root)
        for child, ratio in self.children.get(grant_id, {}).items():
            found += self._left(child, moved, at, is_root=False).times(ratio)
        return found


def read(roots: Iterable[Grant]) -> Family:
    """Return these grants with all that their credits have become."""
    family = Family()
    coming = {root.pk: root for root in roots}
    for _generation in range(_DEPTH_MAX):
        coming = {key: grant for key, grant in coming.items() if key not in family.grants}
        if not coming:
            break
        family.grants.update(coming)
        found = _children(coming)
        for parent, child, ratio in found:
            family.children[parent][child] = ratio
        coming = Grant.objects.in_bulk([child for _parent, child, _ratio in found])
    return family


def _children(parents: Mapping[str, Grant]) -> list[tuple[str, str, Fraction]]:
    """Return parent, child, and how many of the parent's credits one of the child's is."""
    sent = TransferPart.objects.filter(source_id__in=parents).values_list("source_id", "target_id")
    found = [(parent, child, Fraction(1)) for parent, child in sent]
    wallets = {grant.wallet_id for grant in parents.values()}
    prefixed = Q(fact__startswith=RETURNED) | Q(fact__startswith=_BACK)
    made = Grant.objects.filter(prefixed, wallet_id__in=wallets).values_list("pk", "fact")
    for child, fact in made:
        parent = fact.rpartition(":")[2]
        if parent in parents:
            found.append((parent, child, Fraction(1)))
    return [*found, *_converted(parents, wallets)]


def _converted(
    parents: Mapping[str, Grant], wallets: Collection[str]
) -> list[tuple[str, str, Fraction]]:
    """Return what conversions have made of these grants: as many new credits as the rule said."""
    of_parent: dict[str, list[tuple[str, int]]] = defaultdict(list)
    made = Grant.objects.filter(fact__startswith=_CONVERTED, wallet_id__in=wallets)
    for child, fact, amount in made.values_list("pk", "fact", "amount_micros"):
        for word in fact.split(":")[2:]:
            if word in parents:
                of_parent[word].append((child, amount))
    taken = dict(
        Entry.objects.filter(grant_id__in=of_parent, kind="revoke", cause_type="conversion")
        .values_list("grant_id")
        .annotate(total=Sum("amount_micros"))
    )
    return [
        (parent, child, Fraction(taken[parent], sum(amount for _child, amount in children)))
        for parent, children in of_parent.items()
        for child, _amount in children
    ]


@dataclass(frozen=True, slots=True)
class _Moved:
    """What has moved of a grant before an instant."""

    begun: int = 0
    withdrawn: int = 0
    held: int = 0
    used: int = 0
    gone: int = 0  # expired, taken or sent while it was free
    spent: int = 0  # of what was held


_STILL: Final = _Moved()


def _own(grant: Grant, moved: _Moved, at: datetime, *, is_root: bool) -> Left:
    """Return how a grant stands without its children.

    What has expired by its own terms counts as gone at once, written down or not.
    """
    pending = grant.amount_micros - moved.begun - moved.withdrawn if is_root else 0
    free = moved.begun - moved.held - moved.gone
    is_over = grant.gone_at is not None and grant.gone_at < at
    held = moved.held - moved.spent
    live = held if is_over else pending + free + held
    return Left(Fraction(live), Fraction(moved.used))


def _moved(grants: Collection[str], at: datetime) -> dict[str, _Moved]:
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [list(grants), at])
        return {row[0]: _Moved(*(int(part) for part in row[1:])) for row in cursor.fetchall()}


# What is released was held, and is free again.
_SUMS: Final = """
    SELECT grant_id,
           sum(CASE WHEN kind = 'grant' THEN amount_micros ELSE 0 END),
           sum(CASE WHEN kind = 'withdraw' THEN amount_micros ELSE 0 END),
           sum(CASE WHEN kind = 'hold' THEN amount_micros
                    WHEN kind = 'release' THEN -amount_micros ELSE 0 END),
           sum(CASE WHEN kind IN ('capture', 'repay') THEN amount_micros ELSE 0 END),
           sum(CASE WHEN kind IN ('expire', 'repay', 'revoke', 'transfer')
                    THEN amount_micros ELSE 0 END),
           sum(CASE WHEN kind IN ('capture', 'lapse') THEN amount_micros ELSE 0 END)
    FROM billing_entry
    WHERE grant_id = ANY(%s) AND effective_at < %s
    GROUP BY grant_id
"""
