"""Makes accounts and service keys, and ends the latter."""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from billing.accounts import external_ids, scopes, selectors, surfaces
from billing.accounts.errors import InvalidAccount
from billing.accounts.models import KEY_NAME_LENGTH_MAX, Account, ApiKey
from billing.ids import new_id
from billing.transactions import require_transaction
from plans.catalog.policies import Book
from plans.catalog.schema import Catalog

METADATA_KEYS_MAX: Final = 20
METADATA_TEXT_MAX: Final = 500
_LAST_USED_GRAIN: Final = timedelta(minutes=1)
_PREFIX_DIGITS: Final = 12
_SECRET_BYTES: Final = 32
_SECRET_SHAPE: Final = re.compile(r"(sk_(?:live|test)_[0-9a-f]{12})_[A-Za-z0-9_-]{43}")


def ensure_account(
    external_id: str, *, zone: str, is_sandbox: bool = False, now: datetime
) -> Account:
    """The account of that name exists on that side of the sandbox. A repeat changes nothing.

    Two requests that first see the same person at once get the same account.

    Raises:
        InvalidAccount: `external_id` is not 1 to 128 visible characters.
    """
    if not external_ids.is_external_id(external_id):
        raise InvalidAccount(
            _("An external id has 1 to %(longest)d visible characters.")
            % {"longest": external_ids.LENGTH_MAX}
        )
    known = Account.objects.filter(external_id=external_id, is_sandbox=is_sandbox).first()
    if known is not None:
        return known
    Account.objects.bulk_create(
        [
            Account(
                id=new_id("acc"),
                external_id=external_id,
                zone=zone,
                is_sandbox=is_sandbox,
                created_at=now,
            )
        ],
        ignore_conflicts=True,  # the other request may have been first
    )
    return Account.objects.get(external_id=external_id, is_sandbox=is_sandbox)


def make_organization_account(external_id: str, *, like: Account, now: datetime) -> Account:
    """The account of a new organization exists: on the side of `like`, and buying as that does.

    Args:
        external_id: a name of our own making, which no token can bear by choice.
        like: whose zone, region and currency it begins with.
    """
    require_transaction("accounts.make_organization_account")
    return Account.objects.create(
        id=new_id("acc"),
        external_id=external_id,
        kind=Account.Kind.ORGANIZATION,
        zone=like.zone,
        region=like.region,
        currency=like.currency,
        is_sandbox=like.is_sandbox,
        created_at=now,
    )


@transaction.atomic(durable=True)
def change_account(
    account: Account,
    *,
    zone: str | None = None,
    metadata: Mapping[str, str] | None = None,
    region: str | None = None,
    currency: str | None = None,
    catalog: Catalog,
) -> Account:
    """What is given stands in the account, in a commit of its own; see `amend_account`."""
    return amend_account(
        account, zone=zone, metadata=metadata, region=region, currency=currency, catalog=catalog
    )


def amend_account(
    account: Account,
    *,
    zone: str | None = None,
    metadata: Mapping[str, str] | None = None,
    region: str | None = None,
    currency: str | None = None,
    catalog: Catalog,
) -> Account:
    """What is given stands in the account; what is None stays. A repeat changes nothing.

    Args:
        zone: an IANA name; since when its days count is for those to say who give by days.
        metadata: the platform's notes, as a whole.
        region, currency: by which the account's price book is found; "" for the first book.

    Raises:
        InvalidAccount: more than 20 notes, one longer than 500 characters, or a region or a
            currency in which `catalog` sells nothing.
    """
    require_transaction("accounts.amend_account")
    changed = Account.objects.select_for_update().get(pk=account.pk)
    changed.zone = changed.zone if zone is None else zone
    if metadata is not None:
        _require_short(metadata)
        changed.metadata = dict(metadata)
    if region is not None or currency is not None:
        changed.region = changed.region if region is None else region
        changed.currency = changed.currency if currency is None else currency
        _require_sold(changed, catalog)
    changed.save(update_fields=["zone", "metadata", "region", "currency"])
    return changed


def follow(account: Account, *, is_followed: bool) -> None:
    """What the account does is, or is no longer, told to who may be rewarded for it."""
    account.is_followed = is_followed
    Account.objects.filter(pk=account.pk).update(is_followed=is_followed)


def create_api_key(
    name: str,
    scope_names: Sequence[str],
    *,
    is_sandbox: bool = False,
    surface: str = "",
    expires_at: datetime | None = None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """A service key exists; return it with its secret, which can never be read again.

    Args:
        surface: the way in that its orders count as; "" for the catalog's usual one of programs.

    Raises:
        InvalidAccount: no name, no scope, an unknown scope, a surface that is no word, or an end
            in the past.
    """
    unknown = sorted(set(scope_names) - set(scopes.ALL))
    if unknown or not scope_names:
        raise InvalidAccount(
            _("Give at least one scope of: %(known)s.") % {"known": " ".join(scopes.ALL)},
            unknown=unknown,
        )
    if not name.strip() or len(name) > KEY_NAME_LENGTH_MAX:
        raise InvalidAccount(
            _("A key has a name of 1 to %(longest)d characters.") % {"longest": KEY_NAME_LENGTH_MAX}
        )
    if expires_at is not None and expires_at <= now:
        raise InvalidAccount(_("A key ends after it begins."))
    if surface and not surfaces.is_surface(surface):
        raise InvalidAccount(_("A surface is a word such as web, api or cli."))
    side = "test" if is_sandbox else "live"
    prefix = f"sk_{side}_{secrets.token_hex(_PREFIX_DIGITS // 2)}"
    secret = f"{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    key = ApiKey.objects.create(
        id=new_id("key"),
        name=name,
        prefix=prefix,
        secret_hash=hash_of(secret),
        scopes=sorted(set(scope_names)),
        surface=surface,
        is_sandbox=is_sandbox,
        created_at=now,
        expires_at=expires_at,
    )
    return key, secret


@transaction.atomic(durable=True)
def rotate_api_key(key: ApiKey, *, overlap: timedelta, now: datetime) -> tuple[ApiKey, str]:
    """A second key does what this one does; return it with its secret. The former one ends soon.

    Args:
        overlap: for how long both open; one that ends earlier by itself ends as it would.

    Raises:
        InvalidAccount: the key opens nothing any more, or the overlap is none.
    """
    key = ApiKey.objects.select_for_update().get(pk=key.pk)
    has_ended = key.expires_at is not None and key.expires_at <= now
    if key.revoked_at is not None or has_ended or overlap <= timedelta():
        raise InvalidAccount(_("Only a key that still opens is rotated, with some time for both."))
    fresh = create_api_key(
        key.name, key.scopes, is_sandbox=key.is_sandbox, surface=key.surface, now=now
    )
    ends_at = now + overlap
    key.expires_at = ends_at if key.expires_at is None else min(ends_at, key.expires_at)
    key.save(update_fields=["expires_at"])
    return fresh


def revoke_api_key(key: ApiKey, *, now: datetime) -> None:
    """The key opens nothing any more. A repeat changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)


def note_use(key: ApiKey, *, now: datetime) -> None:
    """`last_used_at` is right to the minute; most uses write nothing."""
    long_ago = now - _LAST_USED_GRAIN
    if key.last_used_at is None or key.last_used_at < long_ago:
        ApiKey.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=long_ago), pk=key.pk
        ).update(last_used_at=now)


def prefix_of(secret: str) -> str | None:
    """Return the visible beginning of a secret; None for what cannot be one of ours."""
    shape = _SECRET_SHAPE.fullmatch(secret)
    return shape.group(1) if shape else None


def hash_of(secret: str) -> bytes:
    """Return what is stored of a secret. Its 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def _require_short(metadata: Mapping[str, str]) -> None:
    too_long = any(
        len(name) > METADATA_TEXT_MAX or len(text) > METADATA_TEXT_MAX
        for name, text in metadata.items()
    )
    if len(metadata) > METADATA_KEYS_MAX or too_long:
        raise InvalidAccount(
            _("At most %(keys)d notes of at most %(length)d characters.")
            % {"keys": METADATA_KEYS_MAX, "length": METADATA_TEXT_MAX}
        )


def _require_sold(account: Account, catalog: Catalog) -> None:
    """Refuse a region or currency that would leave the account without prices."""
    currencies = selectors.currencies_of(catalog)
    if account.currency and account.currency not in currencies:
        raise InvalidAccount(
            _("Nothing is sold in that currency; the catalog has: %(known)s.")
            % {"known": " ".join(currencies)},
            known=currencies,
        )
    if catalog.books and selectors.book_of(account, catalog=catalog) is None:
        known = [_described(book) for book in catalog.books]
        raise InvalidAccount(
            _("No price book is for that region and currency; the catalog has: %(known)s.")
            % {"known": "; ".join(known)},
            known=known,
        )


def _described(book: Book) -> str:
    return f"{book.code} ({' '.join((*book.regions, *book.currencies)) or '*'})"
