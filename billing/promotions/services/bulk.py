"""Gives a campaign's share to many accounts, one commit each, as far as it goes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from billing.accounts import selectors as accounts
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.ledger.services import Actor
from billing.promotions import selectors
from billing.promotions.errors import CampaignExhausted, InvalidRun
from billing.promotions.models import CampaignGrant
from billing.promotions.services.granting import grant
from plans import selectors as plans
from plans.catalog.allowances import Campaign

RUN_LENGTH_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one account: "granted", "before", "unknown", or the code of a refusal."""

    external_id: str
    word: str
    amount_micros: int = 0


def grant_each(
    external_ids: Iterable[str],
    *,
    campaign: str,
    run: str,
    is_sandbox: bool,
    is_dry: bool,
    actor: Actor,
) -> Iterator[Outcome]:
    """Each account has the share of this run, at most one; yields what became of it.

    A run that is broken off and started again goes on where it was: who has his share keeps it.
    It ends early when the budget does.

    Args:
        run: the name of the run; the same accounts under another name may have another share,
            as far as the campaign allows.
        is_dry: everything is tried and undone; the budget is counted on paper.

    Raises:
        NotFound: the catalog has no such campaign.
        InvalidRun: the run has no name, or one that is too long.
    """
    if not 1 <= len(run) <= RUN_LENGTH_MAX:
        raise InvalidRun(length_max=RUN_LENGTH_MAX)
    terms = selectors.campaign(plans.current().catalog, campaign)
    left = selectors.left_micros(terms, is_sandbox=is_sandbox) if is_dry else None
    for external_id in external_ids:
        account = accounts.find_account(external_id, is_sandbox=is_sandbox)
        if account is None:
            yield Outcome(external_id, "unknown")
            continue
        outcome = _grant_one(account, terms, run=run, is_dry=is_dry, actor=actor)
        if left is not None:
            left -= outcome.amount_micros
            if left < 0:
                outcome = Outcome(external_id, CampaignExhausted.code)
        yield outcome
        if outcome.word == CampaignExhausted.code:
            return


@transaction.atomic(durable=True)
def _grant_one(
    account: Account, terms: Campaign, *, run: str, is_dry: bool, actor: Actor
) -> Outcome:
    fact = f"run:{run}"
    name = account.external_id
    had = CampaignGrant.objects.filter(account=account, budget__campaign=terms.code, fact=fact)
    if had.exists():
        return Outcome(name, "before")
    try:
        with transaction.atomic():
            share = grant(account=account, campaign=terms.code, fact=fact, actor=actor)
    except DomainError as refusal:
        return Outcome(name, refusal.code)
    if is_dry:
        transaction.set_rollback(True)
    return Outcome(name, "granted", share.amount_micros)
