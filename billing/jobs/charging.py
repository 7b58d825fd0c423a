"""What a job costs in the end: as quoted, as measured, or the part that came or is kept. Pure.

Everything is priced with the facts and at the instant of the order, by the catalog version that
priced it: what has been published since changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal, DecimalException
from fractions import Fraction
from typing import Final

from plans import forms, rating
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.credits import MICROS, format_micros
from plans.errors import Unpriced
from plans.rating import Line, Price
from plans.wording import gettext as _

# More of anything than a backend can have used for one order; what says more is not believed.
USAGE_MAX: Final = Decimal(10**15)
_DOUBT: Final = "the usage is missing, absurd, or has no price"
_SMALLEST: Final = Decimal("0.000001")
# Vendors make whole frames of whole blocks: 5.64 s are sold as 6. What lacks more than a tenth is
# a part of what was ordered.
_LACK_MAX: Final = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class Sold:
    """What a job was sold as.

    Attributes:
        facts: its dimensions and its context.
        at: the instant as of which it was priced.
        outputs: how many were ordered.
        uncovered: the share of the price that credits pay; counted units pay the rest.
        counted_seconds: so many counted seconds pay that rest; 0 where other units do.
        quoted_micros: what it was to cost, in credits.
    """

    facts: Mapping[str, Scalar]
    at: datetime
    outputs: int
    uncovered: Fraction
    quoted_micros: int
    lines: Sequence[Line]
    counted_seconds: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a job costs.

    Attributes:
        kept_share: the share of its counted units that stays used.
        made: how many outputs it is for; 0 after a failure.
        is_short: whether one of them plays shorter than what is paid for.
        doubt: why what the backend reported does not count; empty where it does, or need not.
    """

    micros: int
    lines: Sequence[Line]
    kept_share: Fraction
    made: int = 0
    is_short: bool = False
    doubt: str = ""


def of_success(
    catalog: Catalog, sold: Sold, *, films: Sequence[int], usage: Mapping[str, object]
) -> Charge:
    """Return what a job costs of which these films came.

    A film that is shorter than what is paid for counts as the part of one that it is.

    Args:
        films: how many milliseconds each plays; from one to as many as were ordered.
        usage: what the backend says that it used for all of them, by its own names.
    """
    made = len(films)
    assert 1 <= made <= sold.outputs, "a success made something, and no more than was ordered"
    price, kept_share, doubt = _quoted(catalog, sold), Fraction(1), ""
    seconds = forms.number(sold.facts.get("seconds"))
    if catalog.overrun.settles_by_usage(sold.facts.get("model")):
        real = measured_price(catalog, sold, made=made, usage=usage)
        if real is None:
            doubt = _DOUBT
        else:
            price, kept_share = real, _kept_share(catalog, sold, made=made, usage=usage)
            seconds = _paid_seconds(catalog, sold, made=made, usage=usage)
    came = sum((_part(film, seconds) for film in films), Fraction(0))
    if came < sold.outputs and catalog.partial_success != "all":
        share = came / sold.outputs if catalog.partial_success == "per_output" else Fraction(0)
        price = rating.scaled(catalog, price, share, label=_what_came(sold, came, seconds, made))
        kept_share *= share
    return Charge(
        price.total_micros, price.lines, kept_share, made=made, is_short=came < made, doubt=doubt
    )


def of_failure(
    catalog: Catalog, sold: Sold, *, kept_share: Fraction, usage: Mapping[str, object] | None = None
) -> Charge:
    """Return what a failed job costs: `kept_share` of its price, rounded down to the micro.

    That is the price of what was used, where the catalog settles so and a backend said it.

    Args:
        usage: what the backend says that it used until it ended; None: none had it.
    """
    assert 0 <= kept_share <= 1, "a share is a part of the whole"
    whole, lines, units_share, doubt = sold.quoted_micros, sold.lines, kept_share, ""
    metered = catalog.overrun.settles_by_usage(sold.facts.get("model"))
    if kept_share and usage is not None and metered:
        real = measured_price(catalog, sold, made=sold.outputs, usage=usage)
        if real is None:
            doubt = _DOUBT
        else:
            whole, lines = real.total_micros, real.lines
            units_share *= _kept_share(catalog, sold, made=sold.outputs, usage=usage)
    micros = whole * kept_share.numerator // kept_share.denominator
    back = micros - whole
    lines = [*lines, Line(_("Given back"), back)] if back else lines
    return Charge(micros, lines, units_share, doubt=doubt)


def measured_price(
    catalog: Catalog, sold: Sold, *, made: int, usage: Mapping[str, object]
) -> Price | None:
    """Return the price of what was really used, for all that were ordered; None: it has none.

    A backend reports one number for all outputs that it made, and a rate prices one output: each
    is taken to have had the same part of it. Counted seconds pay as many real ones as they are.
    """
    measured = _measured(_asked(catalog, sold), usage, made=made)
    if measured is None:
        return None
    try:
        whole = rating.rate(catalog, {**sold.facts, **measured}, at=sold.at)
    except Unpriced:
        return None
    uncovered = sold.uncovered
    seconds = _real_seconds(sold, measured)
    if seconds is not None:
        covered = Fraction(sold.counted_seconds, seconds) if seconds else Fraction(1)
        uncovered = max(Fraction(0), 1 - covered)
    return rating.scaled(catalog, whole, uncovered, label=_("Paid by counted units"))


def _paid_seconds(
    catalog: Catalog, sold: Sold, *, made: int, usage: Mapping[str, object]
) -> Fraction | None:
    """Return how long a film is that a measured price pays for; None: it follows the film itself.

    Whatever else is measured of a film (its tokens) is fewer of a shorter one; what is measured of
    what goes in is not.
    """
    measured = _measured(_asked(catalog, sold), usage, made=made) or {}
    own = catalog.choices_of(sold.facts)
    goes_in = {name for name in measured if name in own and own[name].input is not None}
    if "seconds" in measured or measured.keys() == goes_in:
        return forms.number({**sold.facts, **measured}.get("seconds"))
    return None


def _part(film: int, seconds: Fraction | None) -> Fraction:
    """Return which part of a whole one a film of so many milliseconds is."""
    if not seconds:
        return Fraction(1)
    part = Fraction(film, 1000) / seconds
    return Fraction(1) if part >= 1 - _LACK_MAX else part


def _what_came(sold: Sold, came: Fraction, seconds: Fraction | None, made: int) -> str:
    """Return the line that says what is not paid, in films or, of short ones, in seconds."""
    if came == made or seconds is None:
        return _("%(made)s of %(ordered)s came") % {"made": made, "ordered": sold.outputs}
    played, ordered = (format_micros(int(part * seconds * MICROS)) for part in (came, sold.outputs))
    return _("%(played)s of %(ordered)s seconds came") % {"played": played, "ordered": ordered}


def _kept_share(
    catalog: Catalog, sold: Sold, *, made: int, usage: Mapping[str, object]
) -> Fraction:
    """Return which share of the counted units that were drawn the real length has used up."""
    measured = _measured(_asked(catalog, sold), usage, made=made)
    seconds = None if measured is None else _real_seconds(sold, measured)
    return (
        Fraction(1)
        if seconds is None
        else min(Fraction(1), Fraction(seconds, sold.counted_seconds))
    )


def _real_seconds(sold: Sold, measured: Mapping[str, Scalar]) -> Fraction | None:
    """Return how long all outputs really are, where counted seconds pay; None: it is no matter."""
    seconds = forms.number(measured.get("seconds"))
    return None if seconds is None or not sold.counted_seconds else seconds * sold.outputs


def _quoted(catalog: Catalog, sold: Sold) -> Price:
    """Return the price as it was quoted, exact where the engine still gives the same."""
    told = Price(
        total_micros=sold.quoted_micros,
        max_micros=sold.quoted_micros,
        lines=tuple(sold.lines),
        rate_id="",
        list_micros=sold.quoted_micros,
        exact_micros=Fraction(sold.quoted_micros),
    )
    try:
        again = rating.rate(catalog, sold.facts, at=sold.at)
    except Unpriced:
        return told
    again = rating.scaled(catalog, again, sold.uncovered, label="")
    same = again.total_micros == sold.quoted_micros
    return replace(told, exact_micros=again.exact_micros) if same else told


def _asked(catalog: Catalog, sold: Sold) -> dict[str, str]:
    """Return what a backend must report, by dimension: of this order, or of none (tokens).

    It is not asked for what the order's task has no dimension for, while others have, nor for
    the length of what did not go in.
    """
    own = catalog.choices_of(sold.facts)
    others = {
        name for one in catalog.models for task in one.tasks for name in one.dimensions_of(task)
    }
    return {
        name: key
        for name, key in catalog.overrun.measured.items()
        if (name in sold.facts or name in own or name not in others)
        and not (name in own and own[name].is_of_nothing(sold.facts.get(name)))
    }


def _measured(
    asked: Mapping[str, str], usage: Mapping[str, object], *, made: int
) -> dict[str, Scalar] | None:
    """Return each measured dimension as an order says it, for one output; None: not usable."""
    found: dict[str, Scalar] = {}
    for name, key in asked.items():
        said = _number(usage.get(key))
        if said is None:
            return None
        micros = int(said * MICROS) // made
        whole, rest = divmod(micros, MICROS)
        found[name] = format_micros(micros) if rest else whole
    return found


def _number(said: object) -> Decimal | None:
    """Return a number from 0 to `USAGE_MAX` to six places, rounded down; None for all else."""
    if isinstance(said, bool) or not isinstance(said, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(said))
        if not number.is_finite() or not 0 <= number <= USAGE_MAX:
            return None
        return number.quantize(_SMALLEST, rounding=ROUND_DOWN)
    except DecimalException:
        return None
