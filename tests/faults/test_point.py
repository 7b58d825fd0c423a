"""What a restore may lose is told from what it may not."""

from datetime import UTC, datetime

from tests.faults.books import Ask, Told, Written
from tests.faults.point import Point, gone, lost, trespasses

POINT = Point(at=datetime(2026, 11, 27, tzinfo=UTC), before=10.0, after=10.1)


def asked(number: int, at: float, *, ask: Ask = Ask.SUBMIT, status: int = 201) -> Written:
    """Return a request that was heard a second after it was asked."""
    return Written(
        number=number,
        customer=0,
        ask=ask,
        path="/v1/jobs",
        body={},
        key=f"key-{number}",
        asked_at=at,
        status=status,
        at_first=Told.ACKNOWLEDGED if status == 201 else Told.UNKNOWN,
        heard_at=at + 1,
    )


def test_what_was_answered_before_the_point_must_be_there() -> None:
    old = asked(1, at=5)

    assert list(trespasses([old], {"key-1"}, POINT)) == []
    assert list(trespasses([old], set(), POINT)) == [
        "submit 1 was acknowledged before the point, and is lost"
    ]


def test_what_was_asked_for_after_the_point_must_not_be_there() -> None:
    new = asked(1, at=11)

    assert list(trespasses([new], set(), POINT)) == []
    assert list(trespasses([new], {"key-1"}, POINT)) == [
        "submit 1 was asked for after the point, and is there"
    ]


def test_what_was_under_way_at_the_point_may_be_either() -> None:
    between = asked(1, at=9.5)

    assert list(trespasses([between], set(), POINT)) == []
    assert list(trespasses([between], {"key-1"}, POINT)) == []


def test_what_is_lost_is_told_and_what_stands_on_it_is_judged_no_more() -> None:
    kept, new, unknown = asked(1, at=5), asked(2, at=11), asked(3, at=11, status=0)
    cancel = asked(4, at=11, ask=Ask.CANCEL, status=0)
    cancel.of = 2

    books = [kept, new, unknown, cancel]

    assert lost(books, {"key-1"}) == [new]
    assert gone(books, {"key-1"}) == {2, 4}
