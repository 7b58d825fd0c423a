"""Looks where the addresses of an order lead, before a backend on our own network is told them.

Such a backend fetches what it is told from where we stand. An order is judged by its spelling when
it comes; what a name stands for is seen only now, and may have changed while the job waited.
"""

from collections.abc import Mapping

from billing import egress
from billing.egress import Policy, Unreachable
from billing.gpu.protocol import Fail, NotSent, Rejected


def require_outside(addresses: Mapping[str, str], *, policy: Policy) -> None:
    """Return if every address leads to the public network now, or where `policy` allows.

    The backend resolves each name once more by itself: from who answers differently then, only a
    rule of its own network keeps it.

    Args:
        addresses: by the name of the input.

    Raises:
        Rejected: one leads elsewhere.
        NotSent: a name is not known now; another try may find it.
    """
    for name, address in addresses.items():
        try:
            egress.look_up(address, policy)
        except Unreachable as unreachable:
            if unreachable.trouble == "address":
                sentence = f"{name}: it leads into a private network. Give a public address."
                raise Rejected(sentence, fail=Fail.INVALID_INPUT) from None
            raise NotSent(f"{name}: the name of its host is not known now.") from None
