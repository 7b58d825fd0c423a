"""What one listener has been told, so that he is told only what is new."""

from billing.jobs.events import wire
from billing.jobs.events.looking import Snapshot


class Memory:
    """One listener's."""

    def __init__(self, *, admitted_at: int, heard: int | None) -> None:
        """Begin with what he knew when he came.

        Args:
            admitted_at: the version of the job when he was admitted.
            heard: the version that he knows; None: he is to be told how the job stands.
        """
        self._admitted_at = admitted_at
        self._heard = heard
        self._told: dict[str, bytes] = {}

    def is_stale(self, snapshot: Snapshot) -> bool:
        """Say whether it was looked for before he was admitted, and a newer one will follow."""
        return snapshot.version < self._admitted_at

    def take(self, snapshot: Snapshot) -> bytes:
        """Return the events that tell him what is new in it; nothing if nothing is."""
        new = {name: said for name, said in snapshot.parts.items() if self._told.get(name) != said}
        self._told.update(new)
        return b"" if snapshot.version == self._heard else wire.news(new, version=snapshot.version)
