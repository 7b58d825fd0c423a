"""The breaker: what opens it, how long, who is let through, and what closes it again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from billing.fleet.breaking import (
    OPENS_AFTER,
    PAUSE_MAX,
    PAUSE_MIN,
    BreakerState,
    Circuit,
    Sign,
    pause,
    probed,
    told,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def after(*signs: Sign, circuit: Circuit | None = None, at: datetime = NOW) -> Circuit:
    """Return a breaker after what attempts have shown one after the other."""
    circuit = circuit or Circuit()
    for number, sign in enumerate(signs):
        circuit = told(circuit, sign, attempt_id=circuit.probe_id or f"at_{number}", now=at)
    return circuit


def on_trial(*signs: Sign) -> Circuit:
    """Return a breaker that these failures have opened, and that lets its probe through now."""
    opened = after(*signs)
    assert opened.state == BreakerState.OPEN
    return probed(opened, attempt_id="at_probe")


def words_of_probe(circuit: Circuit, *signs: Sign, at: datetime = NOW) -> Circuit:
    """Return the breaker after what its probe has shown."""
    for sign in signs:
        circuit = told(circuit, sign, attempt_id="at_probe", now=at)
    return circuit


UNHEARD = (Sign.UNHEARD,) * OPENS_AFTER
UNMADE = (Sign.UNMADE,) * OPENS_AFTER


@pytest.mark.parametrize("failures", [UNHEARD, UNMADE, (Sign.REFUSED_US,)])
def test_enough_failures_in_a_row_open_it_for_half_a_minute(failures: tuple[Sign, ...]) -> None:
    opened = after(*failures)

    assert opened.state == BreakerState.OPEN
    assert opened.retry_at == NOW + PAUSE_MIN
    assert not opened.admits(now=NOW + PAUSE_MIN - timedelta(microseconds=1))
    assert opened.admits(now=NOW + PAUSE_MIN)


@pytest.mark.parametrize(
    "signs",
    [
        UNHEARD[1:],
        UNMADE[1:],
        (*UNHEARD[1:], Sign.HEARD, *UNHEARD[1:]),
        (*UNHEARD[1:], Sign.TURNED_AWAY, *UNHEARD[1:]),
        (*UNHEARD[1:], *UNMADE[1:]),
        (*UNMADE[1:], Sign.MADE, *UNMADE[1:]),
        (Sign.TURNED_AWAY, Sign.NOTHING) * 50,
    ],
)
def test_fewer_than_enough_in_a_row_leave_it_closed(signs: tuple[Sign, ...]) -> None:
    assert after(*signs).state == BreakerState.CLOSED


def test_to_be_taken_is_no_cure_for_videos_that_come_to_nothing() -> None:
    signs = [sign for _time in range(OPENS_AFTER) for sign in (Sign.HEARD, Sign.UNMADE)]

    assert after(*signs).state == BreakerState.OPEN


def test_what_says_nothing_neither_counts_nor_forgives() -> None:
    between = [sign for failure in UNHEARD for sign in (failure, Sign.NOTHING)]

    assert after(*between).state == BreakerState.OPEN


@pytest.mark.parametrize("sign", [Sign.HEARD, Sign.TURNED_AWAY, Sign.MADE])
def test_a_probe_that_gets_through_closes_what_silence_had_opened(sign: Sign) -> None:
    assert words_of_probe(on_trial(*UNHEARD), sign) == Circuit()


def test_only_a_video_closes_what_broken_videos_had_opened() -> None:
    taken = words_of_probe(on_trial(*UNMADE), Sign.HEARD)

    assert taken.state == BreakerState.HALF_OPEN
    assert words_of_probe(taken, Sign.MADE) == Circuit()


@pytest.mark.parametrize("sign", [Sign.NOTHING, Sign.TURNED_AWAY])
def test_a_probe_that_ends_without_telling_makes_room_for_the_next(sign: Sign) -> None:
    again = words_of_probe(on_trial(*UNMADE), sign, at=NOW + PAUSE_MIN)

    assert (again.state, again.openings) == (BreakerState.OPEN, 1)
    assert again.admits(now=NOW + PAUSE_MIN)


@pytest.mark.parametrize("sign", [Sign.UNHEARD, Sign.REFUSED_US])
def test_a_probe_that_fails_doubles_the_pause(sign: Sign) -> None:
    again = words_of_probe(on_trial(*UNHEARD), sign)

    assert (again.state, again.retry_at) == (BreakerState.OPEN, NOW + 2 * PAUSE_MIN)


def test_the_pause_grows_to_ten_minutes_and_no_further() -> None:
    pauses = [pause(openings) for openings in (1, 2, 3, 4, 5, 6, 1000)]

    assert pauses == [PAUSE_MIN * n for n in (1, 2, 4, 8, 16)] + [PAUSE_MAX] * 2


@pytest.mark.parametrize("sign", Sign)
def test_what_was_sent_before_it_opened_changes_nothing(sign: Sign) -> None:
    opened, trial = after(*UNHEARD), on_trial(*UNMADE)

    assert told(opened, sign, attempt_id="at_old", now=NOW) == opened
    assert told(trial, sign, attempt_id="at_old", now=NOW) == trial


class BreakerMachine(RuleBasedStateMachine):
    """Attempts come and go; a plain list of what they have shown says what must be so."""

    def __init__(self) -> None:
        super().__init__()
        self.circuit = Circuit()
        self.now = NOW
        self.live: list[str] = []
        self.made = 0
        self.shown: list[Sign] = []  # since it was last closed anew
        self.let_through = 0  # since it opened last

    @rule(seconds=st.integers(1, 700))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def somebody_tries(self) -> None:
        if not self.circuit.admits(now=self.now):
            return
        before = self.circuit
        self.made += 1
        attempt = f"at_{self.made}"
        self.circuit = probed(before, attempt_id=attempt)
        self.live.append(attempt)
        if before.state == BreakerState.OPEN:
            assert before.retry_at is not None
            assert self.now >= before.retry_at
            self.let_through += 1
            assert self.let_through == 1

    @precondition(lambda self: self.live)
    @rule(sign=st.sampled_from(Sign), place=st.integers(0, 50))
    def one_shows_something(self, sign: Sign, place: int) -> None:
        attempt = self.live[place % len(self.live)]
        before = self.circuit
        if sign != Sign.HEARD:
            self.live.remove(attempt)
        self.circuit = told(before, sign, attempt_id=attempt, now=self.now)
        if before.state != BreakerState.CLOSED and attempt != before.probe_id:
            assert self.circuit == before
            return
        self.shown.append(sign)
        if self.circuit.state == BreakerState.CLOSED and before.state != BreakerState.CLOSED:
            assert sign in (Sign.HEARD, Sign.TURNED_AWAY, Sign.MADE)
        if self.circuit.state == BreakerState.OPEN:
            self.let_through = 0

    def in_a_row(self, failures: set[Sign], cures: set[Sign]) -> int:
        """Return how many failures of a kind came since the last cure, at most enough."""
        count = 0
        for sign in self.shown:
            if sign in cures:
                count = 0
            elif sign == Sign.REFUSED_US and sign in failures:
                count = OPENS_AFTER
            elif sign in failures:
                count += 1
        return min(OPENS_AFTER, count)

    @invariant()
    def it_is_closed_while_few_failures_stand_in_a_row(self) -> None:
        answers = {Sign.HEARD, Sign.TURNED_AWAY, Sign.MADE}
        unheard = self.in_a_row({Sign.UNHEARD, Sign.REFUSED_US}, answers)
        unmade = self.in_a_row({Sign.UNMADE}, {Sign.MADE})

        assert (self.circuit.unheard, self.circuit.unmade) == (unheard, unmade)
        is_closed = self.circuit.state == BreakerState.CLOSED
        assert is_closed == (max(unheard, unmade) < OPENS_AFTER)

    @invariant()
    def the_one_on_trial_is_alive(self) -> None:
        if self.circuit.state == BreakerState.HALF_OPEN:
            assert self.circuit.probe_id in self.live
            assert not self.circuit.admits(now=self.now + timedelta(days=1))
        else:
            assert self.circuit.probe_id == ""


TestBreakerMachine = BreakerMachine.TestCase
