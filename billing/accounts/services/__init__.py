"""Makes accounts and service keys, and decides who has the free tier."""

from billing.accounts.services.accounts import (
    METADATA_KEYS_MAX,
    METADATA_TEXT_MAX,
    amend_account,
    change_account,
    create_api_key,
    ensure_account,
    follow,
    hash_of,
    make_organization_account,
    note_use,
    prefix_of,
    revoke_api_key,
    rotate_api_key,
)
from billing.accounts.services.free_tier import admit, admit_by_hand, note_signals, seen_with

__all__ = [
    "METADATA_KEYS_MAX",
    "METADATA_TEXT_MAX",
    "admit",
    "admit_by_hand",
    "amend_account",
    "change_account",
    "create_api_key",
    "ensure_account",
    "follow",
    "hash_of",
    "make_organization_account",
    "note_signals",
    "note_use",
    "prefix_of",
    "revoke_api_key",
    "rotate_api_key",
    "seen_with",
]
