"""One question for all listeners, the newest for each, and nobody who keeps another waiting."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import pytest
from django.db import OperationalError

from billing.jobs.events import hub as hubs
from billing.jobs.events import judging, streaming, wire
from billing.jobs.events.api import Admitted
from billing.jobs.events.hub import Hub, Listener
from billing.jobs.events.looking import Snapshot
from billing.jobs.events.memory import Memory
from tests.events.listening import Reader

BEYOND = 20.0  # what never comes in a good run


class Rows:
    """Jobs at versions, in place of a database; it counts how often it was asked."""

    def __init__(self, *job_ids: str) -> None:
        self.versions = dict.fromkeys(job_ids, 1)
        self.asked: list[Mapping[str, int]] = []
        self.is_away = False

    async def look(self, heard: Mapping[str, int]) -> list[Snapshot]:
        """Return what differs, as the real question does."""
        self.asked.append(heard)
        if self.is_away:
            raise OperationalError("the database is away")
        await asyncio.sleep(0)
        return [
            snapshot(job_id, self.versions[job_id])
            for job_id, version in heard.items()
            if self.versions[job_id] != version
        ]


def snapshot(job_id: str, version: int, *, is_over: bool = False) -> Snapshot:
    return Snapshot(job_id, version, {"progress": b'{"progress":%d}' % version}, is_over)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub ask whenever it is rung, and look by itself every moment."""
    monkeypatch.setattr(hubs, "REST_SECONDS", 0)
    monkeypatch.setattr(hubs, "LOOK_SECONDS", 0.01)


async def becomes(true: Callable[[], bool]) -> None:
    """Return once it is so."""
    while not true():  # noqa: ASYNC110 (what is waited for rings nobody)
        await asyncio.sleep(0.001)


def live(rows: Rows, story: Callable[[Hub], Awaitable[None]]) -> None:
    """Run a story while the hub runs."""

    async def both() -> None:
        hub = Hub(rows.look)
        running = asyncio.create_task(hub.run())
        await asyncio.wait_for(story(hub), BEYOND)
        running.cancel()

    asyncio.run(both())


async def told(listener: Listener) -> int:
    """Return the version that the listener hears next."""
    found = await listener.news(seconds=BEYOND)
    assert found is not None
    return found.version


def test_a_thousand_listeners_of_as_many_jobs_are_one_question() -> None:
    rows = Rows(*(f"job_{number}" for number in range(1000)))

    async def story(hub: Hub) -> None:
        listeners = [hub.join(job_id) for job_id in rows.versions]
        assert [await told(listener) for listener in listeners] == [1] * 1000
        assert len(rows.asked[0]) == 1000  # the first question was for all of them
        rows.versions = dict.fromkeys(rows.versions, 2)
        assert [await told(listener) for listener in listeners] == [2] * 1000

    live(rows, story)
    assert all(len(heard) == 1000 for heard in rows.asked)


def test_a_thousand_listeners_of_one_job_are_one_row() -> None:
    rows = Rows("job_1")

    async def story(hub: Hub) -> None:
        listeners = [hub.join("job_1") for _number in range(1000)]
        assert [await told(listener) for listener in listeners] == [1] * 1000

    live(rows, story)
    assert all(heard == {"job_1": 0} for heard in rows.asked[:1])
    assert all(len(heard) == 1 for heard in rows.asked)


def test_who_reads_slowly_is_told_the_newest_only() -> None:
    async def story() -> None:
        slow = Listener("job_1")
        for version in range(1, 101):
            slow.put(snapshot("job_1", version))
        assert await told(slow) == 100
        assert await slow.news(seconds=0) is None

    asyncio.run(story())


def test_who_reads_slowly_keeps_nobody_waiting() -> None:
    rows = Rows("job_1")

    async def story(hub: Hub) -> None:
        slow, quick = hub.join("job_1"), hub.join("job_1")
        for version in range(1, 6):
            rows.versions["job_1"] = version
            while await told(quick) != version:
                pass
        assert await told(slow) == 5

    live(rows, story)


def test_where_nobody_listens_nothing_is_asked() -> None:
    rows = Rows("job_1")

    async def story(hub: Hub) -> None:
        listener = hub.join("job_1")
        await told(listener)
        hub.leave(listener)
        hub.leave(listener)
        asked = len(rows.asked)
        for _moment in range(20):
            hub.ring("job_1")
            hub.ring()
            await asyncio.sleep(0.001)
        assert len(rows.asked) <= asked + 1  # one may have been on its way

    live(rows, story)


def test_a_word_about_another_job_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "LOOK_SECONDS", BEYOND)
    rows = Rows("job_1")

    async def story(hub: Hub) -> None:
        await told(hub.join("job_1"))
        asked = len(rows.asked)
        for number in range(50):
            hub.ring(f"job_of_others_{number}")
            await asyncio.sleep(0)
        assert len(rows.asked) == asked
        rows.versions["job_1"] = 2
        hub.ring("job_1")  # and the word about this one does
        await becomes(lambda: len(rows.asked) > asked)

    live(rows, story)


def test_a_database_that_is_away_ends_no_stream() -> None:
    rows = Rows("job_1")

    async def story(hub: Hub) -> None:
        listener = hub.join("job_1")
        await told(listener)
        rows.is_away = True
        asked = len(rows.asked)
        await becomes(lambda: len(rows.asked) >= asked + 3)
        rows.is_away, rows.versions["job_1"] = False, 2
        assert await told(listener) == 2

    live(rows, story)


def test_who_joins_while_it_is_asked_is_told_as_well() -> None:
    rows = Rows("job_1")
    late: list[Listener] = []
    look = rows.look

    async def story() -> None:
        async def while_asked(heard: Mapping[str, int]) -> list[Snapshot]:
            found = await look(heard)
            if heard == {"job_1": 1} and not late:
                late.append(hub.join("job_1"))
            return found

        hub = Hub(while_asked)
        running = asyncio.create_task(hub.run())
        first = hub.join("job_1")
        assert await told(first) == 1
        await becomes(lambda: bool(late))
        assert await told(late[0]) == 1
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), BEYOND))


def test_what_was_looked_for_before_he_came_is_not_told_after_what_he_knows() -> None:
    memory = Memory(admitted_at=5, heard=5)

    assert memory.is_stale(snapshot("job_1", 4))
    assert not memory.is_stale(snapshot("job_1", 5))
    assert memory.take(snapshot("job_1", 5)) == b""
    assert b"id: 6" in memory.take(snapshot("job_1", 6))


def test_what_did_not_change_is_not_told_again() -> None:
    memory = Memory(admitted_at=1, heard=None)
    first = Snapshot("job_1", 1, {"status": b"{}", "progress": b"{}"}, is_over=False)
    second = Snapshot("job_1", 2, {"status": b"{}", "progress": b'{"a":1}'}, is_over=False)

    memory.take(first)

    assert memory.take(second) == b'event: progress\ndata: {"a":1}\nid: 2\n\n'
    assert memory.take(second) == b""


def test_only_the_last_event_of_a_version_carries_its_id() -> None:
    reader = Reader()

    heard = reader.read(wire.news({"status": b"{}", "settlement": b"{}"}, version=7))

    assert [(event.name, event.last_id) for event in heard] == [("status", ""), ("settlement", "7")]


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "\uff11", "²", "9" * 10, "1\r\nevent: x"])
def test_what_is_no_version_names_none(text: str) -> None:
    assert wire.read_id(text) is None


class Wire:
    """A connection of an ASGI server, in memory; `is_stuck` once nobody takes anything."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.is_stuck = False
        self.hung_up = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """Say nothing until the listener hangs up."""
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a piece, or never."""
        if self.is_stuck:
            await asyncio.Event().wait()
        self.sent.append(message)

    def said(self) -> bytes:
        """Return what went out."""
        return b"".join(message.get("body", b"") for message in self.sent)


def admitted(number: int = 1, *, seconds: float = BEYOND) -> Any:  # noqa: ANN401 (an admission)
    """Return an admission as the judge gives it."""
    job = type("Job", (), {"pk": "job_1", "account_id": f"acc_{number}", "version": 1})
    return Admitted(job(), heard=None, seconds=seconds)


SCOPE = {"type": "http", "method": "GET", "path": "/v1/jobs/job_1/events", "headers": []}


def streams_of(monkeypatch: pytest.MonkeyPatch, rows: Rows, answer: Callable[[], Any]) -> None:
    """Let the application look into these rows, and a judge give this answer."""
    monkeypatch.setattr(judging, "judge", lambda _scope: answer())
    monkeypatch.setattr(streaming.Streams, "_look", lambda _self, heard: rows.look(heard))


def test_silence_is_broken_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BEAT_SECONDS", 0.01)
    streams_of(monkeypatch, Rows("job_1"), admitted)

    async def story() -> None:
        streams, line = streaming.Streams(), Wire()
        running = asyncio.create_task(streams.hub.run())
        stream = asyncio.create_task(streams(SCOPE, line.receive, line.send))
        await becomes(lambda: line.said().count(b"\n" + wire.BEAT) >= 3)
        line.hung_up.set()
        await stream
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), BEYOND))


def test_who_takes_nothing_is_given_up_and_his_place_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "PATIENCE_SECONDS", 0.05)
    rows = Rows("job_1")
    streams_of(monkeypatch, rows, admitted)

    async def story() -> None:
        streams, line = streaming.Streams(), Wire()
        running = asyncio.create_task(streams.hub.run())
        stream = asyncio.create_task(streams(SCOPE, line.receive, line.send))
        await becomes(lambda: b"id: 1" in line.said())
        line.is_stuck = True
        rows.versions["job_1"] = 2
        await stream
        assert (streams._present, dict(streams._of_account), streams.hub._heard) == (0, {}, {})
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), BEYOND))


def test_who_hangs_up_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count()
    streams_of(monkeypatch, Rows("job_1"), lambda: admitted(next(numbers)))

    async def story() -> None:
        streams = streaming.Streams()
        running = asyncio.create_task(streams.hub.run())
        lines = [Wire() for _number in range(100)]
        open_ = [asyncio.create_task(streams(SCOPE, one.receive, one.send)) for one in lines]
        await becomes(lambda: all(b"id: 1" in line.said() for line in lines))
        assert streams._present == 100
        for line in lines:
            line.hung_up.set()
        await asyncio.gather(*open_)
        assert (streams._present, dict(streams._of_account), streams.hub._heard) == (0, {}, {})
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), BEYOND))


def test_a_stream_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    streams_of(monkeypatch, Rows("job_1"), lambda: admitted(seconds=0.05))

    async def story() -> None:
        streams, line = streaming.Streams(), Wire()
        running = asyncio.create_task(streams.hub.run())
        await streams(SCOPE, line.receive, line.send)
        assert line.said().endswith(b"\n\n")
        assert line.said().count(b"retry: ") == 2
        assert line.sent[-1]["more_body"] is False
        running.cancel()

    asyncio.run(asyncio.wait_for(story(), BEYOND))
