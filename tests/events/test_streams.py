"""A job's life as it is heard: by a real process, over HTTP, from committed rows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.jobs.models import Job
from tests.events import lives
from tests.events.conftest import Listen
from tests.events.listening import Heard, Reader
from tests.events.server import EventsServer
from tests.jobs import shop
from tests.jobs.conftest import Ask


def test_a_whole_life_is_heard(job: Job, listen: Listen) -> None:
    stream = listen(job)
    heard = [stream.next(), stream.next()]

    for step, name, facts in lives.LIFE:
        step(job)
        for event in stream.events():
            heard.append(event)
            if event.name == name and facts.items() <= event.data.items():
                break
    heard += stream.events()  # and then it ends by itself

    assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream")
    statuses = [event.data["status"] for event in heard if event.name == "status"]
    assert statuses == ["queued", "dispatched", "running", "succeeded"]
    progress = [event.data["progress"] for event in heard if event.name == "progress"]
    assert progress == [0.0, 0.1, 0.4, 0.9, 1.0]
    assert [event.name for event in heard].count("settlement") == 1
    assert heard[-1].name == "settlement"
    assert heard[-1].data["credits"]["captured"] == "10"


def test_what_is_heard_is_what_rest_says(job: Job, listen: Listen, ask: Ask) -> None:
    stream = listen(job)
    stream.next()
    shop.finish(job)
    heard = lives.truth(list(stream.events()))

    told = ask("get", f"/v1/jobs/{job.pk}").json()

    assert set(heard) == {"status", "progress", "settlement"}
    for part in heard.values():
        assert part == {name: told[name] for name in part}


def test_a_failure_is_settled_too(job: Job, listen: Listen) -> None:
    stream = listen(job)
    stream.next()

    shop.fail(job, "timeout")
    heard = lives.truth(list(stream.events()))

    assert heard["status"]["error"] == {"class": "timeout", "code": "failed", "detail": "no"}
    assert heard["settlement"]["credits"]["released"] == "10"


def test_a_job_that_is_over_is_told_once_and_then_no_more(job: Job, listen: Listen) -> None:
    shop.finish(job)

    first = listen(job)
    heard = list(first.events())
    again = listen(job, Last_Event_ID=first.reader.last_id)

    assert [event.name for event in heard] == ["status", "progress", "settlement"]
    assert (again.status, again.body()) == (204, b"")  # which stops an EventSource


def test_wherever_a_listener_is_cut_off_he_ends_with_the_same_truth(
    job: Job, listen: Listen
) -> None:
    stream = listen(job)
    for step, name, facts in lives.LIFE:
        step(job)
        stream.until(name, **facts)
    list(stream.events())
    whole = Reader().read(stream.raw)

    @settings(max_examples=40, deadline=None)
    @given(cut=st.integers(0, len(stream.raw)))
    def cut_off(cut: int) -> None:
        reader = Reader()
        before = reader.read(stream.raw[:cut])
        named = {"Last_Event_ID": reader.last_id} if reader.last_id else {}
        resumed = listen(job, **named)
        after = list(resumed.events()) if resumed.status == 200 else []
        resumed.close()
        assert lives.truth(before + after) == lives.truth(whole)

    cut_off()


def test_who_is_cut_off_after_every_event_misses_nothing_in_the_end(
    job: Job, listen: Listen
) -> None:
    heard: list[Heard] = []
    last_id = ""
    for step, name, facts in lives.LIFE:
        step(job)
        stream = listen(job, Last_Event_ID=last_id)
        for event in stream.events():
            heard.append(event)
            if event.name == name and facts.items() <= event.data.items():
                break
        last_id = stream.reader.last_id
        stream.close()

    uninterrupted = list(listen(job).events())
    assert lives.truth(heard) == lives.truth(uninterrupted)


def test_who_knows_how_it_stands_is_told_nothing_until_it_changes(job: Job, listen: Listen) -> None:
    first = listen(job)
    first.next()
    first.next()
    known = first.reader.last_id

    stream = listen(job, Last_Event_ID=known)
    witness = listen(job)  # asked for after him, and so heard after his turn
    witness.next()
    lives.take(job)

    assert stream.next().data["status"] == "dispatched"


def test_an_id_that_was_never_given_counts_for_nothing(job: Job, listen: Listen) -> None:
    for claim in ["99", "0", "-1", "x", "9" * 40, "\uff11"]:
        stream = listen(job, Last_Event_ID=claim.encode().decode("latin-1"))
        assert stream.next().data["status"] == "queued"
        stream.close()


def test_events_come_without_redis(job: Job, poor: EventsServer, listen: Listen) -> None:
    stream = listen(job, server=poor)
    stream.next()

    for step, name, facts in lives.LIFE:
        step(job)
        stream.until(name, **facts)

    assert "doorbell_is_deaf" in poor.said


def test_many_hear_the_end_and_wait_with_neither_thread_nor_connection(
    job: Job, wide: EventsServer, listen: Listen
) -> None:
    first = listen(job, server=wide)
    first.next()
    before = wide.threads(), wide.connections()

    streams = [first, *(listen(job, server=wide) for _number in range(60))]
    for stream in streams[1:]:
        stream.next()
    during = wide.threads(), wide.connections()
    shop.finish(job)
    ends = [list(stream.events())[-1] for stream in streams]

    assert {end.name for end in ends} == {"settlement"}
    assert len(ends) == 61
    assert during[0] <= before[0] + 3  # the judges that had nothing to do before
    assert during[1] <= before[1] + 3


def test_told_to_end_it_lets_everybody_go_with_a_word_when_to_come_again(
    job: Job, listen: Listen
) -> None:
    leaving = EventsServer().start()
    stream = listen(job, server=leaving)
    heard = [stream.next(), stream.next()]

    leaving.terminate()
    heard += stream.events()  # ends as HTTP ends an answer, or this raises

    assert stream.raw.count(b"retry: ") == 2  # at the beginning, and now
    assert lives.truth(heard)["status"]["status"] == "queued"
    leaving.stop()
    again = listen(job, Last_Event_ID=stream.reader.last_id)
    shop.finish(job)
    assert again.until("settlement").data["credits"]["captured"] == "10"
