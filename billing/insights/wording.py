"""What a reason of a balance is called: one phrase for each thing that brings or takes credits."""

from datetime import datetime

from django.utils.translation import gettext as _

from billing.insights.reasons import Flow, Reason
from billing.ledger.lots import LENT


def phrase(reason: Reason) -> str:
    """Return what came or went, by which reason, how often and when."""
    facts = {"what": reason.what, "count": reason.count}
    if reason.flow == Flow.SPENT:
        said = _spent(reason) % facts
    else:
        said = _usual(reason) % facts
        if reason.count > 1:
            said = _("%(said)s, %(count)s times") % {"said": said, "count": reason.count}
    first, last = day(reason.first_at), day(reason.last_at)
    if first == last:
        return _("%(said)s, on %(day)s") % {"said": said, "day": first}
    return _("%(said)s, from %(first)s to %(last)s") % {"said": said, "first": first, "last": last}


def rest(flow: Flow) -> str:
    """Return what all smaller reasons of a flow are called together."""
    return {
        Flow.CAME: _("came otherwise"),
        Flow.SPENT: _("were spent on other orders"),
        Flow.REPAID: _("paid debts"),
        Flow.EXPIRED: _("expired otherwise"),
        Flow.TAKEN: _("were taken back otherwise"),
        Flow.MOVED: _("went to other accounts"),
    }[flow]


def total(flow: Flow) -> str:
    """Return what a flow is called in the answer's first line; it waits for `credits`."""
    return {
        Flow.CAME: _("%(credits)s came"),
        Flow.SPENT: _("%(credits)s were spent"),
        Flow.REPAID: _("%(credits)s paid debts"),
        Flow.EXPIRED: _("%(credits)s expired"),
        Flow.TAKEN: _("%(credits)s were taken back"),
        Flow.MOVED: _("%(credits)s went to other accounts"),
    }[flow]


def instant(at: datetime) -> str:
    """Return an instant as a person reads it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def day(at: datetime) -> str:
    """Return a day as a person reads it."""
    return f"{at:%Y-%m-%d}"


def _spent(reason: Reason) -> str:
    if not reason.what:
        one, several = _("were spent on one order"), _("were spent on %(count)s orders")
    else:
        one = _("were spent on one order of %(what)s")
        several = _("were spent on %(count)s orders of %(what)s")
    return one if reason.count == 1 else several


def _usual(reason: Reason) -> str:
    by_cause = {
        Flow.CAME: _came(reason.what),
        Flow.EXPIRED: {
            "rollover": _("were more than is carried over (%(what)s)"),
            "subscription": _("ended with the subscription (%(what)s)"),
            "conversion": _("were exchanged for others (%(what)s)"),
        },
        Flow.TAKEN: {
            "refund": _("were taken back for a refund (%(what)s)"),
            "conversion": _("were exchanged for others (%(what)s)"),
            "subscription": _("were taken off the price of another plan (%(what)s)"),
        },
        Flow.MOVED: {
            "expiry": _("went back unused to whom they came from (%(what)s)"),
            "allotment": _("went back to the organization (%(what)s)")
            if reason.what == LENT
            else _("were allotted to somebody (%(what)s)"),
        },
        Flow.REPAID: {},
        Flow.SPENT: {},
    }
    usual = {
        Flow.CAME: _("came (%(what)s)"),
        Flow.SPENT: _("were spent (%(what)s)"),
        Flow.REPAID: _("paid a debt (%(what)s)"),
        Flow.EXPIRED: _("expired (%(what)s)"),
        Flow.TAKEN: _("were taken back (%(what)s)"),
        Flow.MOVED: _("went to another account (%(what)s)"),
    }
    return by_cause[reason.flow].get(reason.cause, usual[reason.flow])


def _came(what: str) -> dict[str, str]:
    return {
        "allowance": _("came by themselves (%(what)s)"),
        "service_grant": _("were given by the platform (%(what)s)"),
        "operator": _("were given by an operator (%(what)s)"),
        "adjustment": _("were given by an operator (%(what)s)"),
        "compensation": _("came as a compensation (%(what)s)"),
        "pack": _("came with a pack (%(what)s)"),
        "campaign": _("came from a campaign (%(what)s)"),
        "conversion": _("came in exchange for others (%(what)s)"),
        "subscription": _("came with the subscription (%(what)s)"),
        "import": _("came from another system (%(what)s)"),
        "transfer": _("came from another account (%(what)s)"),
        "allotment": _("were allotted by an organization (%(what)s)")
        if what == LENT
        else _("came back from an allotment (%(what)s)"),
        "refund": _("came back when a refund was undone (%(what)s)"),
        "job": _("came back after their end and were given anew (%(what)s)"),
    }
