"""What campaigns are there, and what they may still give."""

from billing.http import problems
from billing.promotions.models import CampaignBudget
from plans.catalog.allowances import Campaign
from plans.catalog.schema import Catalog


def campaign(catalog: Catalog, code: str) -> Campaign:
    """Return the campaign of that code.

    Raises:
        NotFound: the catalog has none.
    """
    found = catalog.campaign(code)
    if found is None:
        raise problems.absent()
    return found


def left_micros(terms: Campaign, *, is_sandbox: bool) -> int:
    """Return how much the campaign may still give, by what is committed."""
    granted = (
        CampaignBudget.objects.filter(campaign=terms.code, is_sandbox=is_sandbox)
        .values_list("granted_micros", flat=True)
        .first()
    )
    return max(0, terms.budget_micros - (granted or 0))
