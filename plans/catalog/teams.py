"""Organizations: who pays for their members, and which credits may be given to others."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.values import PositiveMicros, Table, Word, as_tuple
from plans.wording import gettext as _

POOL: Final = "pool"
OWN: Final = "own"
Payer = Literal["pool", "own"]
Sight = Literal["own", "all"]


class Team(Table):
    """How the orders of an organization's members are paid, and what a member sees.

    Attributes:
        pays: the wallets that may pay an order which a member places for the organization, in
            this order: the organization's ("pool") and his own ("own"). The first that can pay
            the whole of it does.
        members_see: what a member sees where his organization says nothing of its own: his own
            orders ("own"), or also those of the others, and the pool's balance ("all").
    """

    pays: Annotated[tuple[Payer, ...], as_tuple] = Field(default=(POOL, OWN), min_length=1)
    members_see: Sight = "own"

    @model_validator(mode="after")
    def _asks_each_once(self) -> Self:
        if len(set(self.pays)) != len(self.pays):
            raise ValueError(_("names a wallet twice in pays."))
        return self


class Transfers(Table):
    """Which credits an account may give to another one, with all the terms that they have.

    Attributes:
        sources: the sources of the credits that may be given; empty: none at all.
        minimum_micros: the least that is given at once.
    """

    sources: Annotated[tuple[Word, ...], as_tuple] = ()
    minimum_micros: PositiveMicros | None = Field(alias="minimum", default=None)
