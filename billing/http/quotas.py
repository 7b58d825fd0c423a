"""How many requests of which class anybody may make. Pure: what LIMITS changes of the defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

_UNITS_MAX: Final = 10_000_000  # above it a unit would come back in less than a microsecond
_WINDOW_SECONDS_MAX: Final = 31 * 86_400
_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FORM: Final = re.compile(r"([1-9]\d{0,7})/([1-9]\d{0,4})([smhd])")
# Of whom requests are counted: the account that they are for, the service key that makes them,
# and the address that they come from where nobody has said who he is.
SUBJECTS: Final = ("account", "key", "ip")


@dataclass(frozen=True)
class Quota:
    """So many requests may come at once; each is given back by itself, evenly over the window."""

    units: int
    window_seconds: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what "20/10s" says: 20 at once, and two more with each second.

        Raises:
            ValueError: it has another form, or is out of bounds.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no quota; write 20/10s, 600/1h or 200/1d.")
        units, window_seconds = int(found[1]), int(found[2]) * _SECONDS[found[3]]
        if units > _UNITS_MAX or window_seconds > _WINDOW_SECONDS_MAX:
            raise ValueError(f"{text!r} is too large; at most {_UNITS_MAX} within 31 days.")
        return cls(units=units, window_seconds=window_seconds)


Quotas: TypeAlias = Mapping[str, Mapping[str, tuple[Quota, ...]]]

_READS: Final[Mapping[str, list[str]]] = {"account": ["100/10s"], "key": ["2000/10s"]}
DEFAULTS: Final[Mapping[str, Mapping[str, list[str]]]] = {
    # Whether the service lives: asked by machines, often, and from few addresses.
    "probes": {},
    # Signed addresses of files and streams: a player asks in many small parts, and many people
    # stand behind one address. Whoever says who he is, is counted as a reader.
    "addresses": _READS,
    "reads": {**_READS, "ip": ["100/10s"]},
    "writes": {"account": ["100/10s"], "key": ["1000/10s"], "ip": ["30/10s"]},
    "money": {"account": ["20/10s", "600/1h"], "key": ["300/10s"], "ip": ["20/10s"]},
    # Accounts seen for the first time, and what people try in order to get more free credits.
    "sign_up": {"account": ["20/1m", "200/1d"], "key": ["300/1m"], "ip": ["30/1m", "500/1d"]},
    # Answers of 401: whoever tries credentials out.
    "strangers": {"ip": ["60/1m"]},
    # Tries to log in as an operator.
    "sign_in": {"ip": ["10/1m", "60/1h"]},
}


def read(changes: Mapping[str, Any]) -> Quotas:
    """Return the quotas of each class and subject; `changes` replace those that they name.

    Args:
        changes: `{"money": {"account": ["10/10s"], "ip": []}}`; an empty list counts nothing.

    Raises:
        ValueError: a class, a subject or a quota that there is not.
    """
    for name, by_subject in changes.items():
        if name not in DEFAULTS:
            raise ValueError(f"{name!r} is no class; there are {', '.join(DEFAULTS)}.")
        if not isinstance(by_subject, Mapping) or not set(by_subject) <= set(SUBJECTS):
            raise ValueError(f"{name!r} takes quotas by subject: {', '.join(SUBJECTS)}.")
        for written in by_subject.values():
            if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
                raise ValueError(f'{name!r} takes lists of quotas, such as ["20/10s", "600/1h"].')
    return {
        name: {
            subject: tuple(Quota.read(text) for text in written)
            for subject, written in {**usual, **changes.get(name, {})}.items()
        }
        for name, usual in DEFAULTS.items()
    }
