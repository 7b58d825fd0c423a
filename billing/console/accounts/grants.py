"""The grants of an account along time, with what became of their credits; and its holds.

Grants by the indexes `grant_live` and `grant_newest_first`, holds by `hold_open` and those of the
newest jobs, by `job_newest_first`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils.translation import gettext as _

from billing.console.accounts import drawing
from billing.console.accounts.drawing import Span, Stretch
from billing.console.accounts.wording import credits_text, instant_text
from billing.http import links
from billing.jobs.models import Job
from billing.ledger.models import Grant, Hold, Wallet

_SHOWN: Final = 20
_ENDING: Final = 6  # of an id, where another stands beside it
_BEFORE: Final = timedelta(days=30)
_AFTER: Final = timedelta(days=30)
_LIVE: Final = Q(pending_micros__gt=0) | Q(available_micros__gt=0) | Q(held_micros__gt=0)


def along_time(wallet: Wallet, *, now: datetime) -> dict[str, Any]:
    """Return a bar for each grant that is drawn, marks for holds, and the words of both."""
    grants, holds = _grants(wallet), _holds(wallet)
    span = Span(now - _BEFORE, now + _AFTER)
    return {
        "today": span.across(now),
        "first": instant_text(span.first),
        "last": instant_text(span.last),
        "marks": drawing.marks((one.created_at for one in holds), span),
        "rows": [_row(one, span) for one in grants],
        "heads": _heads(),
        "legend": _legend(),
        "holds": [_hold_row(one) for one in holds],
        "hold_heads": [_("hold"), _("for"), _("state"), _("credits"), _("captured"), _("since")],
    }


def _grants(wallet: Wallet) -> list[Grant]:
    """Return what is not used up, and the newest, the latest first."""
    of_wallet = Grant.objects.filter(wallet=wallet)
    found = {
        one.pk: one
        for one in (*of_wallet.filter(_LIVE)[:_SHOWN], *of_wallet.order_by("-id")[:_SHOWN])
    }
    return sorted(found.values(), key=lambda one: (one.effective_at, one.pk), reverse=True)


def _holds(wallet: Wallet) -> list[Hold]:
    jobs = Job.objects.filter(account=wallet.account_id).select_related("hold").order_by("-id")
    open_ones = Hold.objects.filter(wallet=wallet, state=Hold.State.OPEN)[:_SHOWN]
    found = {one.pk: one for one in (*open_ones, *(job.hold for job in jobs[:_SHOWN]))}
    return sorted(found.values(), key=lambda one: one.pk, reverse=True)[:_SHOWN]


def _row(grant: Grant, span: Span) -> dict[str, Any]:
    gone = grant.expired_micros + grant.revoked_micros + grant.transferred_micros
    free = grant.available_micros + grant.pending_micros
    parts = [
        ("used", grant.captured_micros),
        ("held", grant.held_micros),
        ("gone", gone),
        ("free", free),
    ]
    amounts = (grant.amount_micros, *(micros for _kind, micros in parts))
    return {
        "name": links.link(links.row_path(grant), grant.source),
        "areas": drawing.bar(Stretch(grant.effective_at, grant.gone_at, parts), span),
        "amounts": [credits_text(micros) for micros in amounts],
        "from": instant_text(grant.effective_at),
        "until": _("no end") if grant.gone_at is None else instant_text(grant.gone_at),
        "fact": links.linked(grant.fact),
    }


def _heads() -> list[str]:
    return [
        *(_("grant"), _("when"), _("credits"), _("used"), _("set aside"), _("gone"), _("free")),
        *(_("from"), _("until"), _("business fact")),
    ]


def _legend() -> Sequence[tuple[str, str]]:
    return [
        ("used", _("used")),
        ("held", _("set aside")),
        ("gone", _("expired, taken back or given away")),
        ("free", _("free")),
        ("mark", _("a hold")),
        ("today", _("now")),
    ]


def _hold_row(held: Hold) -> list[str]:
    return [
        links.link(links.row_path(held), f"…{held.pk[-_ENDING:]}"),
        links.linked(held.reference),
        held.get_state_display(),
        credits_text(held.amount_micros),
        credits_text(held.captured_micros),
        instant_text(held.created_at),
    ]
