"""Each entry of an account's wallet as a sentence."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ledger.journal import Kind
from billing.ledger.models import Entry
from plans.credits import format_micros


def sentences(account: Account, *, since: datetime | None, until: datetime | None) -> Iterator[str]:
    """Yield a line for each entry that counts from `since` on and not after `until`, in order."""
    entries = Entry.objects.filter(wallet__account=account).select_related("grant")
    if since is not None:
        entries = entries.filter(effective_at__gte=since)
    if until is not None:
        entries = entries.filter(effective_at__lte=until)
    for entry in entries.order_by("seq").iterator(chunk_size=2000):
        yield f"{entry.effective_at:%Y-%m-%d %H:%M:%S} UTC  #{entry.seq}  {_sentence(entry)}"


def _sentence(entry: Entry) -> str:
    facts = {
        "credits": format_micros(entry.amount_micros),
        "source": entry.grant.source,
        "cause": entry.cause_id,
        "available": format_micros(entry.available_after_micros),
        "held": format_micros(entry.held_after_micros),
    }
    sentences = {
        Kind.GRANT: _("%(credits)s credits arrived (%(source)s)"),
        Kind.HOLD: _("%(credits)s credits of %(source)s were set aside for %(cause)s"),
        Kind.CAPTURE: _("%(credits)s credits of %(source)s were spent on %(cause)s"),
        Kind.RELEASE: _("%(credits)s credits of %(source)s came back from %(cause)s"),
        Kind.EXPIRE: _("%(credits)s credits of %(source)s expired"),
        Kind.LAPSE: _(
            "%(credits)s credits of %(source)s came back from %(cause)s after their end, "
            "and are expired"
        ),
        Kind.REVOKE: _("%(credits)s credits of %(source)s were taken back"),
        Kind.WITHDRAW: _("%(credits)s credits of %(source)s were taken back before they began"),
        Kind.REPAY: _("%(credits)s credits of %(source)s paid a debt"),
        Kind.TRANSFER: _("%(credits)s credits of %(source)s went to another account"),
    }
    by_cause = {
        "rollover": _("%(credits)s credits of %(source)s were more than is carried over"),
        "subscription": _("%(credits)s credits of %(source)s ended with the subscription"),
        "conversion": _("%(credits)s credits of %(source)s were exchanged for others"),
    }
    sentence = sentences[Kind(entry.kind)]
    if entry.kind in {Kind.EXPIRE, Kind.REVOKE}:
        sentence = by_cause.get(entry.cause_type, sentence)
    after = _("%(available)s to spend, %(held)s set aside")
    return f"{sentence % facts}: {after % facts}"
