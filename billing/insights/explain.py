"""Why a balance is what it is, in words: every entry as a sentence, and what is on its way."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger.journal import Kind
from billing.ledger.models import Entry, Wallet
from plans.credits import format_micros


def explain(account: Account) -> Iterator[str]:
    """Yield lines that lead from the first entry to the balance of this instant."""
    wallet = Wallet.objects.filter(account=account).first()
    if wallet is None:
        yield _("%(account)s has no wallet yet: nothing was ever given or spent.") % {
            "account": account.external_id
        }
        return
    for entry in Entry.objects.filter(wallet=wallet).select_related("grant").order_by("seq"):
        yield f"{entry.effective_at:%Y-%m-%d %H:%M:%S} UTC  #{entry.seq}  {_sentence(entry)}"
    yield from _now(wallet)


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


def _now(wallet: Wallet) -> Iterator[str]:
    balance = selectors.balance(wallet, as_of=None)
    yield _("Now: %(available)s credits to spend, %(held)s set aside.") % {
        "available": format_micros(balance.available_micros),
        "held": format_micros(balance.held_micros),
    }
    for counted in balance.counted:
        yield _("%(code)s: %(left)s of %(limit)s left.") % {
            "code": counted.schedule.terms.code,
            "left": format_micros(counted.left_micros),
            "limit": format_micros(counted.limit_micros),
        }
    for lot in balance.expiring:
        yield _("%(credits)s of them (%(source)s) expire at %(at)s.") % {
            "credits": format_micros(lot.available_micros),
            "source": lot.source,
            "at": f"{lot.expires_at:%Y-%m-%d %H:%M:%S} UTC",
        }
    if (coming := balance.next_grant) is not None:
        sentence = (
            _("%(credits)s can be claimed from %(at)s on.")
            if coming.mode == "claimed"
            else _("%(credits)s arrive at %(at)s.")
        )
        yield sentence % {
            "credits": format_micros(coming.credits_micros),
            "at": f"{coming.at:%Y-%m-%d %H:%M:%S} UTC",
        }
