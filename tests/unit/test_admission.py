"""The rule of the free tier by itself: once for each identity, so many a window."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from billing.accounts.admission import Cap, Reason, State, caps_of, judge
from billing.accounts.signals import Signal, normalised
from plans.catalog.free_tier import FreeTier

ZONE = "Asia/Shanghai"
NOON = datetime(2026, 11, 26, 4, tzinfo=UTC)
RULE = FreeTier.model_validate(
    {
        "signals": ["email", "device"],
        "requires": ["email", "ip"],
        "per_ip_day": 2,
        "per_ip_window": {"days": 7, "most": 5},
        "per_day": 40,
    }
)
ALL = frozenset({"email", "ip", "device"})


def test_who_lacks_a_signal_waits_for_it_and_who_has_all_is_admitted() -> None:
    lacking = judge(RULE, told=frozenset({"device"}), is_taken=False, full=[])

    assert (lacking.state, lacking.reason) == (State.WAITING, Reason.SIGNALS_MISSING)
    assert lacking.missing == ("email", "ip")
    assert judge(RULE, told=ALL, is_taken=False, full=[]).state == State.ADMITTED


def test_a_taken_identity_is_refused_whatever_else_is_said() -> None:
    full = caps_of(RULE, zone=ZONE, at=NOON)

    assert judge(RULE, told=frozenset(), is_taken=True, full=full).reason == Reason.IDENTITY_TAKEN


def test_full_caps_are_waited_for_until_the_last_of_them_begins_anew() -> None:
    caps = caps_of(RULE, zone=ZONE, at=NOON)

    told = judge(RULE, told=ALL, is_taken=False, full=caps)

    assert [cap.reason for cap in caps] == [
        Reason.IP_DAY_FULL,
        Reason.IP_WINDOW_FULL,
        Reason.DAY_FULL,
    ]
    assert told.state == State.WAITING
    assert told.retry_at == max(cap.ends_at for cap in caps)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Sao_Paulo", "Pacific/Apia"])
def test_windows_follow_each_other_without_a_gap(zone: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    seen: list[Cap] = []
    for _hour in range(24 * 30):
        cap = caps_of(RULE, zone=zone, at=at)[1]
        assert cap.ends_at > at
        if not seen or seen[-1] != cap:
            assert not seen or (seen[-1].ends_at <= at and seen[-1].window != cap.window)
            seen.append(cap)
        at += timedelta(hours=1)

    assert all(b.ends_at - a.ends_at == timedelta(days=7) for a, b in pairwise(seen))


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"per_ip_day": 3}, "must have"),
        ({"signals": ["email", "email"]}, "twice"),
        ({}, "says nothing"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(written: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FreeTier.model_validate(written)


def test_ten_thousand_sign_ups_give_each_identity_one_and_each_window_its_most() -> None:
    """A farm: few mailboxes in many spellings, few devices, few networks, over ten days."""
    chance = random.Random(19)
    owner: dict[tuple[str, str], int] = {}
    begun: Counter[tuple[Reason, str, str]] = Counter()
    most: dict[tuple[Reason, str, str], int] = {}
    admitted = 0
    for number in range(10_000):
        at = NOON + timedelta(seconds=86 * number)
        told = _sign_up(chance)
        ids = [(kind, told[kind]) for kind in RULE.signals if kind in told]
        caps = [cap for cap in caps_of(RULE, zone=ZONE, at=at) if not cap.is_by_ip or "ip" in told]
        keys = {cap: (cap.reason, cap.window, _who(cap, told)) for cap in caps}
        full = [cap for cap in caps if begun[keys[cap]] >= cap.most]
        verdict = judge(
            RULE, told=frozenset(told), is_taken=any(one in owner for one in ids), full=full
        )
        if verdict.state == State.ADMITTED:
            admitted += 1
            assert not owner.keys() & set(ids)
            owner.update(dict.fromkeys(ids, number))
            for cap in caps:
                begun[keys[cap]] += 1
                most[keys[cap]] = cap.most

    assert admitted > 100
    assert all(count <= most[key] for key, count in begun.items() if key in most)
    assert max(begun[key] for key in most if key[0] == Reason.DAY_FULL) <= 40
    assert len({value for kind, value in owner if kind == "email"}) == admitted


def _sign_up(chance: random.Random) -> dict[str, str]:
    name = f"user{chance.randrange(3000)}"
    spelled = chance.choice([name, name.upper(), f"{name}+{chance.randrange(99)}", ".".join(name)])
    told = {"email": normalised(Signal.EMAIL, f"{spelled}@gmail.com")}
    if chance.random() < 0.9:
        told["ip"] = normalised(Signal.IP, f"203.0.113.{chance.randrange(200)}")
    if chance.random() < 0.7:
        told["device"] = normalised(Signal.DEVICE, f"device-{chance.randrange(2500)}")
    return told


def _who(cap: Cap, told: dict[str, str]) -> str:
    return told["ip"] if cap.is_by_ip else ""
