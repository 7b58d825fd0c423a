from datetime import timedelta

import pytest

from billing.webhooks import schedule


def test_ten_attempts_take_about_three_days_and_then_it_is_over() -> None:
    pauses = [schedule.pause_after(attempts, roll=0.5) for attempts in range(1, 11)]

    assert pauses[-1] is None
    total = sum((pause for pause in pauses if pause is not None), timedelta())
    assert timedelta(days=3) < total < timedelta(days=3.5)
    assert [int(pause.total_seconds()) for pause in pauses[:4] if pause] == [5, 300, 1800, 7200]


@pytest.mark.parametrize("attempts", range(1, 10))
def test_pauses_stray_by_a_tenth_at_most(attempts: int) -> None:
    middle = schedule.PAUSES[attempts - 1]

    assert schedule.pause_after(attempts, roll=0.0) == middle * 0.9
    assert schedule.pause_after(attempts, roll=1.0) == middle * 1.1
