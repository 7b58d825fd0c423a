"""Makes redemption codes, and ends them."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from billing.promotions import codes
from billing.promotions.errors import InvalidBatch
from billing.promotions.models import RedemptionCode
from plans import periods
from plans import selectors as plans
from plans.catalog.offers import Plan
from plans.catalog.schema import Catalog

COUNT_MAX: Final = 100_000
USES_MAX: Final = 1_000_000
QUANTITY_MAX: Final = 10_000
NAME_LENGTH_MAX: Final = 100
_BATCH: Final = 2000
# What is given by windows from when the plan began: their months and days, and how many days they
# have at least.
_WINDOWS: Final = {"weekly": (0, 7, 7), "monthly": (1, 0, 28), "yearly": (12, 0, 365)}


@dataclass(frozen=True, slots=True)
class Gift:
    """What a code gives: a share of a campaign, so many of a pack, or a plan for a while."""

    kind: str
    offer: str
    quantity: int = 1
    period: str = ""


@transaction.atomic(durable=True)
def create_codes(
    gift: Gift,
    *,
    count: int,
    uses: int = 1,
    batch: str = "",
    expires_at: datetime | None = None,
    is_sandbox: bool = False,
    now: datetime,
) -> list[str]:
    """So many codes exist that give `gift`; return them, for they can never be read again.

    Args:
        uses: by how many accounts each can be redeemed.
        batch: what they are made for, for people.

    Raises:
        InvalidBatch: the catalog has no such offer, or a number, period, name or end makes no
            sense; or a plan's period ends within a window of its credits that is not the first.
    """
    published = plans.current()
    _require_offered(gift, published.catalog)
    for number, most in ((count, COUNT_MAX), (uses, USES_MAX), (gift.quantity, QUANTITY_MAX)):
        if not 1 <= number <= most:
            raise InvalidBatch(
                _("This is from 1 to %(most)s, not %(number)s.") % {"most": most, "number": number}
            )
    if gift.kind != RedemptionCode.Kind.PACK and gift.quantity != 1:
        raise InvalidBatch(_("Only a pack is given several times by one code."))
    if len(batch) > NAME_LENGTH_MAX:
        raise InvalidBatch(
            _("The name of a batch is at most %(most)s characters long.")
            % {"most": NAME_LENGTH_MAX}
        )
    if expires_at is not None and expires_at <= now:
        raise InvalidBatch(_("A code ends after it begins."))
    made = [codes.written(secrets.randbits(codes.BITS)) for _place in range(count)]
    RedemptionCode.objects.bulk_create(
        (
            RedemptionCode(
                prefix=code[: codes.PREFIX_LENGTH],
                digest=codes.digest_of(code),
                kind=gift.kind,
                offer=gift.offer,
                quantity=gift.quantity,
                period=gift.period,
                catalog_version_id=published.version_id,
                batch=batch,
                is_sandbox=is_sandbox,
                uses_max=uses,
                created_at=now,
                expires_at=expires_at,
            )
            for code in made
        ),
        batch_size=_BATCH,
    )
    return [codes.grouped(code) for code in made]


def revoke_code(code: RedemptionCode, *, now: datetime) -> None:
    """The code gives nothing any more; what it gave stays given. A repeat changes nothing."""
    RedemptionCode.objects.filter(pk=code.pk, revoked_at=None).update(revoked_at=now)


def _require_offered(gift: Gift, catalog: Catalog) -> None:
    known = {
        RedemptionCode.Kind.CAMPAIGN: [campaign.code for campaign in catalog.campaigns],
        RedemptionCode.Kind.PACK: [pack.code for pack in catalog.packs],
        RedemptionCode.Kind.PLAN: [plan.code for plan in catalog.plans],
    }[RedemptionCode.Kind(gift.kind)]
    if gift.offer not in known:
        raise InvalidBatch(
            _("The catalog has no %(kind)s %(offer)s; it has: %(known)s.")
            % {"kind": gift.kind, "offer": gift.offer, "known": ", ".join(known) or "-"},
            known=known,
        )
    if (gift.kind == RedemptionCode.Kind.PLAN) != bool(gift.period):
        raise InvalidBatch(_("A plan is given for a period, such as P1M; nothing else is."))
    if gift.period:
        try:
            periods.parse_period(gift.period)
        except ValueError as wrong:
            raise InvalidBatch(_("The period %(why)s") % {"why": wrong}) from None
    if gift.kind == RedemptionCode.Kind.PLAN:
        plan = catalog.plan(gift.offer)
        assert plan is not None, "it is known"
        _require_whole_windows(plan, gift.period)


def _require_whole_windows(plan: Plan, period: str) -> None:
    """Refuse a period that would end within a later window of the plan's credits.

    A window is given whole when it begins: 31 days of a plan by months would bring two months.
    """
    said = periods.parse_period(period)
    days_most = said.months * 31 + said.days + (said.seconds > 0)
    for terms in plan.allowances:
        window = _WINDOWS.get(terms.cadence)
        if window is None or terms.is_counted or terms.anchor != "start":
            continue
        months, days, days_least = window
        is_whole = (
            said.seconds == 0
            and _is_multiple(said.months, months)
            and _is_multiple(said.days, days)
        )
        if days_most > days_least and not is_whole:
            raise InvalidBatch(
                _(
                    "%(period)s ends within a window of the plan's credits (%(cadence)s), which "
                    "is given whole: say one window at most, or a whole number of them."
                )
                % {"period": period, "cadence": terms.cadence}
            )


def _is_multiple(number: int, unit: int) -> bool:
    return number % unit == 0 if unit else number == 0
