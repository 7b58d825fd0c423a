"""Whether receipts prove what they say: checked with the public keys alone. Pure.

No server and no database is asked. Each flaw is a sentence; no flaw is proof.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from billing.ledger.journal import GENESIS, PATHS, Bucket, Kind, link
from billing.receipts.form import ALGORITHM, MEMBERS, SIGNATURE, TYPE, kid_of, signed_bytes
from plans.wording import gettext as _

_DIGEST_DIGITS: Final = 64


class Unreadable(Exception):
    """A file that is no receipt, or no list of keys; the message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and when it counts: from `not_before` on, and before `not_after`."""

    public: Ed25519PublicKey
    not_before: datetime
    not_after: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What an entry says, as far as a person reads it or one entry follows from another."""

    wallet: str
    seq: int
    kind: str
    amount_micros: int
    available_after_micros: int
    held_after_micros: int
    effective_at: datetime


def read_receipt(text: str) -> dict[str, str]:
    """Return the receipt of a file.

    Raises:
        Unreadable: it is none, or has members that no receipt has.
    """
    content = _json(text)
    wanted = {*MEMBERS, SIGNATURE}
    if not isinstance(content, dict) or content.keys() != wanted:
        raise Unreadable(
            _("This is no receipt: it has exactly the members %(members)s.")
            % {"members": ", ".join([*MEMBERS, SIGNATURE])}
        )
    for name, said in content.items():
        if not isinstance(said, str) or "\n" in said or not _is_text(said):
            raise Unreadable(_("This is no receipt: %(member)s is no text.") % {"member": name})
    return content


def read_keys(text: str) -> dict[str, Key]:
    """Return the keys of a file as `GET /v1/receipt-keys` answers, by their names.

    Raises:
        Unreadable: it is no such file, or calls a key by another's name.
    """
    content = _json(text)
    try:
        return dict(_key(one) for one in content["data"])
    except (AttributeError, KeyError, TypeError, ValueError, UnsupportedAlgorithm):
        raise Unreadable(
            _("This is no list of keys as GET /v1/receipt-keys answers with.")
        ) from None


def facts_of(receipt: Mapping[str, str]) -> Facts | None:
    """Return what the receipt's entry says; None: the facts are none."""
    try:
        wallet, seq, kind, amount, _grant, _hold, available, held, *_who, at = json.loads(
            receipt["facts"]
        )
        facts = Facts(wallet, seq, kind, amount, available, held, datetime.fromisoformat(at))
    except (ValueError, TypeError, RecursionError):
        return None
    are_numbers = all(type(number) is int for number in (seq, amount, available, held))
    are_texts = isinstance(wallet, str) and isinstance(kind, str)
    return facts if are_numbers and are_texts and facts.effective_at.tzinfo is not None else None


def flaws(receipt: Mapping[str, str], keys: Mapping[str, Key] | None) -> Iterator[str]:
    """Yield what is wrong with one receipt; nothing: it is proven.

    Args:
        keys: None leaves the signature unchecked.
    """
    if (receipt["type"], receipt["alg"]) != (TYPE, ALGORITHM):
        yield _("It is of a kind that this program does not know: %(type)s, %(alg)s.") % receipt
    if keys is not None:
        yield from _flaws_of_signature(receipt, keys.get(receipt["kid"]))
    facts = facts_of(receipt)
    if facts is None:
        yield _("Its facts are no entry of a ledger.")
    elif facts.wallet != receipt["wallet"]:
        yield _("Its facts are of another wallet than it says.")
    previous = _digest(receipt["previous_digest"])
    if previous is None or link(previous, receipt["facts"]).hex() != receipt["digest"]:
        yield _("Its facts do not lead from the previous digest to its own.")
    if facts is not None and (facts.seq == 1) != (previous == GENESIS):
        yield _("Only the first entry of a wallet has nothing before it.")


def flaws_between(receipts: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield where receipts of one wallet contradict each other.

    Neighbours are linked by their digests; where entries are missing in between, only time can
    be compared.
    """
    by_wallet: dict[str, list[tuple[Facts, Mapping[str, str]]]] = {}
    for receipt in receipts:
        if (facts := facts_of(receipt)) is not None:
            by_wallet.setdefault(facts.wallet, []).append((facts, receipt))
    for known in by_wallet.values():
        known.sort(key=lambda one: one[0].seq)
        for (facts, receipt), (next_facts, next_receipt) in pairwise(known):
            numbers = {"wallet": facts.wallet, "first": facts.seq, "second": next_facts.seq}
            for flaw in _flaws_of_pair(facts, receipt, next_facts, next_receipt):
                yield flaw % numbers


def gaps(receipts: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, int, int]]:
    """Yield wallet, first and last number of entries that lie between receipts and have none."""
    seqs: dict[str, set[int]] = {}
    for receipt in receipts:
        if (facts := facts_of(receipt)) is not None:
            seqs.setdefault(facts.wallet, set()).add(facts.seq)
    for wallet, known in seqs.items():
        for first, second in pairwise(sorted(known)):
            if second > first + 1:
                yield wallet, first + 1, second - 1


def _flaws_of_signature(receipt: Mapping[str, str], key: Key | None) -> Iterator[str]:
    if key is None:
        yield _("The key %(kid)s that it names is not among the known ones.") % receipt
        return
    if key.revoked_at is not None:
        yield _("The key %(kid)s was revoked: what it signed proves nothing any more.") % receipt
    issued_at = _instant(receipt["issued_at"])
    if (
        issued_at is None
        or issued_at < key.not_before
        or (key.not_after is not None and issued_at >= key.not_after)
    ):
        yield _("The key %(kid)s was not in use at %(issued_at)s, when it was issued.") % receipt
    signature = _base64(receipt[SIGNATURE])
    try:
        key.public.verify(signature, signed_bytes(receipt))
    except InvalidSignature:
        yield _("Its signature is not the key's: something in it is not what was signed.")


def _flaws_of_pair(
    facts: Facts, receipt: Mapping[str, str], then: Facts, next_receipt: Mapping[str, str]
) -> Iterator[str]:
    """Yield sentences that still wait for `wallet`, `first` and `second`."""
    if then.seq == facts.seq:
        if next_receipt["digest"] != receipt["digest"]:
            yield _("Wallet %(wallet)s has two entries %(first)s: it was told in two ways.")
        return
    if then.effective_at < facts.effective_at:
        yield _("Wallet %(wallet)s: entry %(second)s counts before entry %(first)s.")
    if then.seq != facts.seq + 1:
        return
    if next_receipt["previous_digest"] != receipt["digest"]:
        yield _("Wallet %(wallet)s: entry %(second)s does not follow entry %(first)s.")
    if then.kind in set(Kind):
        source, target = PATHS[Kind(then.kind)]
        moved = {
            bucket: then.amount_micros * ((target == bucket) - (source == bucket))
            for bucket in (Bucket.AVAILABLE, Bucket.HELD)
        }
        wanted = (
            facts.available_after_micros + moved[Bucket.AVAILABLE],
            facts.held_after_micros + moved[Bucket.HELD],
        )
        if wanted != (then.available_after_micros, then.held_after_micros):
            yield _(
                "Wallet %(wallet)s: the balances of entry %(second)s do not follow those of "
                "entry %(first)s."
            )


def _json(text: str) -> Any:  # noqa: ANN401 (JSON)
    """Return what the text says; what says a member twice could be read in two ways.

    Raises:
        Unreadable: it is no JSON.
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({name for name, _said in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise Unreadable(_("This is no JSON.")) from None


def _is_text(said: str) -> bool:
    """Return whether it can be written as UTF-8: JSON lets halves of characters through."""
    try:
        said.encode()
    except UnicodeError:
        return False
    return True


def _key(said: Mapping[str, Any]) -> tuple[str, Key]:
    public = load_pem_public_key(said["public_key"].encode())
    if not isinstance(public, Ed25519PublicKey) or said["alg"] != ALGORITHM:
        raise ValueError
    if said["kid"] != kid_of(public.public_bytes_raw()):
        raise ValueError
    not_before = datetime.fromisoformat(said["not_before"])
    return said["kid"], Key(
        public, not_before, _or_none(said["not_after"]), _or_none(said["revoked_at"])
    )


def _or_none(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def _digest(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if len(text) == _DIGEST_DIGITS else None
    except ValueError:
        return None


def _base64(text: str) -> bytes:
    """Return the bytes; nothing where another spelling of the same bytes would be the usual one."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if base64.b64encode(found).decode() == text else b""
