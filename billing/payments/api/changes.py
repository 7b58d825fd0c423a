"""A subscription that is paid for, over REST: read, previewed, changed, ended and resumed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import idempotency
from billing.http.parsing import StrictIn
from billing.ledger.errors import InDebt
from billing.payments import selectors, services
from billing.payments.api.buyers import buyer_of
from billing.payments.api.change_shapes import (
    CancelIn,
    ChangeIn,
    PlanChangeOut,
    PreviewIn,
    PreviewOut,
    ResumeIn,
    SubscriptionWithPaymentOut,
)
from billing.payments.errors import (
    ChangeUnderWay,
    NothingChanges,
    NotNow,
    PaymentFailed,
    PaymentIsDue,
    PaymentsAway,
    PaymentsNotConfigured,
    PaymentsRefused,
    PlanIsPaused,
    PreviewIsOld,
    PriceOutOfStep,
)
from billing.payments.models import Contract, PlanChange
from billing.payments.services import ChangeWish, Judged
from billing.subscriptions import api as plain
from billing.subscriptions.errors import (
    FewerSeatsThanMembers,
    NoSuchPrice,
    NotSubscribed,
    PlanNotOnSale,
    SeatsOutOfRange,
    UnknownPlan,
)
from plans import selectors as plans
from plans.credits import format_micros
from plans.errors import NoCatalog
from plans.shapes import money

_SOLD = (NoCatalog, UnknownPlan, PlanNotOnSale, NoSuchPrice, SeatsOutOfRange, FewerSeatsThanMembers)
_OF_CHANGES = (NotSubscribed, NothingChanges, NotNow, PaymentIsDue, PlanIsPaused, *_SOLD)
_OF_STRIPE = (PaymentsNotConfigured, PaymentsAway, PaymentsRefused)


@extend_schema_view(put=extend_schema(responses=SubscriptionWithPaymentOut))
class SubscriptionView(plain.SubscriptionView):
    """What an account is on, and how it is paid for."""

    def shown(self, account: Account) -> dict[str, Any]:
        """Return what is answered about an account."""
        return shown(account)

    @extend_schema(responses=SubscriptionWithPaymentOut, operation_id="read_subscription")
    def get(self, request: Request) -> Response:
        """Read the plan, its price, how the account stands, how it is paid, what changes next."""
        return super().get(request)


class SubscriptionPreview(APIView):
    """What a change would come to."""

    authz: ClassVar = {"POST": "subscription.read"}
    limit: ClassVar = {"POST": "writes"}
    refusals: ClassVar = {"POST": [*_OF_CHANGES]}

    @extend_schema(request=PreviewIn, responses=PreviewOut, operation_id="preview_subscription")
    def post(self, request: Request) -> Response:
        """See what another plan costs and gives, now or from the next period on."""
        account = account_of(request, Scope.BALANCE_READ)
        given: PreviewIn = PreviewIn(data=request.data)
        given.is_valid(raise_exception=True)
        judged = services.preview(account=account, wish=ChangeWish(**given.validated_data))
        return Response(previewed(judged))


class SubscriptionChange(APIView):
    """Another plan."""

    authz: ClassVar = {"POST": "subscription.change"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {
        "POST": [
            *(*_OF_CHANGES, *_OF_STRIPE, PriceOutOfStep),
            *(AccountFrozen, ChangeUnderWay, PreviewIsOld, PaymentFailed, InDebt),
        ]
    }

    @extend_schema(
        request=ChangeIn, responses={201: PlanChangeOut}, operation_id="change_subscription"
    )
    def post(self, request: Request) -> HttpResponse:
        """Change the plan, now or when the period ends; the present plan takes a change back.

        What is due now is paid by the card that pays the plan. Where its bank wants to see its
        owner, the answer says where; the plan changes once it is paid.
        """
        key = idempotency.read_key(request, required=False)
        given: ChangeIn = ChangeIn(data=request.data)
        now = timezone.now()

        def intend() -> str:
            account = buyer_of(request)
            given.is_valid(raise_exception=True)
            said = dict(given.validated_data)
            agreed = said.pop("preview", None)
            wish = ChangeWish(**said)
            by = caller_of(request).member
            return services.ask_change(
                account=account, wish=wish, agreed_micros=agreed, by=by, now=now
            ).pk

        answer = idempotency.answer_in_steps(
            key,
            intend=intend,
            carry_out=lambda change_id: services.carry_out(change_id=change_id, now=now),
            tell=lambda change_id: _changed(PlanChange.objects.get(pk=change_id)),
            now=now,
        )
        return idempotency.respond(answer)


class SubscriptionCancel(APIView):
    """The end of what is collected."""

    authz: ClassVar = {"POST": "subscription.cancel"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": [NotSubscribed, NoCatalog, *_OF_STRIPE]}

    @extend_schema(
        request=CancelIn,
        responses={201: SubscriptionWithPaymentOut},
        operation_id="cancel_subscription",
    )
    def post(self, request: Request) -> HttpResponse:
        """End the plan when what is paid for ends, or now; it can be resumed until then."""
        given: CancelIn = CancelIn(data=request.data)

        def carry_out(contract_id: str) -> None:
            at_once = given.validated_data["when"] == "now"
            services.end_contract(contract_id=contract_id, at_once=at_once, now=timezone.now())

        return _in_steps(request, given, carry_out)


class SubscriptionResume(APIView):
    """Going on after all."""

    authz: ClassVar = {"POST": "subscription.resume"}
    idempotency: ClassVar = {"POST": "optional"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {"POST": [AccountFrozen, NotSubscribed, NoCatalog, *_OF_STRIPE]}

    @extend_schema(
        request=ResumeIn,
        responses={201: SubscriptionWithPaymentOut},
        operation_id="resume_subscription",
    )
    def post(self, request: Request) -> HttpResponse:
        """Let a plan go on that was to end with its period."""

        def carry_out(contract_id: str) -> None:
            by = caller_of(request).member
            services.resume_contract(contract_id=contract_id, by=by, now=timezone.now())

        return _in_steps(request, ResumeIn(data=request.data), carry_out)


def shown(account: Account) -> dict[str, Any]:
    """Return what an account is on, and how it is paid for."""
    answer = plain.shown(account)
    contract = selectors.latest_contract(account)
    answer["payment"] = contract and {
        "status": contract.status,
        "period_starts_at": plain.written_instant(contract.period_starts_at),
        "period_ends_at": plain.written_instant(contract.period_ends_at),
        "past_due_since": plain.written_instant(contract.past_due_at),
        "attempts": contract.attempts,
        "next_attempt_at": plain.written_instant(contract.next_attempt_at),
        "pay_url": selectors.pay_url(contract) or None,
    }
    if contract is not None and contract.changes_at is not None:
        answer["next_change"] = {
            "at": plain.written_instant(contract.changes_at),
            "kind": "changes",
            "plan": contract.changes_to,
        }
    return answer


def _in_steps(request: Request, given: StrictIn, carry_out: Callable[[str], None]) -> HttpResponse:
    """Answer what is done to the account's contract at Stripe."""
    now: datetime = timezone.now()

    def intend() -> str:
        account = account_of(request, Scope.SUBSCRIPTIONS_WRITE)
        given.is_valid(raise_exception=True)
        contract = selectors.living_contract(account)
        if contract is None:
            raise NotSubscribed
        return contract.pk

    def work(contract_id: str) -> None:
        given.is_valid(raise_exception=True)
        carry_out(contract_id)

    answer = idempotency.answer_in_steps(
        idempotency.read_key(request, required=False),
        intend=intend,
        carry_out=work,
        tell=lambda contract_id: shown(
            Contract.objects.select_related("account").get(pk=contract_id).account
        ),
        now=now,
    )
    return idempotency.respond(answer)


def _changed(change: PlanChange) -> dict[str, Any]:
    waits = change.state == PlanChange.State.BILLED
    return {
        "id": change.pk,
        "status": change.state,
        "when": "period_end" if change.at_period_end else "now",
        "plan": change.plan,
        "interval": change.interval,
        "seats": change.seats,
        "due": money(change.due_micros, change.currency),
        "payment_action_url": change.pay_url if waits else None,
    }


def previewed(judged: Judged) -> dict[str, Any]:
    """Return what a change would come to, in words of the contract."""
    contract, currency = judged.contract, judged.contract.currency
    return {
        "when": judged.when,
        "at": plain.written_instant(judged.at),
        "due": money(judged.reckoned.due_micros if judged.reckoned else 0, currency),
        "before": {
            "plan": contract.plan,
            "interval": contract.interval,
            "seats": contract.seats,
            "renewal": money(contract.renewal_micros, currency),
            "credits": format_micros(judged.held.window_micros),
        },
        "after": {
            "plan": judged.plan.code,
            "interval": judged.interval,
            "seats": judged.seats,
            "renewal": money(judged.renewal_micros, currency),
            "credits": format_micros(judged.wanted.window_micros),
        },
        "lines": _lines(judged),
    }


def _lines(judged: Judged) -> list[dict[str, Any]]:
    """Return what a change comes to, line by line; nothing where nothing is paid now."""
    reckoned, currency = judged.reckoned, judged.contract.currency
    if reckoned is None:
        return []
    sold = plans.version(judged.contract.catalog_version_id).catalog.plan(judged.contract.plan)
    names = {
        "old": sold.name.said() if sold is not None else judged.contract.plan,
        "new": judged.plan.name.said(),
    }
    if not reckoned.begins_anew:
        return [
            {
                "label": _("%(new)s instead of %(old)s, for the rest of the period") % names,
                "amount": money(reckoned.due_micros, currency),
                "credits": format_micros(reckoned.gives_micros),
            }
        ]
    lines = [
        {
            "label": _("%(new)s, a new period") % names,
            "amount": money(judged.renewal_micros, currency),
            "credits": format_micros(reckoned.gives_micros),
        }
    ]
    if reckoned.worth_micros or reckoned.takes_micros:
        lines.append(
            {
                "label": _("Taken off: what is left of %(old)s") % names,
                "amount": money(reckoned.worth_micros, currency),
                "credits": format_micros(reckoned.takes_micros),
            }
        )
    return lines
