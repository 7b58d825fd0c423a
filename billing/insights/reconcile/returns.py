"""What Stripe says went back, each refund and each dispute, against what is known here."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from billing.insights.reconcile.drift import Drift
from billing.insights.reconcile.money import Told
from billing.payments.gateway.lists import Disputed, PaidBack
from billing.payments.models import Dispute, Purchase, Refund
from plans.credits import format_micros


def drifts(told: Told) -> Iterator[Drift]:
    """Yield each refund and dispute of our payments of which the two sides say different things."""
    known = Purchase.objects.filter(account__is_sandbox=False).exclude(amount_micros=0)
    for refund in told.all_refunds:
        purchase = known.filter(stripe_id=refund.payment_id).first()
        if purchase is not None and told.since <= refund.refunded_at <= told.until:
            yield from _of_refund(purchase, refund)
    for dispute in told.disputes:
        purchase = known.filter(stripe_id=dispute.payment_id).first()
        if purchase is not None and told.since <= dispute.opened_at <= told.until:
            yield from _of_dispute(purchase, dispute)
    yield from _unknown_to_stripe(told)
    yield from _never_sent(told)


def _of_refund(purchase: Purchase, refund: PaidBack) -> Iterator[Drift]:
    ours = Refund.objects.filter(stripe_id=refund.id).first()
    is_same = ours is not None and (ours.purchase_id, ours.amount_micros, ours.state) == (
        *(purchase.pk, refund.amount_micros, Refund.State.SUCCEEDED),
    )
    if not is_same:
        yield _drift(
            "refund_otherwise",
            purchase.pk,
            _("Stripe paid %(paid)s back (%(refund)s), and here it is %(ours)s.")
            % {
                "paid": f"{format_micros(refund.amount_micros)} {refund.currency}",
                "refund": refund.id,
                "ours": _said(ours, purchase),
            },
            _("Replay Stripe's events: what went back takes its credits back."),
        )


def _of_dispute(purchase: Purchase, dispute: Disputed) -> Iterator[Drift]:
    ours = Dispute.objects.filter(stripe_id=dispute.id).first()
    if ours is None or ours.status != dispute.status:
        yield _drift(
            "dispute_otherwise",
            purchase.pk,
            _("Stripe says that the dispute %(dispute)s is %(stripe)s, and here it is %(ours)s.")
            % {
                "dispute": dispute.id,
                "stripe": dispute.status,
                "ours": ours.status if ours else _("nothing"),
            },
            _("Replay Stripe's events: the credits follow how a dispute stands."),
        )


def _unknown_to_stripe(told: Told) -> Iterator[Drift]:
    paid_back = {refund.id for refund in told.all_refunds}
    ours = Refund.objects.filter(
        state=Refund.State.SUCCEEDED,
        requested_at__gte=told.since,
        ended_at__lte=told.until,
        purchase__account__is_sandbox=False,
    )
    for refund in ours.exclude(stripe_id__in=paid_back).order_by("pk"):
        yield _drift(
            "refund_unknown_to_stripe",
            refund.pk,
            _("it is recorded as paid back (%(refund)s), and Stripe has not paid it back.")
            % {"refund": refund.stripe_id},
            _("See at Stripe what became of it, and replay its events."),
        )


def _never_sent(told: Told) -> Iterator[Drift]:
    ours = Refund.objects.filter(
        state=Refund.State.APPROVED, decided_at__lte=told.until, purchase__account__is_sandbox=False
    )
    for refund in ours.order_by("pk"):
        yield _drift(
            "refund_never_sent",
            refund.pk,
            _("it was approved, its credits are taken, and Stripe has not answered to it yet."),
            _("It is asked again every few minutes; see in the log what keeps it."),
        )


def _said(refund: Refund | None, purchase: Purchase) -> str:
    if refund is None:
        return _("nothing")
    return f"{format_micros(refund.amount_micros)} {purchase.currency} ({refund.state})"


def _drift(code: str, row: str, sentence: str, mend: str) -> Drift:
    return Drift(code, ("Stripe", "purchases"), row, sentence, mend)
