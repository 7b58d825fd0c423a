"""What happened to an account, kind by kind: the newest twenty of each, by an index.

Jobs by `job_newest_first`, entries by each month's index of the wallet, purchases, contracts,
letters and so on by their own `…_newest_first`; events by `event_sequence_once`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Model
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.console.accounts.seeing import sees_table
from billing.console.accounts.wording import Cell, Table, credits_text, instant_text
from billing.corrections.models import Adjustment, CompensationShare
from billing.http import links
from billing.http.admin import in_currency
from billing.jobs.models import Job
from billing.ledger import selectors as ledger
from billing.ledger.models import Debt, Entry, Wallet
from billing.notices.models import Notice
from billing.operators.models import AccessRecord
from billing.partners.models import Referral
from billing.payments.models import Contract, Dispute, PlanChange, Purchase, Refund
from billing.promotions.models import Redemption
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Delivery, Event

SHOWN: Final = 20


def tables(account: Account, *, reader: User) -> list[Table]:
    """Return the tables of rows that the reader may see in their own windows.

    Those without a row say what will stand there.
    """
    made = (table for section in _SECTIONS for table in section(account))
    return [one for one in made if sees_table(reader, one.anchor)]


def _own(row: Model, text: object = None) -> Cell:
    """Return a link to a row's own window."""
    return links.link(links.row_path(row), row.pk if text is None else text)


def _all(model: type[Model], **which: str) -> str:
    """Return where a window shows all rows of the account."""
    window = f"admin:billing_{model._meta.model_name}_changelist"  # noqa: SLF001 (Django's own name for it)
    return f"{reverse(window)}?{urlencode(which)}"


def _ended(job: Job) -> str:
    """Return how things stand with a job, and what it failed by."""
    return " · ".join(filter(None, (job.get_status_display(), job.get_failure_class_display())))


def _jobs(account: Account) -> Iterator[Table]:
    rows = Job.objects.filter(account=account).order_by("-id")[:SHOWN]
    yield Table(
        "jobs",
        _("Jobs"),
        [_("job"), _("model"), _("status"), _("price (credits)"), _("charged (credits)"), _("at")],
        [
            [
                _own(one),
                one.model,
                _ended(one),
                credits_text(one.quoted_micros),
                credits_text(one.charged_micros),
                instant_text(one.created_at),
            ]
            for one in rows
        ],
        _all(Job, account__id__exact=account.pk),
        _("It has ordered no video yet."),
    )


def _entries(account: Account) -> Iterator[Table]:
    rows: Iterable[Entry] = ledger.entries(account).select_related("grant")[:SHOWN]
    wallet = Wallet.objects.filter(account=account).first()
    yield Table(
        "entries",
        _("Entries of the ledger"),
        [
            *(_("number"), _("movement"), _("credits"), _("source"), _("free after it")),
            *(_("set aside after it"), _("cause"), _("at")),
        ],
        [
            [
                _own(one, f"#{one.seq}"),
                str(one.get_kind_display()),
                credits_text(one.amount_micros),
                links.link(links.row_path(one.grant), one.grant.source),
                credits_text(one.available_after_micros),
                credits_text(one.held_after_micros),
                _cause(one),
                instant_text(one.effective_at),
            ]
            for one in rows
        ],
        "" if wallet is None else _all(Entry, wallet__id__exact=wallet.pk),
        _("No credits have moved yet."),
    )


def _cause(entry: Entry) -> Cell:
    """Return what an entry was caused by, in a word, which leads there."""
    path, word = links.path_of(entry.cause_id), str(entry.get_cause_type_display())
    return f"{word}: {entry.cause_id}" if path is None else links.link(path, word)


def _subscriptions(account: Account) -> Iterator[Table]:
    rows = Subscription.objects.filter(account=account).order_by("-started_at")[:SHOWN]
    yield Table(
        "subscriptions",
        _("Subscriptions"),
        [
            _("subscription"),
            _("plan"),
            _("interval"),
            _("started at"),
            _("paid until"),
            _("ended at"),
        ],
        [
            [
                *(_own(one), one.plan, one.interval or "-", instant_text(one.started_at)),
                *(instant_text(one.paid_until), instant_text(one.ended_at)),
            ]
            for one in rows
        ],
        _all(Subscription, account__id__exact=account.pk),
        _("It was never on a plan but the free one."),
    )
    contracts = Contract.objects.filter(account=account).order_by("-id")[:SHOWN]
    yield Table(
        "contracts",
        _("Contracts at Stripe"),
        [_("contract"), _("plan"), _("status"), _("period ends at"), _("ended at")],
        [
            [
                *(_own(one, one.stripe_id), one.plan, str(one.get_status_display())),
                *(instant_text(one.period_ends_at), instant_text(one.ended_at)),
            ]
            for one in contracts
        ],
        _all(Contract, account__id__exact=account.pk),
        _("Stripe collects nothing for it."),
    )
    changes = PlanChange.objects.filter(account=account).order_by("-id")[:SHOWN]
    yield Table(
        "changes",
        _("Changes of plan"),
        [_("change"), _("from plan"), _("to plan"), _("state"), _("price"), _("at")],
        [
            [
                *(_own(one), one.from_plan, one.plan, str(one.get_state_display())),
                *(in_currency(one.due_micros, one.currency), instant_text(one.created_at)),
            ]
            for one in changes
        ],
        _all(PlanChange, account__id__exact=account.pk),
        _("It has not changed its plan."),
    )


def _money(account: Account) -> Iterator[Table]:
    bought = list(Purchase.objects.filter(account=account).order_by("-id")[:SHOWN])
    yield Table(
        "purchases",
        _("Purchases"),
        [
            *(_("purchase"), _("kind"), _("paid"), _("refunded"), _("disputed")),
            *(_("credits"), _("payment at Stripe"), _("at")),
        ],
        [
            [
                *(
                    _own(one),
                    str(one.get_kind_display()),
                    in_currency(one.amount_micros, one.currency),
                ),
                in_currency(one.refunded_micros, one.currency),
                in_currency(one.disputed_micros, one.currency),
                *(credits_text(one.credited_micros), one.stripe_id, instant_text(one.paid_at)),
            ]
            for one in bought
        ],
        _all(Purchase, account__id__exact=account.pk),
        _("It has paid nothing yet."),
    )
    refunds = Refund.objects.filter(purchase__in=bought).select_related("purchase").order_by("-id")
    yield Table(
        "refunds",
        _("Refunds"),
        [_("refund"), _("purchase"), _("amount"), _("state"), _("reason"), _("requested at")],
        [
            [
                *(_own(one), _own(one.purchase), in_currency(one.amount_micros, one.currency)),
                *(str(one.get_state_display()), one.reason, instant_text(one.requested_at)),
            ]
            for one in refunds[:SHOWN]
        ],
        _all(Refund, purchase__account__id__exact=account.pk),
        _("No money of its newest purchases has gone back."),
    )
    disputes = Dispute.objects.filter(purchase__in=bought).select_related("purchase")
    yield Table(
        "disputes",
        _("Disputes"),
        [_("dispute"), _("purchase"), _("amount"), _("status"), _("opened at"), _("ended at")],
        [
            [
                *(_own(one), _own(one.purchase), in_currency(one.amount_micros, one.currency)),
                *(one.status, instant_text(one.opened_at), instant_text(one.ended_at)),
            ]
            for one in disputes.order_by("-opened_at")[:SHOWN]
        ],
        _all(Dispute, purchase__account__id__exact=account.pk),
        _("It contests none of its newest purchases."),
    )


def _gifts(account: Account) -> Iterator[Table]:
    rows = Redemption.objects.filter(account=account).select_related("code").order_by("-id")
    yield Table(
        "redemptions",
        _("Redeemed codes"),
        [_("redemption"), _("code"), _("gives"), _("at")],
        [
            [*(_own(one), _own(one.code, one.code), one.code.offer), instant_text(one.created_at)]
            for one in rows[:SHOWN]
        ],
        _all(Redemption, account__id__exact=account.pk),
        _("It has redeemed no code."),
    )
    brought = Referral.objects.filter(referrer=account).select_related("account").order_by("-id")
    came = Referral.objects.filter(account=account).select_related("referrer")
    yield Table(
        "referrals",
        _("Referrals"),
        [_("referral"), _("who came"), _("who brought"), _("at")],
        [
            [
                _own(one),
                links.account_link(one.account_id, str(one.account)),
                links.account_link(one.referrer_id, str(one.referrer)),
                instant_text(one.came_at),
            ]
            for one in (*came, *brought[:SHOWN])
        ],
        _all(Referral, referrer__id__exact=account.pk),
        _("It brought nobody, and nobody brought it."),
    )


def _corrections(account: Account) -> Iterator[Table]:
    asked = Adjustment.objects.filter(account=account).select_related("requester", "approver")
    yield Table(
        "adjustments",
        _("Adjustments"),
        [
            _("adjustment"),
            _("credits"),
            _("reason"),
            _("state"),
            _("requested by"),
            _("decided by"),
        ],
        [
            [
                *(_own(one), credits_text(one.amount_micros), one.reason),
                *(str(one.get_state_display()), one.requester.get_username()),
                "-" if one.approver is None else one.approver.get_username(),
            ]
            for one in asked.order_by("-id")[:SHOWN]
        ],
        _all(Adjustment, account__id__exact=account.pk),
        _("Nobody has given or taken credits by hand."),
    )
    shares = CompensationShare.objects.filter(account=account).select_related("compensation")
    yield Table(
        "compensations",
        _("Compensations"),
        [_("compensation"), _("credits"), _("jobs"), _("why it got nothing"), _("at")],
        [
            [
                *(_own(one.compensation, one.compensation), credits_text(one.amount_micros)),
                *(str(one.jobs_count), one.refusal or "-", instant_text(one.ended_at)),
            ]
            for one in shares.order_by("-id")[:SHOWN]
        ],
        _all(CompensationShare, account__id__exact=account.pk),
        _("No incident was made good to it."),
    )
    owed = Debt.objects.filter(wallet__account=account).order_by("-id")[:SHOWN]
    yield Table(
        "debts",
        _("Debts"),
        [_("debt"), _("credits"), _("paid"), _("business fact"), _("since"), _("paid at")],
        [
            [
                *(_own(one), credits_text(one.amount_micros), credits_text(one.paid_micros)),
                *(links.linked(one.fact), instant_text(one.created_at), instant_text(one.paid_at)),
            ]
            for one in owed
        ],
        "",
        _("It owes nothing, and never did."),
    )


def _messages(account: Account) -> Iterator[Table]:
    told = Event.objects.filter(account=account, sequence__isnull=False).order_by("-sequence")
    events = list(told[:SHOWN])
    sent: dict[str, list[Delivery]] = {}
    for one in Delivery.objects.filter(event__in=events).order_by("id"):
        sent.setdefault(one.event_id, []).append(one)
    yield Table(
        "webhooks",
        _("Webhooks"),
        [_("event number"), _("event"), _("deliveries"), _("at")],
        [
            [
                f"#{one.sequence}",
                _own(one, one.type),
                links.joined([_own(each, each.said_status) for each in sent.get(one.pk, [])]),
                instant_text(one.created_at),
            ]
            for one in events
        ],
        _all(Event, account__id__exact=account.pk),
        _("Nothing was told of it yet."),
    )
    letters = Notice.objects.filter(account=account).order_by("-id")[:SHOWN]
    yield Table(
        "letters",
        _("Letters"),
        [_("letter"), _("kind"), _("state"), _("trouble"), _("written at"), _("sent at")],
        [
            [
                *(_own(one), str(one.get_kind_display()), str(one.get_state_display())),
                str(one.get_trouble_display()) or "-",
                *(instant_text(one.created_at), instant_text(one.sent_at)),
            ]
            for one in letters
        ],
        _all(Notice, account__id__exact=account.pk),
        _("No letter was written to it."),
    )


def _looks(account: Account) -> Iterator[Table]:
    pages = [links.account_path(account.pk), links.row_path(account)]
    seen = AccessRecord.objects.filter(kind=AccessRecord.Kind.VIEWED, what__in=pages)
    rows = seen.select_related("operator").order_by("-at")[:SHOWN]
    yield Table(
        "looks",
        _("Looks at this page"),
        [_("operator"), _("address"), _("at")],
        [
            [
                "-" if one.operator is None else one.operator.get_username(),
                *(one.address or "-", instant_text(one.at)),
            ]
            for one in rows
        ],
        "",
        _("No operator has looked at it yet."),
    )


_SECTIONS: Final[Sequence[Callable[[Account], Iterator[Table]]]] = (
    *(_jobs, _entries, _subscriptions, _money, _gifts, _corrections, _messages, _looks),
)
