"""Give at once what the windows under way lack, where an allowance has become larger."""

from django.db.models import Q, Sum

from billing.ids import new_id
from billing.ledger import store
from billing.ledger.journal import Actor, Cause
from billing.ledger.lots import Issue
from billing.ledger.models import Allowance, Grant
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction


def enlarge_windows(locked: LockedWallet, *, cause: Cause, actor: Actor) -> int:
    """Bring each window of credits per seat up to what its allowance says now; return how much.

    What a window gave already counts, whoever took it and whatever became of it: seats that are
    given up and taken again in one window bring its credits once. Of a window that has given
    nothing yet nothing is missing. A repeat changes nothing.
    """
    require_transaction("ledger.enlarge_windows")
    settle(locked)
    given_micros, moves = 0, store.moves(locked.id)
    open_ones = Allowance.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=locked.now),
        wallet_id=locked.id,
        mode=Allowance.Mode.AUTO,
        unit="credit",
    )
    for row in open_ones.order_by("position", "id"):
        schedule = store.schedule(row, moves=moves)
        if not schedule.terms.per_seat:
            continue
        window = schedule.window(locked.now)
        more = f"seats:{schedule.series}:{window.key}:"
        came = Grant.objects.filter(
            Q(fact=schedule.fact(window)) | Q(fact__startswith=more), wallet_id=locked.id
        ).aggregate(total=Sum("amount_micros"))["total"]
        missing = schedule.amount_micros - (came or 0)
        if came is None or missing <= 0:
            continue
        lot = schedule.lot(new_id("gr"), window, locked.now)
        issue = Issue(lot, missing, f"{more}{schedule.amount_micros}")
        locked.timeline.grant(issue, cause=cause, actor=actor)
        given_micros += missing
    store.write(locked)
    return given_micros
