"""What a catalog file may say. Frozen and strict: a loaded catalog is a value, never a record."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from plans.catalog.allowances import Campaign
from plans.catalog.commerce import ChangePolicy, Payments
from plans.catalog.corrections import Corrections
from plans.catalog.free_tier import FreeTier
from plans.catalog.modifiers import Modifier
from plans.catalog.offers import Pack, Plan
from plans.catalog.orderable import Alias, Dimension, Model
from plans.catalog.policies import (
    MONTH_COUNT,
    Book,
    Conversion,
    FailurePolicy,
    Lane,
    Overrun,
    Source,
    Worth,
)
from plans.catalog.programmes import Programme
from plans.catalog.rate_index import RateIndex
from plans.catalog.rates import AnyRate, Rate
from plans.catalog.safety import Safety
from plans.catalog.teams import Team, Transfers
from plans.catalog.values import (
    BurnKey,
    Code,
    Currency,
    DateText,
    InFlight,
    ModelCode,
    Scalar,
    Table,
    Text,
    Word,
    Zone,
    as_tuple,
)


class Credit(Table):
    """The unit of everything here, and the one place where a price is rounded.

    Attributes:
        decimals: places to which a price is rounded.
        rounding: which way; "none" keeps the price exact, down to the ledger's millionth, to
            which it is then rounded up.
        rounding_at: the price of one output, before it is multiplied by the count ("output"),
            or the price of the whole order ("order").
        worth: what one is worth in money, for reports; in other currencies as well.
    """

    name: Text
    decimals: int = Field(ge=0, le=6, default=0)
    rounding: Literal["up", "down", "half_up", "half_even", "none"] = "up"
    rounding_at: Literal["output", "order"] = "output"
    worth: Worth | None = None


class CostSheet(Table):
    """What orders cost us, in money: rows as those of a rate card, in `currency`.

    Attributes:
        rates: the rows, in the same forms; without rounding.
    """

    currency: Currency
    rates: Annotated[tuple[Rate, ...], as_tuple] = Field(alias="rate", min_length=1)

    @cached_property
    def index(self) -> RateIndex[AnyRate]:
        """The rows, ready to be asked."""
        return RateIndex(self.rates)


class Catalog(Table):
    """Everything that is for sale under one name, and the rules by which it is sold.

    Attributes:
        schema_version: the version of this format.
        slug: the lasting name of the catalog.
        title: what the platform is called.
        zone: whose days and months count where nothing nearer says so.
        credit: the unit of all amounts, and how prices are rounded.
        burn_order: which grants are spent first: the keys, the most important first.
        modelled_on: whose public prices it follows.
        as_of: when they were read.
        sources: where its facts come from, each under a word of its own.
        default_model: the model of an order that names none; without it every order names one.
        surfaces: ways in (web, api, cli); an order's is the first unless its caller says more.
        expiry_in_flight: what comes back into a grant that has ended meanwhile: gone ("expire"),
            or given anew for this ISO period.
        partial_success: when fewer outputs came than were ordered, or shorter ones: the price of
            what came ("per_output"), the whole price ("all"), or nothing ("none").
        late_success: a video that comes after its credits went back is given for free.
        failure_policy: what a failed job costs.
        overrun: how an order is settled when its backend measures what it took.
        corrections: what operators may correct by hand.
        books: price books by region and currency.
        lanes: ways through the queue.
        plans: what an account can be on, from the smallest to the largest.
        packs: credits bought once.
        campaigns: credits given for a reason of their own.
        programmes: who brings others is rewarded.
        conversions: ends of products: old credits that become others.
        models: what can be ordered.
        team: how the orders of an organization's members are paid.
        transfers: which credits may be given to others.
        aliases: other words that orders may use.
        rates: the rate card: the rows that price orders.
        modifiers: changes of a price after its rate, in this order.
        cost: what orders cost the platform itself, for its reports.
        safety: bounds that stop a rule which has gone wrong.
        payments: how the sale is paid, and what past due means.
        change_policy: what a change of plan costs and gives.
        free_tier: who has the free plan's allowances; without it everybody.
    """

    schema_version: Literal[1] = Field(alias="schema")
    slug: Code
    title: Text
    zone: Zone
    modelled_on: Text | None = None
    as_of: DateText | None = None
    credit: Credit
    burn_order: Annotated[tuple[BurnKey, ...], as_tuple] = Field(min_length=1)
    default_model: ModelCode | None = None
    surfaces: Annotated[tuple[Word, ...], as_tuple] = Field(default=("web", "api"), min_length=1)
    expiry_in_flight: InFlight = "expire"
    late_success: Literal["deliver_free"] = "deliver_free"
    partial_success: Literal["per_output", "all", "none"] = "per_output"
    failure_policy: FailurePolicy = FailurePolicy()
    overrun: Overrun = Overrun()
    corrections: Corrections = Corrections()
    books: Annotated[tuple[Book, ...], as_tuple] = Field(alias="book", default=())
    lanes: Annotated[tuple[Lane, ...], as_tuple] = Field(alias="lane", default=())
    plans: Annotated[tuple[Plan, ...], as_tuple] = Field(alias="plan", min_length=1)
    packs: Annotated[tuple[Pack, ...], as_tuple] = Field(alias="pack", default=())
    campaigns: Annotated[tuple[Campaign, ...], as_tuple] = Field(alias="campaign", default=())
    programmes: Annotated[tuple[Programme, ...], as_tuple] = Field(alias="programme", default=())
    conversions: Annotated[tuple[Conversion, ...], as_tuple] = Field(alias="conversion", default=())
    team: Team = Team()
    transfers: Transfers = Transfers()
    models: Annotated[tuple[Model, ...], as_tuple] = Field(alias="model", min_length=1)
    aliases: Annotated[tuple[Alias, ...], as_tuple] = Field(alias="alias", default=())
    rates: Annotated[tuple[Rate, ...], as_tuple] = Field(alias="rate", min_length=1)
    modifiers: Annotated[tuple[Modifier, ...], as_tuple] = Field(alias="modifier", default=())
    cost: CostSheet | None = None
    safety: Safety = Safety()
    payments: Payments = Payments()
    change_policy: ChangePolicy = ChangePolicy()
    free_tier: FreeTier | None = None
    sources: dict[Word, Source] = Field(default_factory=dict)

    def plan(self, code: str) -> Plan | None:
        """Return the plan of that code; None when there is none."""
        return next((plan for plan in self.plans if plan.code == code), None)

    @property
    def free_plan(self) -> Plan | None:
        """The plan of an account that pays nothing; None when there is none."""
        return next((plan for plan in self.plans if plan.free), None)

    def pack(self, code: str) -> Pack | None:
        """Return the pack of that code; None when there is none."""
        return next((pack for pack in self.packs if pack.code == code), None)

    def campaign(self, code: str) -> Campaign | None:
        """Return the campaign of that code; None when there is none."""
        return next((one for one in self.campaigns if one.code == code), None)

    def programme(self, code: str) -> Programme | None:
        """Return the programme of that code; None when there is none."""
        return next((one for one in self.programmes if one.code == code), None)

    def lane(self, code: str) -> Lane | None:
        """Return the lane of that code; None when the file says nothing of it."""
        return next((lane for lane in self.lanes if lane.code == code), None)

    def book_for(self, *, region: str | None, currency: str | None) -> Book | None:
        """Return the price book of accounts of that region and currency; None: there is none."""
        return next(
            (book for book in self.books if book.fits(region=region, currency=currency)), None
        )

    def model(self, code: str) -> Model | None:
        """Return the model of that code; None when there is none."""
        return self._models.get(code)

    def choices_of(self, facts: Mapping[str, Scalar]) -> Mapping[str, Dimension]:
        """Return the dimensions of an order of these facts; none where it knows no such."""
        model = self.model(str(facts.get("model")))
        task = model.task(str(facts.get("task"))) if model is not None else None
        return {} if model is None or task is None else model.dimensions_of(task)

    def rates_for(self, model: str) -> tuple[AnyRate, ...]:
        """Return the rows that can price orders of that model, the narrowest first."""
        return self.rate_index.of_model(model)

    @cached_property
    def rate_index(self) -> RateIndex[AnyRate]:
        """The rate card, ready to be asked."""
        return RateIndex(self.rates)

    @cached_property
    def counts_months(self) -> bool:
        """Whether some price depends on how many such orders the account has had this month."""
        return any(
            getattr(row, "basis", None) == MONTH_COUNT or MONTH_COUNT in row.match
            for row in (*self.rates, *self.modifiers)
        )

    @cached_property
    def _models(self) -> Mapping[str, Model]:
        return {model.code: model for model in self.models}
