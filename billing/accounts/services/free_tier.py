"""Who has the free tier: first come, first served, once for each identity, so many a day.

Every function is a step of somebody's use case. Lock order: the account's wallet, then identities
by id, then counts, of one address before those of all.
"""

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.accounts import admission, signals
from billing.accounts.admission import Cap, State, Verdict
from billing.accounts.errors import InvalidSignal
from billing.accounts.models import Account, AccountSignal, FreeTier, FreeTierCount, Identity
from billing.accounts.signals import Signal
from billing.transactions import require_transaction
from plans.catalog.schema import Catalog

_NOTE_LENGTH_MAX: Final = 200
_PURPOSE: Final = b"linggan identity\0"
_OF_ALL: Final = b""  # in place of an address: the count of all of them


def note_signals(account: Account, told: Mapping[Signal, str], *, now: datetime) -> None:
    """The account has been seen with these values, of which only seals are kept.

    A repeat changes nothing but when they were seen last. Every key that is configured makes a
    seal of its own, so that the database finds the value again while keys are rotated.

    Raises:
        InvalidSignal: a value is none of its kind; nothing is kept.
    """
    require_transaction("accounts.note_signals")
    seals = sorted(
        (kind.value, digest)
        for kind, text in _read(told).items()
        for digest in _digests(kind, text)
    )
    Identity.objects.bulk_create(
        [
            Identity(is_sandbox=account.is_sandbox, kind=kind, digest=digest, created_at=now)
            for kind, digest in seals
        ],
        ignore_conflicts=True,  # another account may have been seen with it
    )
    found = Identity.objects.filter(
        is_sandbox=account.is_sandbox,
        kind__in={kind for kind, _digest in seals},
        digest__in=[digest for _kind, digest in seals],
    )
    AccountSignal.objects.bulk_create(
        [
            AccountSignal(account=account, identity_id=pk, seen_at=now)
            for pk in found.order_by("pk").values_list("pk", flat=True)
        ],
        update_conflicts=True,
        unique_fields=["account", "identity"],
        update_fields=["seen_at"],
    )


def admit(account_id: str, *, catalog: Catalog, now: datetime, is_under_way: bool = False) -> bool:
    """Say whether the free plan's allowances may come to the account; decide it if need be.

    This is the one question that whoever begins them asks, under the wallet's lock. Whom nobody
    has admitted yet is, if the rule says so, and then has the free tier of each of his
    identities, and is counted. Admitted is admitted: caps and missing signals are not asked
    again. But whose later signal had its free tier with another account is refused from then on,
    unless an operator has admitted him.

    Args:
        is_under_way: it has them already from before there was a rule: no cap is asked.
    """
    rule = catalog.free_tier
    if rule is None:
        return True
    require_transaction("accounts.admit")
    known = FreeTier.objects.filter(account=account_id).first()
    if known is not None and (known.operator or known.state == State.REFUSED):
        return known.state == State.ADMITTED
    identities = _locked(account_id, rule.signals)
    is_taken = any(one.free_tier_of_id not in (None, account_id) for one in identities)
    has_it = is_under_way if known is None else known.state == State.ADMITTED
    counts: list[FreeTierCount] = []
    if has_it:
        verdict = Verdict(State.ADMITTED) if not is_taken else admission.TAKEN
    else:
        caps = admission.caps_of(rule, zone=catalog.zone, at=now)
        counts, full = _room(account_id, caps)
        told = frozenset(
            AccountSignal.objects.filter(account=account_id).values_list(
                "identity__kind", flat=True
            )
        )
        verdict = admission.judge(rule, told=told, is_taken=is_taken, full=full)
    if verdict.state == State.ADMITTED:
        _take(account_id, identities, counts)
    _write(account_id, known, verdict, now=now)
    return verdict.state == State.ADMITTED


def admit_by_hand(
    account_id: str, *, catalog: Catalog, operator: str, note: str, now: datetime
) -> None:
    """The account is admitted, whatever the rule says, and stays so. A repeat changes nothing.

    It has the free tier of its identities that nobody has yet; it counts for no cap.

    Args:
        operator: who says so; the first one's word stands.
        note: why; 200 characters at most.
    """
    require_transaction("accounts.admit_by_hand")
    assert operator, "somebody answers for it"
    assert 0 < len(note) <= _NOTE_LENGTH_MAX, "the edge asks why"
    known = FreeTier.objects.filter(account=account_id).first()
    if known is not None and known.operator:
        return
    kinds = catalog.free_tier.signals if catalog.free_tier is not None else ()
    _take(account_id, _locked(account_id, kinds), [])
    FreeTier.objects.update_or_create(
        account_id=account_id,
        defaults={
            "state": State.ADMITTED.value,
            "reason": "",
            "retry_at": None,
            "operator": operator,
            "note": note,
            "decided_at": now,
        },
    )


def seen_with(kind: Signal, value: str) -> QuerySet[Account]:
    """Return the accounts that were seen with a value, on both sides of the sandbox.

    Each key that is configured is tried: what a former one has sealed is found, too.

    Raises:
        InvalidSignal: it is no value of this kind.
    """
    digests = _digests(kind, _read({kind: value})[kind])
    known = Identity.objects.filter(
        is_sandbox__in=[False, True], kind=kind.value, digest__in=digests
    )
    seen = AccountSignal.objects.filter(identity__in=known)
    return Account.objects.filter(pk__in=seen.values("account"))


def _read(told: Mapping[Signal, str]) -> dict[Signal, str]:
    found = {}
    for kind, value in told.items():
        try:
            found[kind] = signals.normalised(kind, value)
        except ValueError as wrong:
            raise InvalidSignal(
                _("%(kind)s %(wrong)s") % {"kind": kind.value, "wrong": wrong}, signal=kind.value
            ) from None
    return found


def _digests(kind: Signal, text: str) -> list[bytes]:
    return [
        hmac.digest(key.encode(), _PURPOSE + f"{kind.value}\0{text}".encode(), sha256)
        for key in settings.IDENTITY_KEYS
    ]


def _locked(account_id: str, kinds: Iterable[str]) -> list[Identity]:
    """Lock the account's identities of these kinds, each of which has one free tier."""
    seen = Identity.objects.filter(signals__account=account_id, kind__in=list(kinds))
    return list(seen.order_by("pk").select_for_update(of=("self",), no_key=True))


def _room(account_id: str, caps: list[Cap]) -> tuple[list[FreeTierCount], list[Cap]]:
    """Lock the counts of these caps; return them, and those caps that are full."""
    account = Account.objects.get(pk=account_id)
    address = _address(account_id)
    counts, full = [], []
    for cap in caps:
        # The rule requires an address, so nobody is admitted without one.
        of_cap = [
            _count(account, cap, digest) for digest in (address if cap.is_by_ip else [_OF_ALL])
        ]
        counts += of_cap
        if not all(has_room(count) for count in of_cap):
            full.append(cap)
    return counts, full


def _count(account: Account, cap: Cap, digest: bytes) -> FreeTierCount:
    """Lock a count, with as many as the catalog in force says."""
    named = {
        "is_sandbox": account.is_sandbox,
        "cap": cap.reason.value,
        "window": cap.window,
        "digest": digest,
    }
    FreeTierCount.objects.bulk_create(
        [FreeTierCount(**named, most=cap.most)], ignore_conflicts=True
    )
    count = FreeTierCount.objects.select_for_update().get(**named)
    count.most = max(count.begun, cap.most)
    return count


def has_room(count: FreeTierCount) -> bool:
    """Say whether one more may begin in this window."""
    return count.begun < count.most


def _address(account_id: str) -> list[bytes]:
    """Return the seals of the address from which the account was seen last, in a fixed order.

    Each key has its own, and is counted by it: while keys are rotated no cap begins anew.
    """
    seen = AccountSignal.objects.filter(account=account_id, identity__kind=Signal.IP.value)
    last = seen.order_by("-seen_at").values("seen_at")[:1]
    digests = seen.filter(seen_at=last).values_list("identity__digest", flat=True)
    return sorted(bytes(digest) for digest in digests)


def _take(account_id: str, identities: list[Identity], counts: list[FreeTierCount]) -> None:
    """Let the account have the free tier of what nobody had yet, and count it."""
    for one in identities:
        if one.free_tier_of_id is None:
            one.free_tier_of_id = account_id
            one.save(update_fields=["free_tier_of"])
    for count in counts:
        count.begun += 1
        count.save(update_fields=["begun", "most"])


def _write(account_id: str, known: FreeTier | None, verdict: Verdict, *, now: datetime) -> None:
    tier = known or FreeTier(account_id=account_id)
    said = (verdict.state.value, verdict.reason.value if verdict.reason else "", verdict.retry_at)
    if known is not None and said == (known.state, known.reason, known.retry_at):
        return
    tier.state, tier.reason, tier.retry_at = said
    tier.decided_at = now
    if known is None:
        tier.save(force_insert=True)
    else:
        tier.save(update_fields=["state", "reason", "retry_at", "decided_at"])
