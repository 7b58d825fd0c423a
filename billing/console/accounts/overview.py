"""Who an account is, what it has, and why: what the ledger and `explain` say of it now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from billing.accounts.members import Organization
from billing.accounts.models import Account, FreeTier
from billing.console.accounts.seeing import sees
from billing.console.accounts.wording import credits_text, instant_text
from billing.http import links
from billing.insights import explain, reasons
from billing.insights.explain import Section
from billing.ledger import living
from billing.ledger import selectors as ledger
from billing.ledger.journal import Movement
from billing.ledger.models import Wallet
from billing.ledger.selectors import Balance
from billing.packs.api import coming_of
from billing.payments.models import Customer
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.selectors import PAST_DUE, Membership
from plans import selectors as plans

_LOTS_SHOWN: Final = 12
Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class State:
    """A wallet as it stands.

    Attributes:
        movements: what has happened by itself and stands in no entry yet.
    """

    wallet: Wallet
    balance: Balance
    movements: Sequence[Movement]


def member(account: Account) -> Membership:
    """Return the plan that the account is on, and how it stands."""
    return subscriptions.membership_of(account, catalog=plans.current().catalog)


def state(account: Account, standing: frozenset[str]) -> State | None:
    """Return what the account has now; None: nothing was ever given to it."""
    wallet = Wallet.objects.select_related("account").filter(account=account).first()
    if wallet is None:
        return None
    coming = partial(coming_of, account)
    balance = ledger.balance(wallet, as_of=None, standing=standing, coming=coming)
    happened = [one for one in coming(balance.as_of) if one.at <= balance.as_of]
    lived = living.lived(wallet, at=balance.as_of, happened=happened)
    return State(wallet, balance, lived.movements)


def heading(account: Account, plan: Membership, *, reader: User) -> list[Fact]:
    """Return who it is, in words; what the reader may see in windows of its own is a link."""
    facts = [
        (_("id"), account.pk),
        (_("kind"), str(account.get_kind_display())),
        (_("time zone"), account.zone),
        (_("region and currency"), f"{account.region or '-'} · {account.currency or '-'}"),
        (_("since"), instant_text(account.created_at)),
        (_("plan"), plan.plan.code if plan.plan is not None else "-"),
        (_("standing"), _standing(plan)),
    ]
    subscription = plan.subscription if sees(reader, "subscription") else None
    if subscription is not None:
        facts.append((_("subscription"), links.link(links.row_path(subscription), subscription.pk)))
        facts.append((_("paid until"), instant_text(subscription.paid_until)))
        facts.append((_("ends at"), instant_text(subscription.ends_at)))
    rows = (
        (_("customer at Stripe"), "customer", Customer.objects.filter(account=account)),
        (_("organization"), "organization", Organization.objects.filter(account=account)),
    )
    for name, model, found in rows:
        one = found.first() if sees(reader, model) else None
        if one is not None:
            facts.append((name, links.link(links.row_path(one), one)))
    tier = FreeTier.objects.filter(account=account).first()
    if tier is not None and sees(reader, "freetier"):
        said = " · ".join(filter(None, (tier.get_state_display(), tier.get_reason_display())))
        facts.append((_("free tier"), links.link(links.row_path(tier), said)))
    return facts


def _standing(plan: Membership) -> str:
    if PAST_DUE in plan.standing:
        return _("past due")
    return _("unsubscribed") if plan.subscription is None else _("subscribed")


def flags(account: Account, plan: Membership, now: State | None) -> Iterator[str]:
    """Yield what a person must know before anything else."""
    if account.is_sandbox:
        yield _("sandbox")
    if PAST_DUE in plan.standing:
        yield _("past due")
    if now is None:
        return
    if now.wallet.halted_at is not None:
        yield _("nothing comes by itself since %(at)s") % {"at": instant_text(now.wallet.halted_at)}
    if now.balance.debt_micros:
        yield _("owes %(credits)s credits") % {"credits": credits_text(now.balance.debt_micros)}
    if now.balance.locked_micros:
        yield _("%(credits)s credits are frozen") % {
            "credits": credits_text(now.balance.locked_micros)
        }


def amounts(balance: Balance) -> dict[str, Any]:
    """Return what is free, set aside, frozen and owed, by source, and what ends when."""
    return {
        "free": credits_text(balance.available_micros),
        "beside": [
            (_("set aside"), credits_text(balance.held_micros)),
            (_("frozen"), credits_text(balance.locked_micros)),
            (_("owed"), credits_text(balance.debt_micros)),
        ],
        "as_of": instant_text(balance.as_of),
        "sources": [(code, credits_text(micros)) for code, micros in balance.by_source.items()],
        "expiring": [
            (
                instant_text(lot.expires_at),
                credits_text(lot.available_micros),
                links.link(links.window_path("billing", "grant", lot.id), lot.source),
            )
            for lot in balance.expiring[:_LOTS_SHOWN]
        ],
    }


def explanation(account: Account, *, since: datetime | None) -> list[dict[str, Any]]:
    """Return why the balance is what it is: the answer, the sum that it is, and what comes.

    Raises:
        Unavailable: the wallet moved each time that it was looked at.
    """
    told = reasons.story(account, as_of=None, since=since)
    return [] if told is None else [_section(one) for one in explain.sections(told)]


def _section(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "lines": [
            {
                "term": "" if line.micros is None else _signed(line.micros),
                "text": links.linked(line.text.strip()),
            }
            for line in section.lines
        ],
    }


def _signed(micros: int) -> str:
    return f"{'+' if micros >= 0 else ''}{credits_text(micros)}"
