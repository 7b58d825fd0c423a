"""Two operations at once come to what one after the other comes to, in every order of statements.

After all schedules of a pair everything is audited at once: each schedule has accounts of its
own, so that nothing that it left was overwritten.
"""

from collections.abc import Callable
from itertools import count

import pytest

from billing.insights import audit
from tests import thoroughness
from tests.interleaving import pairs_of_credits, pairs_of_jobs, pairs_of_offers, pairs_of_owners
from tests.interleaving.scenes import Pair, told
from tests.interleaving.scheduler import Interleaver, Schedule
from tests.thoroughness import by_profile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.night]

PAIRS = (
    *pairs_of_credits.PAIRS,
    *pairs_of_owners.PAIRS,
    *pairs_of_jobs.PAIRS,
    *pairs_of_offers.PAIRS,
)
ORDERS_MAX = by_profile(desk=25, ci=150, night=4000)
AT_NIGHT = thoroughness.PROFILE == "night"
Seen = dict[tuple[str, str, str], Schedule]


def outcomes(
    interleaver: Interleaver, pair: Pair, *, most: int = ORDERS_MAX, reduced: bool = True
) -> tuple[Seen, int]:
    """Return what came of the pair, each with a schedule that came to it, and how many ran."""
    numbers, seen, ran = count(), Seen(), 0
    scenes = []

    def fresh() -> tuple[Callable[[], object], Callable[[], object]]:
        scenes.append(pair.scene(f"{'all' * (not reduced)}p{next(numbers)}"))
        return scenes[-1].left, scenes[-1].right

    for schedule in interleaver.orders(fresh, most=most, reduced=reduced):
        left, right = schedule.outcomes
        seen.setdefault((told(left), told(right), scenes[-1].seen()), schedule)
        ran += 1
    return seen, ran


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_pair_comes_to_nothing_but_what_is_allowed(
    pair: Pair, interleaver: Interleaver, record_property: Callable[[str, object], None]
) -> None:
    seen, ran = outcomes(interleaver, pair)
    words = "of many" if interleaver.left_out else "all"
    if AT_NIGHT:  # one by one, even those that cannot differ
        more, again = outcomes(interleaver, pair, reduced=False)
        seen, ran, words = more | seen, ran + again, f"{words}; {again} one by one"

    strange = {outcome: str(seen[outcome]) for outcome in seen.keys() - pair.allowed}
    assert strange == {}
    assert interleaver.left_out or seen.keys() == pair.allowed
    assert [str(breach) for breach in audit.breaches()] == []
    record_property(thoroughness.LOOKED, f"{pair.name}: {ran} orders ({words})")
