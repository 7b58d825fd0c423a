"""What holds for the callbacks of every vendor that sends some; part of the contract."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.gpu.errors import CallbackMalformed, CallbackUnauthenticated
from billing.gpu.protocol import State
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.bench import Bench, path_of, reported


class Reports:
    """The checks of callbacks; nothing of them applies to a vendor that sends none."""

    def test_a_report_is_heard_before_and_after_the_reply(
        self, bench: Bench, receiver: Receiver
    ) -> None:
        if bench.backend.caps.callback == "none":
            return
        attempt = bench.brought_to(Ending.SUCCEEDED)

        headers, body = reported(bench, receiver, attempt)

        for known in (attempt, replace(attempt, provider_id="", context={}, input={})):
            heard = bench.backend.parse_callback(headers, body, known, now=datetime.now(UTC))
            assert heard == bench.backend.read_callback(body, known)
            assert heard.provider_id == attempt.provider_id
            assert heard.state in (State.SUCCEEDED, State.RUNNING)

    def test_a_report_may_overtake_the_reply(self, bench: Bench, receiver: Receiver) -> None:
        if bench.backend.caps.callback == "none":
            return
        bench.simulator.faults["submit"] = Fault.CALLBACK_FIRST

        attempt = bench.submitted()

        (post,) = receiver.posts(path_of(attempt))
        before = replace(attempt, provider_id="", context={})
        heard = bench.backend.parse_callback(post.headers, post.body, before, now=datetime.now(UTC))
        assert heard.provider_id == attempt.provider_id

    def test_a_report_about_another_task_changes_nothing(
        self, bench: Bench, receiver: Receiver
    ) -> None:
        if bench.backend.caps.callback == "none":
            return
        attempt = bench.brought_to(Ending.RUNNING)
        other = bench.submitted(id="att_2")
        bench.simulator.finish(other.provider_id)
        bench.simulator.call_back(other.provider_id, to=attempt.callback_url)

        (post,) = receiver.posts(path_of(attempt))

        with pytest.raises(CallbackMalformed):
            bench.backend.parse_callback(post.headers, post.body, attempt, now=datetime.now(UTC))

    def test_a_forged_report_is_refused(self, bench: Bench, receiver: Receiver) -> None:
        if bench.backend.caps.callback in ("none", "unsigned"):
            return
        attempt = bench.brought_to(Ending.SUCCEEDED)
        headers, body = reported(bench, receiver, attempt)
        now = datetime.now(UTC)
        signed = {name: headers[name] for name in bench.simulator.sign(body, at=now.timestamp())}
        rest = {name: value for name, value in headers.items() if name not in signed}
        forged: list[tuple[Mapping[str, str], bytes, datetime]] = [(rest, body, now)]
        forged += [
            ({**headers, name: value[:-1] + ("0" if value[-1] != "0" else "1")}, body, now)
            for name, value in signed.items()
        ]
        forged += [({**headers, name: ""}, body, now) for name in signed]
        if bench.backend.caps.callback != "bearer":
            forged += [(headers, body + b" ", now)]
            forged += [(headers, body, now + timedelta(hours=hours)) for hours in (-1, 1)]

        for said, words, at in forged:
            with pytest.raises(CallbackUnauthenticated):
                bench.backend.parse_callback(said, words, attempt, now=at)

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"[" * 100_000])
    def test_a_report_that_cannot_be_read_is_malformed(self, bench: Bench, body: bytes) -> None:
        if bench.backend.caps.callback == "none":
            return
        attempt = bench.submitted()
        now = datetime.now(UTC)

        headers = bench.simulator.sign(body, at=now.timestamp())

        with pytest.raises(CallbackMalformed):
            bench.backend.parse_callback(headers, body, attempt, now=now)

    def test_a_report_that_is_no_text_changes_nothing(self, bench: Bench) -> None:
        if bench.backend.caps.callback == "none":
            return
        attempt = bench.submitted()
        now = datetime.now(UTC)

        headers = bench.simulator.sign(b"\xff", at=now.timestamp())

        # Some signatures are over text: then it counts as not signed.
        with pytest.raises((CallbackMalformed, CallbackUnauthenticated)):
            bench.backend.parse_callback(headers, b"\xff", attempt, now=now)
