"""The rows of plans: what was published, and what is still being written."""

from plans.models.drafts import NAME_LENGTH_MAX, Draft, DraftRevision
from plans.models.published import CatalogVersion, Publication, Withdrawal
from plans.models.requests import TEXT_LENGTH_MAX, PublicationRequest
from plans.models.simulations import Simulation, SimulationShare

__all__ = [
    "NAME_LENGTH_MAX",
    "TEXT_LENGTH_MAX",
    "CatalogVersion",
    "Draft",
    "DraftRevision",
    "Publication",
    "PublicationRequest",
    "Simulation",
    "SimulationShare",
    "Withdrawal",
]
