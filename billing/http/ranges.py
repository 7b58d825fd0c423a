"""Which part of a file a request asks for (RFC 9110, section 14). Pure."""

import re
from typing import Final

# One range only. A list of ranges may be answered by the whole file, and is.
_ONE: Final = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})", re.ASCII)


class NotSatisfiable(Exception):
    """The range lies outside of the file."""


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and the last byte that `header` asks for; None means: all of them.

    What cannot be read is ignored, as the standard wants it.

    Args:
        header: the value of `Range`; "" when there is none.
        size: of the file, in bytes.

    Raises:
        NotSatisfiable: no byte of the file is in the range.
    """
    found = _ONE.fullmatch(header.strip())
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:  # the last so many bytes
        count = min(int(found["last"]), size)
        if count == 0:
            raise NotSatisfiable
        return size - count, size - 1
    first = int(found["first"])
    last = int(found["last"]) if found["last"] else size - 1
    if found["last"] and last < first:
        return None
    if first >= size:
        raise NotSatisfiable
    return first, min(last, size - 1)
