"""What holds for every adapter of a vendor, shown over the wire against its simulator.

A vendor's test derives `Contract`, gives its `bench`, and says in class attributes what is
special about the vendor. What only one vendor does is shown in its own tests.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import pytest
from django.db import connections, transaction

from billing.gpu import wire
from billing.gpu.protocol import (
    FINAL_STATES,
    Ambiguous,
    AtCapacity,
    AuthError,
    BackendError,
    CancelResult,
    Fail,
    NotSent,
    Readiness,
    Rejected,
    State,
)
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import LIVE, Ending, Fault
from tests.gpu.vendors.bench import PROMPT, SIGNED, Bench, remembered
from tests.gpu.vendors.fetches import Fetches
from tests.gpu.vendors.reports import Reports

NOBODY_KNOWS: Final = (
    Fault.DROP_REPLY,
    Fault.CUT_REPLY,
    Fault.ERROR_AFTER,
    Fault.GARBAGE,
    Fault.NOTHING_SAID,
    Fault.FLOOD,
)
READS: Final[Mapping[Ending, tuple[State, tuple[Fail | None, ...]]]] = {
    Ending.QUEUED: (State.QUEUED, (None,)),
    Ending.RUNNING: (State.RUNNING, (None,)),
    Ending.SUCCEEDED: (State.SUCCEEDED, (None,)),
    Ending.EMPTY: (State.FAILED, (Fail.EMPTY,)),
    Ending.COMPLETED_WITH_ERROR: (State.FAILED, (Fail.PROVIDER,)),
    Ending.FAILED: (State.FAILED, (Fail.PROVIDER,)),
    Ending.MODERATED: (State.FAILED, (Fail.MODERATION,)),
    Ending.CANCELED: (State.CANCELED, (Fail.CANCELED,)),
    Ending.EXPIRED: (State.EXPIRED, (Fail.TIMEOUT,)),
}
REFUSALS: Final[Mapping[Fault, tuple[type[BackendError], Fail | None]]] = {
    Fault.FULL: (AtCapacity, None),
    Fault.INVALID: (Rejected, Fail.INVALID_INPUT),
    Fault.MODERATED: (Rejected, Fail.MODERATION),
    Fault.BROKE: (AuthError, None),
}


class Contract(Reports, Fetches):
    """The checks; a vendor derives it, names itself `Test…` and gives its own `bench`.

    Attributes:
        billed: our words that the vendor bills by: an order without one is refused.
        impossible: what the vendor does not make, and the word that the refusal must name.
        makes_several: it takes a count above one.
        finds: an order whose reply was lost is found again, and told from all others.
        unknown_id: an id of the vendor's shape that it never gave.
    """

    billed: ClassVar[Sequence[str]] = ("seconds", "resolution", "aspect_ratio")
    impossible: ClassVar[Sequence[tuple[Mapping[str, object], str]]] = ()
    makes_several: ClassVar[bool] = False
    finds: ClassVar[bool] = False
    unknown_id: ClassVar[str] = "nobody-knows-it"

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        pytest.fail("each vendor gives its own bench")

    # -- 1: handing over ------------------------------------------------------------------------
    def test_an_order_is_handed_over_by_one_call(self, bench: Bench) -> None:
        status = bench.backend.submit(bench.attempt)

        assert status.state not in FINAL_STATES
        assert status.provider_id == bench.simulator.newest.id
        assert len(bench.simulator.asked("submit")) == len(bench.simulator.tasks) == 1

    @pytest.mark.parametrize("fault", NOBODY_KNOWS)
    def test_an_order_without_a_readable_answer_is_ambiguous_and_sent_once(
        self, bench: Bench, fault: Fault
    ) -> None:
        bench.simulator.faults["submit"] = fault

        with pytest.raises(Ambiguous):
            bench.backend.submit(bench.attempt)

        assert len(bench.simulator.asked("submit")) == 1

    def test_an_answer_that_drips_is_ambiguous_in_its_time(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert wire.call.__kwdefaults__ is not None
        monkeypatch.setitem(wire.call.__kwdefaults__, "total_seconds", 0.7)
        bench.simulator.faults["submit"] = Fault.DRIP

        with pytest.raises(Ambiguous):
            bench.backend.submit(bench.attempt)

        assert len(bench.simulator.asked("submit")) == 1

    def test_a_vendor_that_does_not_listen_took_nothing(self, bench: Bench) -> None:
        with pytest.raises(NotSent):
            bench.moved.submit(bench.attempt)

    def test_what_the_vendor_refuses_is_told_apart(self, bench: Bench) -> None:
        for fault, (refused, fail) in REFUSALS.items():
            if bench.simulator.refusal(fault) is None:
                continue
            bench.simulator.faults["submit"] = fault
            with pytest.raises(BackendError) as refusal:
                bench.backend.submit(bench.attempt)

            assert isinstance(refusal.value, refused), (fault, refusal.value)
            assert getattr(refusal.value, "fail", None) == fail, fault
            assert bench.simulator.tasks == {}

    def test_a_wrong_key_is_no_refusal_of_the_order(self, bench: Bench) -> None:
        with pytest.raises(AuthError):
            bench.stranger.submit(bench.attempt)

    # -- 2: what is billed ----------------------------------------------------------------------
    def test_what_is_billed_by_is_never_left_to_the_vendor(self, bench: Bench) -> None:
        for word in self.billed:
            words = {name: value for name, value in bench.attempt.input.items() if name != word}
            self._refused_before_any_call(bench, words, word)

    def test_what_the_vendor_does_not_make_is_refused_before_any_call(self, bench: Bench) -> None:
        changes = list(self.impossible)
        changes += [({"task": "a_task_of_nobody"}, "task")]
        changes += [] if self.makes_several else [({"count": 2}, "count")]
        for change, word in changes:
            self._refused_before_any_call(bench, {**bench.attempt.input, **change}, word)

    def _refused_before_any_call(
        self, bench: Bench, words: Mapping[str, object], word: str
    ) -> None:
        with pytest.raises(Rejected, match=word) as refusal:
            bench.backend.submit(replace(bench.attempt, input=words))

        assert refusal.value.fail == Fail.INVALID_INPUT
        assert PROMPT not in refusal.value.message
        assert bench.simulator.seen == []

    # -- 3: what is remembered ------------------------------------------------------------------
    def test_an_order_is_asked_about_where_it_was_handed_over(self, bench: Bench) -> None:
        attempt = bench.brought_to(Ending.SUCCEEDED)

        # Of a stored attempt, what it ordered is not needed.
        asked = replace(attempt, input={}, model="", callback_url="")

        assert bench.moved.poll(asked).state == State.SUCCEEDED

    def test_an_order_of_unknown_fate_is_looked_for_where_it_was_handed_over(
        self, bench: Bench
    ) -> None:
        if not self.finds:
            return
        attempt = remembered(bench.backend, bench.attempt)
        assert bench.simulator.seen == []
        bench.simulator.faults["submit"] = Fault.DROP_REPLY
        with pytest.raises(Ambiguous):
            bench.backend.submit(attempt)

        found = bench.moved.find(attempt)

        assert found is not None
        assert found.provider_id == bench.simulator.newest.id

    def test_what_is_remembered_for_later_holds_no_secret(self, bench: Bench) -> None:
        known = json.dumps(dict(bench.submitted().context))

        assert bench.simulator.key not in known
        assert PROMPT not in known
        assert len(known) < 2000

    # -- 4: words -------------------------------------------------------------------------------
    def test_each_end_is_read_as_what_it_is(self, bench: Bench) -> None:
        for ending in sorted(bench.simulator.endings):
            attempt = bench.brought_to(ending)
            status = bench.backend.poll(attempt)
            state, fails = READS[ending]

            assert status.state == state, ending
            assert status.fail in fails, (ending, status)
            assert bool(status.outputs) == (ending == Ending.SUCCEEDED), ending

    def test_an_unknown_word_never_ends_anything(self, bench: Bench) -> None:
        attempt = bench.submitted()
        bench.simulator.tasks[attempt.provider_id].word = "pondering"

        status = bench.backend.poll(attempt)

        assert (status.state, status.fail) == (State.RUNNING, None)

    def test_a_blank_word_is_no_answer(self, bench: Bench) -> None:
        attempt = bench.submitted()
        bench.simulator.tasks[attempt.provider_id].word = " "

        with pytest.raises(BackendError):
            bench.backend.poll(attempt)

    def test_an_id_that_the_vendor_never_gave_is_absent(self, bench: Bench) -> None:
        attempt = replace(bench.submitted(), provider_id=self.unknown_id)

        assert bench.backend.poll(attempt).state == State.ABSENT

    # -- 5: asking ------------------------------------------------------------------------------
    @pytest.mark.parametrize("fault", [*NOBODY_KNOWS, Fault.LOST_WAY])
    def test_a_question_without_an_answer_ends_nothing(self, bench: Bench, fault: Fault) -> None:
        attempt = bench.brought_to(Ending.SUCCEEDED)
        bench.simulator.faults["poll"] = fault

        with pytest.raises(BackendError):
            bench.backend.poll(attempt)

        assert bench.backend.poll(attempt).state == State.SUCCEEDED

    def test_a_key_that_was_withdrawn_ends_nothing(self, bench: Bench) -> None:
        attempt = bench.submitted()

        with pytest.raises(BackendError):
            bench.stranger.poll(attempt)

    def test_what_was_lost_on_the_way_back_is_found_only_if_it_can_be_told_apart(
        self, bench: Bench
    ) -> None:
        bench.submitted(id="att_0")
        bench.simulator.faults["submit"] = Fault.DROP_REPLY
        with pytest.raises(Ambiguous):
            bench.backend.submit(bench.attempt)
        ours = bench.simulator.newest.id
        bench.submitted(id="att_2")
        before = [repr(task) for task in bench.simulator.tasks.values()]

        found = bench.backend.find(bench.attempt)

        assert (found.provider_id if found else None) == (ours if self.finds else None)
        assert found is None or found.state not in (*FINAL_STATES, State.ABSENT)
        assert [repr(task) for task in bench.simulator.tasks.values()] == before

    def test_finding_cannot_tell_while_the_vendor_is_silent(self, bench: Bench) -> None:
        bench.submitted()
        bench.simulator.close()

        assert bench.backend.find(bench.attempt) is None

    # -- cancelling -----------------------------------------------------------------------------
    def test_a_wish_to_cancel_does_what_the_capabilities_say(self, bench: Bench) -> None:
        can = {
            Ending.QUEUED: bench.backend.caps.cancel_queued,
            Ending.RUNNING: bench.backend.caps.cancel_running,
        }
        for ending in LIVE:
            attempt = bench.brought_to(ending)
            heard = bench.backend.cancel(attempt) in (CancelResult.CANCELED, CancelResult.REQUESTED)

            assert heard == can[ending], ending
            stopped = bench.simulator.tasks[attempt.provider_id].ending == Ending.CANCELED
            assert stopped == can[ending], ending

    def test_a_wish_that_comes_too_late_harms_no_film(self, bench: Bench) -> None:
        attempt = bench.brought_to(Ending.SUCCEEDED)

        heard = bench.backend.cancel(attempt)

        assert heard not in (CancelResult.CANCELED, CancelResult.REQUESTED)
        assert bench.backend.poll(attempt).state == State.SUCCEEDED

    # -- 7: what is kept ------------------------------------------------------------------------
    def test_what_is_kept_is_small_and_opens_nothing(self, bench: Bench) -> None:
        for ending in sorted(bench.simulator.endings):
            attempt = bench.brought_to(ending, SIGNED + " " + "e" * 5000)
            status = bench.backend.poll(attempt)
            kept = f"{json.dumps(dict(status.raw))} {status.message}"

            assert len(kept) < 5000, ending
            assert "opens-it" not in kept, ending
            assert PROMPT not in kept, ending
            assert bench.simulator.key not in kept, ending
            assert not any(output in kept for output in status.outputs), ending

    def test_the_key_shows_nowhere(self, bench: Bench) -> None:
        assert bench.simulator.key not in repr(bench.backend)

    # -- 9, 10: what it can do, and how it is ---------------------------------------------------
    def test_the_capabilities_leave_time_to_ask(self, bench: Bench) -> None:
        caps = bench.backend.caps

        assert caps.poll
        assert caps.poll_seconds >= 1
        for kept_seconds in (caps.retention_seconds, caps.output_ttl_seconds):
            assert kept_seconds is None or kept_seconds >= 5 * caps.poll_seconds

    def test_health_is_an_answer_and_never_an_error(self, bench: Bench) -> None:
        assert bench.backend.health().readiness == Readiness.READY
        assert bench.stranger.health().readiness == Readiness.DOWN
        assert bench.moved.health().readiness == Readiness.DOWN

    def test_no_call_waits_inside_a_transaction(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attempt = bench.submitted()
        # What `transaction.atomic()` leaves there while it is open; no database is needed for it.
        monkeypatch.setattr(connections["default"], "atomic_blocks", [transaction.atomic()])

        for call in (bench.backend.submit, bench.backend.poll):
            with pytest.raises(RuntimeError, match="transaction"):
                call(attempt)
