"""What was asked, what was answered, and what of it no document allows."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_OK: Final = range(200, 300)
_OURS: Final = range(500, 600)


@dataclass
class Flaw:
    """One thing that must not be: where, by which rule, and how often."""

    operation: str
    rule: str
    roles: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Return it as a person reads it."""
        roles = ", ".join(f"{role} x{count}" for role, count in self.roles.items())
        return f"{self.operation}: {self.rule} ({roles})"


class Tally:
    """All requests of a run. Safe for threads."""

    def __init__(self, operations: Sequence[str] = (), *, tell: Callable[[str], None]) -> None:
        """Begin with nothing; a new flaw is told at once, for a run may be cut off."""
        self.answers: Counter[tuple[str, str, int]] = Counter()
        self.flaws: dict[tuple[str, str], Flaw] = {}
        self._operations = list(operations)
        self._tell = tell
        self._lock = threading.Lock()

    @property
    def requests(self) -> int:
        """How many were answered, or cut off."""
        return self.answers.total()

    @property
    def unreached(self) -> list[str]:
        """The operations that never answered 2xx to anybody."""
        reached = {
            operation for _role, operation, status in self.answers if status in (*_OK, 302, 307)
        }
        return sorted(set(self._operations) - reached)

    def note(self, role: str, operation: str, status: int) -> None:
        """Note one request; status 0: no answer came."""
        with self._lock:
            self.answers[role, operation, status] += 1

    def blame(self, role: str, operation: str, rule: str, case: str) -> None:
        """Note what must not be; the first case of each kind is told."""
        with self._lock:
            known = self.flaws.get((operation, rule))
            flaw = known or self.flaws.setdefault((operation, rule), Flaw(operation, rule))
            flaw.roles[role] += 1
        if known is None:
            self._tell(f"\nFLAW {flaw}\n{case}")

    def add(
        self,
        role: str,
        answers: Mapping[tuple[str, int], int],
        flaws: Iterable[tuple[str, str, str]],
    ) -> None:
        """Note what another process has seen as one role."""
        for (operation, status), count in answers.items():
            self.answers[role, operation, status] += count
        for operation, rule, case in flaws:
            self.blame(role, operation, rule, case)

    def lines(self) -> Iterator[str]:
        """Yield the report: operations by status, roles by status, and each flaw."""
        yield "answers by operation:"
        for operation, statuses in sorted(self._by(1).items()):
            yield f"  {operation:<62} {_told(statuses)}"
        yield "answers by role:"
        for role, statuses in self._by(0).items():
            yield f"  {role:<62} {_told(statuses)}"
        yield f"never answered 2xx: {', '.join(self.unreached) or 'none'}"
        for flaw in self.flaws.values():
            yield f"FLAW {flaw}"

    def summary(self) -> dict[str, object]:
        """Return the figures, for a program."""
        return {
            "requests": self.requests,
            "server_errors": self._count(_OURS),
            "unanswered": self._count({0}),
            "flaws": len(self.flaws),
            "operations": len(self._operations),
            "unreached": len(self.unreached),
        }

    def _count(self, statuses: Container[int]) -> int:
        return sum(
            count
            for (_role, _operation, status), count in self.answers.items()
            if status in statuses
        )

    def _by(self, place: int) -> Mapping[str, Counter[int]]:
        found: dict[str, Counter[int]] = {}
        for key, count in self.answers.items():
            found.setdefault(str(key[place]), Counter())[key[2]] += count
        return found


def read(line: str) -> dict[str, int]:
    """Return the figures of a run from its last line."""
    figures: dict[str, int] = json.loads(line)
    return figures


def _told(statuses: Counter[int]) -> str:
    return " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))
