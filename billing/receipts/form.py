"""What a receipt says, and the exact bytes that are signed. Pure.

The rule stands in docs/receipts.md, for who checks a receipt without this program.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

TYPE: Final = "linggan-receipt-1"
ALGORITHM: Final = "Ed25519"
# In the order in which they are signed.
MEMBERS: Final = (
    *("type", "alg", "kid", "issued_at", "realm", "account", "entry", "wallet"),
    *("previous_digest", "digest", "facts"),
)
SIGNATURE: Final = "signature"


def signed_bytes(receipt: Mapping[str, str]) -> bytes:
    """Return what the signature is made of: each member's text on a line of its own.

    No member can have a line end in it, so no two receipts have the same lines.
    """
    lines = [receipt[name] for name in MEMBERS]
    assert not any("\n" in line for line in lines), "one line each"
    return "\n".join(lines).encode()


def kid_of(public_key: bytes) -> str:
    """Return the name of an Ed25519 public key, of its 32 bytes: nobody can give it to another."""
    return f"rk_{hashlib.sha256(public_key).hexdigest()[:32]}"
