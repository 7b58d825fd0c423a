"""What credits have become in their own wallet: lent and come home, given anew, converted."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import Q, QuerySet, Sum

from billing.ledger.lots import CONVERTED, RETURNED
from billing.ledger.models import Entry, Grant, TransferPart


@dataclass(frozen=True, slots=True)
class Heir:
    """A grant as which credits of another one of the same wallet have gone on.

    Attributes:
        worth: how many of the other's credits have become one of it: 1, but where a conversion
            has made more of them, or fewer.
        is_converted: by the end of a product; the other's row says that they were revoked.
    """

    grant: Grant
    parent_id: str
    worth: Fraction = Fraction(1)
    is_converted: bool = False


def heirs(grants: Iterable[Grant]) -> Iterator[Heir]:
    """Yield what credits of these grants have become, and what that has, parents first.

    What was sent to another wallet and stays there is used, and not followed.
    """
    coming = {grant.pk: grant for grant in grants}
    known = set(coming)
    while coming:
        found = [one for one in _next(coming) if one.grant.pk not in known]
        coming = {one.grant.pk: one.grant for one in found}
        known |= coming.keys()
        yield from found


def came_home(grant_ids: Iterable[str]) -> QuerySet[TransferPart]:
    """Return the parts that brought back what was lent of these grants."""
    lent = TransferPart.objects.filter(source__in=[*grant_ids], target__goes_back=True)
    return TransferPart.objects.filter(source__in=lent.values("target"))


def _next(parents: Mapping[str, Grant]) -> Iterator[Heir]:
    home = came_home(parents).select_related("target", "source__part_in").order_by("pk")
    for part in home:
        yield Heir(part.target, part.source.part_in.source_id)
    made = Grant.objects.filter(
        Q(fact__startswith=RETURNED) | Q(fact__startswith=CONVERTED),
        wallet_id__in={grant.wallet_id for grant in parents.values()},
    )
    converted: dict[tuple[str, str], list[Grant]] = defaultdict(list)
    for grant in made.order_by("pk"):
        _kind, what, *words = grant.fact.split(":")
        if words and words[0] in parents:
            if grant.fact.startswith(CONVERTED):
                converted[words[0], what].append(grant)
            else:
                yield Heir(grant, words[0])
    yield from _converted(converted)


def _converted(made: Mapping[tuple[str, str], list[Grant]]) -> Iterator[Heir]:
    """Yield what conversions have made: of so many old credits so many new ones, rounded down."""
    if not made:
        return
    gone = Entry.objects.filter(
        grant__in={parent for parent, _code in made}, kind="revoke", cause_type="conversion"
    )
    sums = gone.values_list("grant_id", "cause_id").annotate(total=Sum("amount_micros"))
    old_micros = {(parent, code): total for parent, code, total in sums}
    for (parent, code), grants in made.items():
        new_micros = sum(grant.amount_micros for grant in grants)
        worth = Fraction(old_micros[parent, code], new_micros)
        yield from (Heir(grant, parent, worth, is_converted=True) for grant in grants)
