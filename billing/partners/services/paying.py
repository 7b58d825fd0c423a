"""Pays what is due out of the campaign's budget, once, and takes back what was given back."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.ledger import services as ledger
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.services import Actor, Cause, LockedWallet
from billing.partners import selectors
from billing.partners.models import Reward
from billing.partners.services import earning
from billing.promotions import services as promotions
from billing.promotions.errors import AlreadyGranted, CampaignClosed, CampaignExhausted
from billing.transactions import require_transaction
from plans import selectors as plans

GIVEN_BACK: Final = "given_back"
_AGAIN: Final = timedelta(hours=1)
_ABSENT: Final = "not_found"  # the catalog in force has no such campaign any more
_COLLECTED_MAX: Final = 100
_PROGRAMMES: Final = Actor("system", "partners")


@transaction.atomic(durable=True)
def pay(*, reward_id: str) -> Reward:
    """The reward is in its account's wallet, if it is due; a repeat changes nothing.

    Where the budget does not reach, it waits or is refused, as the programme says; it waits, too,
    for the next window of its campaign, and for room in the wallet. Its campaign must have been
    open when it was earned.
    """
    account = Account.objects.get(rewards=reward_id)
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    return settle(_lock(reward_id), locked)


def collect(*, account: Account, programme: str) -> list[Reward]:
    """All that the account has earned in the programme and that is due is settled; return it.

    It is what the sweep does, for who does not wait for it. At most a hundred at a time.

    Raises:
        NotFound: the catalog has no such programme.
    """
    require_transaction("partners.collect")
    published = plans.current()
    selectors.programme(published.catalog, programme)
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    due = selectors.rewards(account, programme).filter(
        state=Reward.State.PENDING, try_at__lte=locked.now
    )
    ids = list(due.order_by("try_at", "id").values_list("pk", flat=True)[:_COLLECTED_MAX])
    return [settle(_lock(reward_id), locked) for reward_id in ids]


def settle(reward: Reward, locked: LockedWallet) -> Reward:
    """Grant a due reward of the locked wallet, or write down why it waits or never comes."""
    require_transaction("partners.settle")
    assert reward.account_id == locked.account_id
    if reward.state != Reward.State.PENDING or locked.now < reward.due_at:
        return reward
    try:
        with transaction.atomic():  # a savepoint: a refusal leaves nothing of the share
            share = promotions.grant(
                account=reward.account,
                campaign=reward.campaign,
                fact=f"referral:{reward.referral_id}:{reward.occasion}",
                amount_micros=reward.amount_micros,
                earned_at=reward.earned_at,
                actor=_PROGRAMMES,
            )
    except DomainError as refusal:
        _put_off(reward, refusal, locked.now)
    else:
        reward.campaign_grant = share
        _end(reward, Reward.State.GRANTED, "", at=locked.now)
    return reward


def take_back(*, purchase_id: str, now: datetime) -> int:
    """What the purchase has earned anybody is void, or taken back; return how many rewards.

    Within the holdback nothing was given yet. After it exactly the grant of the reward is taken
    back; what was spent of it becomes a debt of who was rewarded. The budget stays spent. A repeat
    changes nothing, and nothing is earned by the purchase later. For whoever gives money back:
    post `partners.take_back` in the transaction that does so, for this locks other wallets.

    Args:
        purchase_id: a pack purchase, or a subscription.
    """
    for account_id in selectors.buyers(purchase_id):
        earning.look(account_id=account_id, now=now)  # or it would be earned after this
    taken = Reward.objects.filter(fact=purchase_id).order_by("id").values_list("pk", flat=True)
    return sum([_take_back(reward_id) for reward_id in taken])


@transaction.atomic(durable=True)
def _take_back(reward_id: str) -> bool:
    account = Account.objects.get(rewards=reward_id)
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    reward = _lock(reward_id)
    at = max(locked.now, reward.settled_at or reward.earned_at)
    if reward.state == Reward.State.PENDING:
        _end(reward, Reward.State.VOID, GIVEN_BACK, at=at)
        return True
    if reward.state != Reward.State.GRANTED:
        return False
    assert reward.campaign_grant is not None
    ledger.claw_back(
        locked,
        grant_ids=[reward.campaign_grant.grant_id],
        amount_micros=reward.amount_micros,
        fact=f"reward:{reward.pk}",
        cause=Cause("refund", reward.fact),
        actor=_PROGRAMMES,
    )
    reward.state, reward.taken_back_at = Reward.State.TAKEN_BACK, at
    reward.save(update_fields=["state", "taken_back_at"])
    return True


def _lock(reward_id: str) -> Reward:
    """Lock the reward: its wallet's lock keeps all others away but the sweep's postponement."""
    return (
        Reward.objects.select_for_update(of=("self",))
        .select_related("account", "campaign_grant", "referral__code")
        .get(pk=reward_id)
    )


def _put_off(reward: Reward, refusal: DomainError, now: datetime) -> None:
    """Write down when a reward that was refused is tried again, or that it never is."""
    again: datetime | None = None
    if isinstance(refusal, AlreadyGranted) and (resets_at := refusal.facts.get("resets_at")):
        again = datetime.fromisoformat(str(resets_at))
    elif isinstance(refusal, AmountOutOfRange) or (
        isinstance(refusal, CampaignExhausted) and earning.waits_for_budget(reward)
    ):
        again = now + _AGAIN
    if again is not None:
        reward.try_at, reward.reason = again, refusal.code
        reward.save(update_fields=["try_at", "reason"])
        return
    reason = CampaignClosed.code if refusal.code == _ABSENT else refusal.code
    _end(reward, Reward.State.REFUSED, reason, at=now)


def _end(reward: Reward, state: Reward.State, reason: str, *, at: datetime) -> None:
    reward.state, reward.reason, reward.try_at = state, reason, None
    reward.settled_at = max(at, reward.earned_at)
    reward.save(update_fields=["state", "reason", "try_at", "settled_at", "campaign_grant"])
