"""How often a backend is asked: as it wants, and always before it forgets."""

from datetime import timedelta

import pytest

from billing.gpu.protocol import Caps
from billing.jobs import asking


@pytest.mark.parametrize(
    ("caps", "seconds"),
    [
        (Caps(), 20),
        (Caps(poll=True, poll_seconds=5), 5),
        (Caps(poll=True, poll_seconds=3600), 600),
        (Caps(poll=True, poll_seconds=3600, retention_seconds=1800), 450),
        (Caps(poll=True, poll_seconds=30, retention_seconds=60), 15),
        (Caps(poll=True, poll_seconds=30, retention_seconds=86_400), 30),
    ],
)
def test_it_is_asked_at_its_own_pace_and_well_before_it_forgets(caps: Caps, seconds: int) -> None:
    assert asking.pause(caps) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("caps", "hint"),
    [
        (Caps(poll=True, callback="unsigned"), True),
        (Caps(poll=True, callback="bearer"), True),
        (Caps(poll=True, callback="hmac"), False),
        (Caps(poll=True, callback="standard_webhooks"), False),
        (Caps(poll=False, callback="bearer"), False),
    ],
)
def test_a_weak_callback_is_a_hint_where_one_can_ask(caps: Caps, hint: bool) -> None:  # noqa: FBT001 (a row of a table)
    assert asking.is_hint(caps) == hint


@pytest.mark.parametrize(
    ("retention", "minutes", "forgotten"),
    [(1800, 29, False), (1800, 30, True), (None, 999, False), (0, 999, False)],
)
def test_a_denial_after_its_memory_ended_proves_nothing(
    retention: int | None,
    minutes: int,
    forgotten: bool,  # noqa: FBT001 (a row of a table)
) -> None:
    caps = Caps(poll=True, retention_seconds=retention)

    assert asking.may_be_forgotten(caps, silence=timedelta(minutes=minutes)) == forgotten
