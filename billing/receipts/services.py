"""Signs receipts, and keeps the record of the keys that did.

A receipt is not stored: the same entry and key give the same bytes whenever they are asked for
(ADR 36). Only the keys' record is written here.
"""

import base64
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http import errors
from billing.ledger import chained
from billing.ledger.journal import facts_of
from billing.receipts import keys
from billing.receipts.form import ALGORITHM, SIGNATURE, TYPE, signed_bytes
from billing.receipts.models import ReceiptKey

# How long the key before still signs, for processes that have not been restarted yet.
OVERLAP: Final = timedelta(days=1)


def issue(*, account: Account, entry_id: str, now: datetime) -> dict[str, str]:
    """Return the receipt of one entry of the account.

    It is issued as of the instant at which the entry was written, or as of the beginning of the
    key that signs it where that is later. A sandbox's clock is not the world's: its receipts are
    issued as of the key's beginning.

    Raises:
        NotFound: the account has no such entry.
        Unavailable: the key of this process was retired or revoked.
    """
    entry = chained.entry(account, entry_id)
    key, known = keys.signing_key(), present_key(now=now)
    issued_at = known.not_before
    if not account.is_sandbox:
        issued_at = max(issued_at, entry.created_at)
    if known.revoked_at is not None or (known.not_after and issued_at >= known.not_after):
        raise errors.Unavailable(
            _("The key that signs receipts here is no longer in use; a new one is needed.")
        )
    receipt = {
        "type": TYPE,
        "alg": ALGORITHM,
        "kid": key.kid,
        "issued_at": issued_at.isoformat(timespec="microseconds"),
        "realm": "sandbox" if account.is_sandbox else "live",
        "account": account.external_id,
        "entry": entry.pk,
        "wallet": entry.wallet_id,
        "previous_digest": chained.digest_before(entry).hex(),
        "digest": bytes(entry.digest).hex(),
        "facts": facts_of(
            wallet_id=entry.wallet_id, seq=entry.seq, movement=chained.movement_of(entry)
        ),
    }
    signature = base64.b64encode(key.sign(signed_bytes(receipt))).decode()
    return {**receipt, SIGNATURE: signature}


def present_key(*, now: datetime) -> ReceiptKey:
    """Return the record of this process's key; it is in the table from its first use on."""
    key = keys.signing_key()
    known = ReceiptKey.objects.filter(pk=key.kid).first()
    return known or _begin(key, now)


@transaction.atomic(durable=True)
def revoke_key(*, kid: str, reason: str, now: datetime) -> ReceiptKey | None:
    """Nothing that the key signed proves anything any more; None: there is no such key.

    A repeat changes nothing. Receipts are given again once RECEIPT_KEY is another.
    """
    found = ReceiptKey.objects.select_for_update().filter(pk=kid).first()
    if found is not None and found.revoked_at is None:
        found.revoked_at, found.reason = now, reason
        found.save(update_fields=["revoked_at", "reason"])
    return found


@transaction.atomic(durable=True)
def _begin(key: keys.SigningKey, now: datetime) -> ReceiptKey:
    """Put a new key into the record; the one before is retired after `OVERLAP`."""
    _lock_keys()
    known = ReceiptKey.objects.filter(pk=key.kid).first()
    if known is not None:
        return known
    before = ReceiptKey.objects.filter(not_after=None, revoked_at=None)
    before.update(not_after=now + OVERLAP)
    return ReceiptKey.objects.create(pk=key.kid, public_key=key.public_bytes, not_before=now)


def _lock_keys() -> None:
    """Let one process at a time begin a key: two with different keys may start at once."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE billing_receiptkey IN SHARE ROW EXCLUSIVE MODE")
