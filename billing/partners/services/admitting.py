"""The platform admits partners, and gives to all of them at once."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ledger.services import Actor
from billing.partners import selectors
from billing.partners.errors import InvalidPartner
from billing.partners.models import Partner
from billing.promotions import services as promotions
from billing.promotions.services import Outcome
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.catalog.programmes import Programme
from plans.credits import format_micros


def admit(
    *,
    account: Account,
    programme: str,
    share_micros: int | None = None,
    ends_at: datetime | None = None,
    now: datetime,
) -> Partner:
    """The account is a partner of the programme, on these terms from now on.

    Who is one already has the new terms; what was earned before keeps its amount. A repeat
    changes nothing.

    Args:
        share_micros: a share of his own, within what the catalog allows; None: the programme's.
        ends_at: nothing counts from then on; it may lie in the past, to end it at once.

    Raises:
        NotFound: the catalog has no such programme.
        InvalidPartner: the programme is for everybody, or has no such share for partners.
    """
    require_transaction("partners.admit")
    terms = selectors.programme(plans.current().catalog, programme)
    _require_share(terms, share_micros)
    Partner.objects.bulk_create(
        [Partner(account=account, programme=programme, admitted_at=now)],
        ignore_conflicts=True,  # who is one already
    )
    partner = Partner.objects.select_for_update().get(account=account, programme=programme)
    partner.share_micros, partner.ends_at = share_micros, ends_at
    partner.save(update_fields=["share_micros", "ends_at"])
    return partner


def grant_partners(
    programme: str,
    *,
    campaign: str,
    run: str,
    is_sandbox: bool,
    is_dry: bool,
    actor: Actor,
    now: datetime,
) -> Iterator[Outcome]:
    """Each partner whose time is not over has the share of this run, as `promotions.grant_each`.

    Raises:
        NotFound: the catalog has no such programme, or no such campaign.
        InvalidRun: as there.
    """
    selectors.programme(plans.current().catalog, programme)
    names = selectors.partners(programme, is_sandbox=is_sandbox, at=now)
    return promotions.grant_each(
        names.values_list("account__external_id", flat=True).iterator(),
        campaign=campaign,
        run=run,
        is_sandbox=is_sandbox,
        is_dry=is_dry,
        actor=actor,
    )


def _require_share(terms: Programme, share_micros: int | None) -> None:
    if terms.kind != "partner":
        raise InvalidPartner(_("This programme is for everybody: there is nobody to admit."))
    if share_micros is None:
        return
    most = terms.share_max_micros
    if most is None:
        raise InvalidPartner(_("In this programme every partner has the same share."))
    if not 0 < share_micros <= most:
        raise InvalidPartner(
            _("A partner's share is above 0 and at most %(most)s.") % {"most": format_micros(most)},
            max=format_micros(most),
        )
