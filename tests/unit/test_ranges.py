"""Which part of a file is asked for: one range, read as the standard says."""

import pytest

from billing.http.ranges import NotSatisfiable, read_range


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=0-99", (0, 99)),
        ("bytes=10-19", (10, 19)),
        ("bytes=10-", (10, 99)),
        ("bytes=10-500", (10, 99)),
        ("bytes=-1", (99, 99)),
        ("bytes=-500", (0, 99)),
    ],
)
def test_a_range_is_a_first_and_a_last_byte(header: str, part: tuple[int, int]) -> None:
    assert read_range(header, 100) == part


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=-", "bytes=5-4", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=٣-٤"],
)
def test_what_is_no_single_range_is_ignored(header: str) -> None:
    assert read_range(header, 100) is None


@pytest.mark.parametrize(
    "header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=9" + "9" * 17 + "-"]
)
def test_a_range_outside_of_the_file_is_refused(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        read_range(header, 100)


def test_an_empty_file_has_no_parts() -> None:
    assert read_range("", 0) is None
    for header in ("bytes=0-", "bytes=-1"):
        with pytest.raises(NotSatisfiable):
            read_range(header, 0)
