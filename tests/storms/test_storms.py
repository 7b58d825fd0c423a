"""Round after round many ask at the same moment, and exactly as many get it as are allowed to."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.models import Entry, Grant
from billing.outbox import gateway
from billing.promotions import services as promotions
from billing.promotions.services import Gift
from tests import everything, factories, thoroughness
from tests.corrections import desk
from tests.corrections.conftest import operator
from tests.interleaving.scenes import balance, told
from tests.jobs import shop
from tests.packs import shelf
from tests.storms.crowd import Crowd
from tests.thoroughness import by_profile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.night]

SIZE = by_profile(desk=20, ci=20, night=100)
ROUNDS = by_profile(desk=3, ci=5, night=200)
Storm = Callable[[Crowd, Account, list[Account]], tuple[Counter[str], object]]
Tell = Callable[[str, object], None]


@pytest.fixture
def crowd(
    transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Crowd]:
    """The platform is open, no worker is called, and many stand at its door."""
    settings.BACKENDS = everything.BACKENDS
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    everything.open_platform()
    with Crowd(SIZE) as many:
        yield many


def submit(crowd: Crowd, ada: Account, _others: list[Account]) -> tuple[Counter[str], object]:
    """Credits for three videos, and many who order one."""
    factories.give(ada, 35)
    answers = crowd.rush(lambda _place: shop.submit(ada))
    return Counter(map(told, answers)), balance(ada)


def claim(crowd: Crowd, ada: Account, _others: list[Account]) -> tuple[Counter[str], object]:
    """One account that checks in on one day."""
    answers = crowd.rush(lambda _place: factories.claim(ada))
    facts = {one.pk for one in answers if isinstance(one, Grant)}
    return Counter(map(told, answers)), (len(facts), balance(ada))


def cancel(crowd: Crowd, ada: Account, _others: list[Account]) -> tuple[Counter[str], object]:
    """One job that waits in the queue."""
    factories.give(ada, 10)
    job = shop.submit(ada)
    answers = crowd.rush(lambda _place: everything.cancel(job))
    ends = Entry.objects.filter(hold=job.hold, kind="release").count()
    return Counter(map(told, answers)), (ends, balance(ada))


def redeem(crowd: Crowd, _ada: Account, others: list[Account]) -> tuple[Counter[str], object]:
    """A code for seven, and many accounts that have it."""
    [code] = promotions.create_codes(
        Gift("pack", "plain"), count=1, uses=7, is_sandbox=True, now=everything.now()
    )
    before = Grant.objects.count()
    answers = crowd.rush(lambda place: shelf.redeem(others[place], code))
    return Counter(map(told, answers)), Grant.objects.count() - before


def _operator(name: str) -> User:
    return User.objects.filter(username=name).first() or operator(name)


def approve(crowd: Crowd, ada: Account, _others: list[Account]) -> tuple[Counter[str], object]:
    """One correction that was asked for, and many operators who approve it."""
    asker, *team = (_operator(f"operator-{place}") for place in range(crowd.size + 1))
    asked = desk.ask(ada, 1, asker)
    answers = crowd.rush(lambda place: desk.approve(asked, team[place]).state)
    return Counter(map(told, answers)), balance(ada)


def transfer(crowd: Crowd, ada: Account, others: list[Account]) -> tuple[Counter[str], object]:
    """Credits for three gifts, and a gift to each of many."""
    factories.give(ada, 35)
    answers = crowd.rush(lambda place: everything.send(ada, others[place], 10, fact=f"to:{place}"))
    return Counter(map(told, answers)), balance(ada)


STORMS: list[tuple[Storm, dict[str, int], object]] = [
    (submit, {"queued": 3, "insufficient_credits": SIZE - 3}, "5+30"),
    (claim, {"granted 10": SIZE}, (1, "10+0")),
    (cancel, {"canceled": SIZE}, (1, "10+0")),
    (approve, {"executed": 1, "decided": SIZE - 1}, "1+0"),
    (transfer, {"sent 10": 3, "insufficient_credits": SIZE - 3}, "5+0"),
    (redeem, {"redeemed": 7, "code_used_up": SIZE - 7}, 7),
]


@pytest.mark.parametrize(
    ("storm", "answers", "seen"), STORMS, ids=[storm.__name__ for storm, _answers, _seen in STORMS]
)
def test_exactly_as_many_get_it_as_may(
    crowd: Crowd, storm: Storm, answers: dict[str, int], seen: object, record_property: Tell
) -> None:
    others = [everything.customer(f"other-{place}") for place in range(SIZE)]
    wrong = []
    for number in range(ROUNDS):
        ada = everything.customer(f"ada-{number}")
        came = storm(crowd, ada, others)
        if came != (answers, seen):
            wrong.append((number, came))

    assert wrong == []
    assert [str(breach) for breach in audit.breaches()] == []
    record_property(
        thoroughness.LOOKED,
        f"storm of {storm.__name__}: {SIZE} at once, {ROUNDS} rounds, {len(wrong)} violations",
    )
