"""Give credits to another account, as far as the catalog lets them be given."""

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.services import Actor, LockedWallet, Sending
from billing.organizations import selectors
from billing.organizations.errors import NotTransferable, ToOneself, TransferTooSmall
from billing.packs import services as packs
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions import services as subscribing
from billing.transactions import require_transaction
from billing.webhooks import services as webhooks
from plans import selectors as plans
from plans.credits import format_micros
from plans.selectors import Published


def transfer(
    *,
    sender: Account,
    to: str,
    amount_micros: int,
    fact: str,
    note: str = "",
    by: Membership | None = None,
    actor: Actor,
) -> ledger.Transfer:
    """The credits are the other account's, with all their terms. A repeat changes nothing.

    Only credits of the sources that the catalog in force names can be given.

    Args:
        to: the receiver's external id, on the sender's side of the sandbox.
        fact: business key; a sender has one transfer for each.
        by: the member who gives of his organization's pool; None: the sender himself.

    Raises:
        NotTransferable: the catalog lets nobody give credits to others.
        NotFound: there is no such receiver on this side; or `by` has no such place any more.
        ToOneself: it is the sender.
        TransferTooSmall: less than is given at once.
        AccountFrozen: an operator has frozen the sender, or `by`.
        InDebt, NotThereToGive, AmountOutOfRange: as `ledger.transfer`.
    """
    require_transaction("organizations.transfer")
    published = plans.current()
    terms = published.catalog.transfers
    if not terms.sources:
        raise NotTransferable
    receiver = selectors.account_named(to, is_sandbox=sender.is_sandbox, pointer="/to")
    if receiver == sender:
        raise ToOneself
    if terms.minimum_micros is not None and amount_micros < terms.minimum_micros:
        raise TransferTooSmall(minimum_micros=terms.minimum_micros)
    giving, getting = ready(sender, receiver, published, by=by)
    selectors.require_place(by)
    before = ledger_selectors.transfers(sender).filter(sender=giving.id, fact=fact).first()
    if before is not None:  # both were told then
        return before
    accounts.require_not_frozen(sender, by=by)
    sending = Sending(
        amount_micros=amount_micros,
        fact=fact,
        standing=subscriptions.standing_of(sender),
        sources=terms.sources,
        note=note,
    )
    made = ledger.transfer(giving, getting, sending, actor=actor)
    tell(made, sender=sender, receiver=receiver)
    return made


def ready(
    sender: Account, receiver: Account, published: Published, *, by: Membership | None
) -> tuple[LockedWallet, LockedWallet]:
    """Lock both wallets, with what has ended or begun by itself at the sender's written down.

    Args:
        by: the member who decides so: his is locked as well, so that nobody freezes him meanwhile.
    """
    whom = [sender, receiver] + ([by.account] if by is not None else [])
    locked = ledger.lock_wallets(whom, catalog=published.catalog)
    giving = subscribing.finish_if_over(locked[sender.pk], sender, catalog=published.catalog)
    packs.begin_overdue(giving, sender)
    return giving, locked[receiver.pk]


def tell(made: ledger.Transfer, *, sender: Account, receiver: Account) -> None:
    """Publish that credits left the one and came to the other, the accounts in a fixed order."""
    facts = {
        "transfer": made.pk,
        "kind": made.kind,
        "credits": format_micros(made.amount_micros),
        "note": made.note,
    }
    told = {
        sender.pk: (sender, "credits.transferred", {**facts, "to": receiver.external_id}),
        receiver.pk: (receiver, "credits.granted", {**facts, "from": sender.external_id}),
    }
    for key in sorted(told):
        account, event, data = told[key]
        webhooks.publish(account=account, type=event, data=data, now=made.created_at)
