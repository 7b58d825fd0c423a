"""Tells people what a catalog will change for them, or that it will not: each one once."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

import structlog
from django.db import transaction

from billing.accounts.models import Account
from billing.lab.models import AnnouncedTo
from billing.notices.kinds import Kind
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.payments.services import mailing
from billing.transactions import forbid_transaction
from billing.webhooks import services as webhooks
from plans import selectors as plans
from plans.catalog import publish
from plans.catalog.publish import Change
from plans.models import PublicationRequest

BATCH: Final = 100
_CHUNK: Final = 1000
# What stays as it was sold is no news to who has it.
_NO_NEWS: Final = frozenset({"keeps", "payments"})

_log = structlog.get_logger(__name__)


def announce(*, request_id: str, now: datetime) -> int:
    """Up to a hundred accounts more are told; return how many. While some are left, it goes on.

    First it is found out who is to be told, which may take long and may be repeated: an account
    is one row. Each is then told in a commit of its own, so that a crash tells nobody twice.
    """
    forbid_transaction("lab.announce")
    asked = PublicationRequest.objects.select_related("revision", "against", "publication").get(
        pk=request_id
    )
    if asked.gathered_at is None:
        _gather(asked)
        PublicationRequest.objects.filter(pk=asked.pk, gathered_at=None).update(gathered_at=now)
    told = 0
    while told < BATCH and _tell_next(asked.pk, now):
        told += 1
    _go_on(asked.pk, now)
    return told


def _gather(asked: PublicationRequest) -> None:
    """Write down whom it concerns; who stands there already stays."""
    for keys in _chunks(_concerned(asked)):
        AnnouncedTo.objects.bulk_create(
            [AnnouncedTo(request=asked, account_id=key) for key in keys], ignore_conflicts=True
        )


def _concerned(asked: PublicationRequest) -> Iterator[str]:
    """Yield the accounts that buy in earnest, all of them or those whom the catalog touches."""
    real = Account.objects.filter(is_sandbox=False)
    if asked.audience == PublicationRequest.Audience.ALL:
        yield from real.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=_CHUNK)
        return
    assert asked.decided_at is not None, "only what was approved is told"
    old = None if asked.against is None else plans.version(asked.against.pk).catalog
    new = publish.read(asked.revision.source).catalog
    change = Change(old, new, at=asked.effective_at, now=asked.decided_at)
    names = (one.account for one in publish.touched(change) if one.kind not in _NO_NEWS)
    for chunk in _chunks(_without_repeats(names)):
        yield from real.filter(external_id__in=chunk).values_list("pk", flat=True)


def _without_repeats(names: Iterable[str]) -> Iterator[str]:
    """Yield the names, each of a row of equal ones once; an account may come again later."""
    last = ""
    for name in names:
        if name != last:
            yield name
        last = name


def _chunks(things: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(things, _CHUNK)):
        yield chunk


@transaction.atomic(durable=True)
def _tell_next(request_id: str, now: datetime) -> bool:
    """Tell one account what is to be told by now; False: nobody is left."""
    asked = PublicationRequest.objects.select_related("publication").get(pk=request_id)
    rows = AnnouncedTo.objects.select_for_update(of=("self",), skip_locked=True)
    is_recalled = asked.state == PublicationRequest.State.TAKEN_BACK
    if is_recalled:
        rows = rows.filter(told_at__isnull=False, recalled_at=None)
    else:
        rows = rows.filter(told_at=None)
    row = rows.filter(request=asked).select_related("account").order_by("pk").first()
    if row is None:
        return False
    if is_recalled:
        _recall(asked, row, now)
    else:
        _tell(asked, row, now)
    return True


def _tell(asked: PublicationRequest, row: AnnouncedTo, now: datetime) -> None:
    row.told_at = now
    row.save(update_fields=["told_at"])
    text = {"en": asked.text_en, "zh": asked.text_zh}
    mailing.mail(
        Kind.CATALOG_ANNOUNCED,
        row.account,
        {"text": text, "begins_at": asked.effective_at},
        fact=f"{asked.pk}:{row.account_id}:announced",
        now=now,
    )
    webhooks.publish(
        account=row.account,
        type="catalog.announced",
        data={**_said_of(asked), "text": text},
        now=now,
    )


def _recall(asked: PublicationRequest, row: AnnouncedTo, now: datetime) -> None:
    row.recalled_at = now
    row.save(update_fields=["recalled_at"])
    mailing.mail(
        Kind.CATALOG_RECALLED,
        row.account,
        {"begins_at": asked.effective_at},
        fact=f"{asked.pk}:{row.account_id}:recalled",
        now=now,
    )
    webhooks.publish(account=row.account, type="catalog.recalled", data=_said_of(asked), now=now)


def _said_of(asked: PublicationRequest) -> dict[str, object]:
    assert asked.publication is not None, "only what was published is told"
    return {
        "announcement": asked.pk,
        "catalog": asked.publication.version_id,
        "effective_at": asked.effective_at.isoformat(),
    }


@transaction.atomic(durable=True)
def _go_on(request_id: str, now: datetime) -> None:
    """Post the next batch, or write down that all are told."""
    asked = PublicationRequest.objects.select_for_update().get(pk=request_id)
    rows = AnnouncedTo.objects.filter(request=asked)
    if asked.state == PublicationRequest.State.TAKEN_BACK:
        rows = rows.filter(told_at__isnull=False, recalled_at=None)
    else:
        rows = rows.filter(told_at=None)
    if rows.exists():
        outbox.post(TaskName.ANNOUNCE_CATALOG, now=now, asked_id=asked.pk)
    elif asked.told_at is None:
        asked.told_at = now
        asked.save(update_fields=["told_at"])
