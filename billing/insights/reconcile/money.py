"""What Stripe says was paid and paid back, against what is recorded as paid here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from billing.insights.reconcile.drift import Drift
from billing.ledger.models import Debt, Entry, Grant
from billing.packs.models import PackPurchase
from billing.payments.gateway import Wire, lists
from billing.payments.gateway.lists import Disputed, Paid, PaidBack
from billing.subscriptions.models import Subscription
from plans.credits import format_micros

# A fact that begins so came through Stripe, so that Stripe must know of it.
STRIPE: Final = "stripe:"
SUBSCRIPTION: Final = "subscription:"
# Money and its record are never written at one instant: what is younger is still on its way.
ON_ITS_WAY: Final = timedelta(hours=1)
# A payment is begun before it is recorded; so long before, at most.
LOOK_BACK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Told:
    """What Stripe has said.

    Attributes:
        since, until: what is compared; what Stripe says reaches back further than that.
        payments: by their fact; of one fact there should be one.
        all_refunds: those of payments without a fact as well: a bill's payment has none.
    """

    since: datetime
    until: datetime
    payments: Mapping[str, Sequence[Paid]]
    refunds: Mapping[str, Sequence[PaidBack]]
    all_refunds: Sequence[PaidBack] = ()
    disputes: Sequence[Disputed] = ()

    def kept(self, fact: str) -> list[Paid]:
        """Return the fact's payments of which something was not paid back."""
        payments = self.payments.get(fact, ())
        return [one for one in payments if self._back_micros(one) < one.amount_micros]

    def is_untouched(self, fact: str) -> bool:
        """Say whether nothing of one of its payments was paid back."""
        return any(self._back_micros(one) == 0 for one in self.payments.get(fact, ()))

    def _back_micros(self, payment: Paid) -> int:
        refunds = self.refunds.get(payment.fact, ())
        return sum(one.amount_micros for one in refunds if one.payment_id == payment.id)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What is recorded here under a fact: whose row, and which payments would be right."""

    row: str
    paid: tuple[tuple[int, str], ...]
    grant_ids: tuple[str, ...]


def ask(wire: Wire, *, since: datetime, now: datetime) -> Told:
    """Return what Stripe says of what was paid since then; outside of any transaction.

    Raises:
        StripeAway: it could not be read to the end.
    """
    payments: dict[str, list[Paid]] = {}
    refunds: dict[str, list[PaidBack]] = {}
    for payment in lists.payments(wire, since=since - LOOK_BACK, until=now):
        if payment.fact:
            payments.setdefault(payment.fact, []).append(payment)
    all_refunds = lists.refunds(wire, since=since - LOOK_BACK, until=now)
    for refund in all_refunds:
        if refund.fact:
            refunds.setdefault(refund.fact, []).append(refund)
    disputes = lists.disputes(wire, since=since - LOOK_BACK, until=now)
    return Told(since, now - ON_ITS_WAY, payments, refunds, all_refunds, disputes)


def drifts(told: Told) -> Iterator[Drift]:
    """Yield each payment, purchase and refund of which Stripe and the ledger say different things.

    Payments without a fact are none of ours, and purchases whose fact is not Stripe's were paid
    elsewhere; neither is compared.
    """
    for fact, payments in told.payments.items():
        if any(told.since <= one.paid_at <= told.until for one in payments):
            yield from _of_payments(fact, told.kept(fact) or payments[:1])
    for fact, refunds in told.refunds.items():
        # What was paid once and not paid back is still paid: another payment of it was too much.
        if told.is_untouched(fact):
            continue
        if any(told.since <= one.refunded_at <= told.until for one in refunds):
            yield from _of_refunds(fact, refunds)
    yield from _unknown_to_stripe(told)
    yield from _taken_back_for_nothing(told)


def _of_payments(fact: str, payments: Sequence[Paid]) -> Iterator[Drift]:
    recorded = _recorded(fact)
    for payment in payments[1:]:
        yield _drift(
            "paid_twice",
            payment.id,
            _("Stripe took %(paid)s a second time for %(fact)s, which is one purchase here.")
            % {"paid": _money(payment.amount_micros, payment.currency), "fact": fact},
            _("Pay it back at Stripe."),
        )
    first = payments[0]
    paid = _money(first.amount_micros, first.currency)
    if recorded is None:
        yield _drift(
            "paid_for_nothing",
            first.id,
            _("Stripe says that %(paid)s was paid for %(fact)s, and nothing is recorded for it.")
            % {"paid": paid, "fact": fact},
            _("Replay Stripe's events; if nothing comes of it, give what was bought, or pay back."),
        )
    elif (first.amount_micros, first.currency) not in recorded.paid:
        yield _drift(
            "paid_otherwise",
            recorded.row,
            _("Stripe says that %(paid)s was paid (%(payment)s), and here it is %(recorded)s.")
            % {
                "paid": paid,
                "payment": first.id,
                "recorded": " / ".join(_money(*one) for one in recorded.paid) or _("nothing"),
            },
            _("Stripe has the money, so it is right: correct what is recorded, by an adjustment."),
        )


def _of_refunds(fact: str, refunds: Sequence[PaidBack]) -> Iterator[Drift]:
    recorded = _recorded(fact)
    if recorded is None or not recorded.grant_ids:
        return
    total = Grant.objects.filter(pk__in=recorded.grant_ids).aggregate(
        revoked=Sum("revoked_micros"), expired=Sum("expired_micros"), all=Sum("amount_micros")
    )
    owed = Debt.objects.filter(grant__in=recorded.grant_ids).exists()
    # What has expired is gone for both sides.
    if not total["revoked"] and not owed and total["expired"] != total["all"]:
        micros = sum(refund.amount_micros for refund in refunds)
        yield _drift(
            "refunded_and_kept",
            recorded.row,
            _("Stripe paid %(paid)s back (%(refund)s), and nothing of its credits was taken back.")
            % {"paid": _money(micros, refunds[0].currency), "refund": refunds[0].id},
            _("Replay Stripe's events; if nothing comes of it, take the credits back."),
        )


def _unknown_to_stripe(told: Told) -> Iterator[Drift]:
    bought = PackPurchase.objects.filter(
        fact__startswith=STRIPE,
        bought_at__gte=told.since,
        bought_at__lte=told.until,
        account__is_sandbox=False,
    )
    for purchase in bought.order_by("pk"):
        if purchase.fact not in told.payments:
            paid = _money(purchase.paid_micros, purchase.paid_currency)
            yield _drift(
                "purchase_unknown_to_stripe",
                purchase.pk,
                _("it is recorded as paid by %(paid)s (%(fact)s), and Stripe knows of no payment.")
                % {"paid": paid, "fact": purchase.fact},
                _("See at Stripe whether the payment failed; if so, take the credits back."),
            )


def _taken_back_for_nothing(told: Told) -> Iterator[Drift]:
    taken = Entry.objects.filter(
        kind="revoke",
        cause_type="refund",
        effective_at__gte=told.since,
        effective_at__lte=told.until,
    )
    # What was taken of a purchase of ours follows its refunds and disputes: see `returns`.
    grant_ids = set(taken.exclude(cause_id__startswith="pu_").values_list("grant_id", flat=True))
    bought = PackPurchase.objects.filter(
        Q(grant__in=grant_ids) | Q(bonus_grant__in=grant_ids), fact__startswith=STRIPE
    )
    for purchase in bought.order_by("pk"):
        if purchase.fact not in told.refunds:
            yield _drift(
                "taken_back_and_not_refunded",
                purchase.pk,
                _("credits of it were taken back for a refund, and Stripe knows of none."),
                _("Pay it back at Stripe, or give the credits back by an adjustment."),
            )


def _recorded(fact: str) -> _Recorded | None:
    """Return what the fact stands for here: a purchase, a subscription's period, or a grant."""
    purchase = PackPurchase.objects.filter(fact=fact, account__is_sandbox=False).first()
    if purchase is not None:
        grant_ids = tuple(one for one in (purchase.grant_id, purchase.bonus_grant_id) if one)
        return _Recorded(
            purchase.pk, _amounts((purchase.paid_micros,), purchase.paid_currency), grant_ids
        )
    if fact.startswith(SUBSCRIPTION):
        key = fact.removeprefix(SUBSCRIPTION).partition(":")[0]
        subscription = Subscription.objects.filter(pk=key).first()
        if subscription is not None:
            prices = (subscription.price_micros, subscription.renewal_micros)
            return _Recorded(subscription.pk, _amounts(prices, subscription.currency), ())
    grant = Grant.objects.filter(fact=fact, wallet__is_sandbox=False).first()
    if grant is not None:
        return _Recorded(grant.pk, _amounts((grant.paid_micros,), grant.paid_currency), (grant.pk,))
    return None


def _amounts(amounts: Sequence[int | None], currency: str) -> tuple[tuple[int, str], ...]:
    return tuple(dict.fromkeys((micros, currency) for micros in amounts if micros))


def _money(micros: int, currency: str) -> str:
    return f"{format_micros(micros)} {currency}".rstrip()


def _drift(code: str, row: str, sentence: str, mend: str) -> Drift:
    return Drift(code, ("Stripe", "ledger"), row, sentence, mend)
