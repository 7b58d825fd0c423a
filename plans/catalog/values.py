"""The smallest pieces of a catalog: amounts, names, periods, texts. Each refuses in a sentence."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

from plans import burn_order, periods
from plans.catalog import shapes
from plans.credits import MICROS, format_micros, parse_micros
from plans.wording import gettext as _
from plans.wording import speaks_chinese

# Far above any second, pixel or frame that is sold, far below where integers become other numbers.
WHOLE_MAX: Final = 10**9
DIGITS_MAX: Final = 10  # of WHOLE_MAX; longer texts are never read as numbers
VALUE_LENGTH_MAX: Final = 64
# Instants from one to before the other can be told in any zone, and counted on from by any period.
_INSTANTS: Final = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
WINDOW_END: Final = "window_end"
NEVER: Final = "never"
SUBSCRIPTION_END: Final = "subscription_end"
DAY_END: Final = "@day_end"
_CLOCK: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_PERCENT: Final = re.compile(r"(?P<sign>[+-]?)(?P<percent>[0-9]{1,4}) ?%")
# How an order keeps a number with decimal places; a whole one it keeps as a number.
DECIMAL: Final = r"[0-9]{1,10}\.[0-9]{1,6}"
_DECIMAL: Final = re.compile(DECIMAL)
_RATIO: Final = re.compile(r"[1-9][0-9]{0,5}/[1-9][0-9]{0,5}")

Scalar = str | int | bool


class Table(BaseModel):
    """A table of a catalog file: frozen, strict, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def quoted(written: object) -> str | None:
    """Return how a number that stands there bare is written in quotes; None: it is no amount."""
    if isinstance(written, bool) or not isinstance(written, (int, float)):
        return None
    text = format(Decimal(repr(written)), "f")
    try:
        return f'"{format_micros(parse_micros(text))}"'
    except ValueError:
        return None


def _micros(written: object) -> int:
    if isinstance(written, str):
        return parse_micros(written)
    as_text = quoted(written)
    if as_text is not None:
        raise ValueError(
            _("must be a decimal in quotes: write %(quoted)s instead of %(bare)s.")
            % {"quoted": as_text, "bare": written}
        )
    raise ValueError(_('must be a decimal in quotes, such as "10" or "0.63".'))


def _above_zero(micros: int) -> int:
    if micros == 0:
        raise ValueError(_("must be above 0."))
    return micros


def _share(micros: int) -> int:
    if micros > MICROS:
        raise ValueError(_('must be a share between "0" and "1".'))
    return micros


def _listed(written: object) -> object:
    return tuple(written) if isinstance(written, list) else written


def _period(written: str) -> str:
    periods.parse_period(written)
    return written


def _expiry(written: str) -> str:
    if written not in {WINDOW_END, NEVER, SUBSCRIPTION_END}:
        try:
            periods.parse_period(written.removesuffix(DAY_END))
        except ValueError as error:
            raise ValueError(
                _(
                    'must be "window_end", "subscription_end", "never", an ISO 8601 period such as '
                    '"P2Y", or one to the end of its last day: "P1M@day_end".'
                )
            ) from error
    return written


def _in_flight(written: str) -> str:
    if written != "expire":
        try:
            periods.parse_period(written)
        except ValueError as error:
            raise ValueError(_('must be "expire" or an ISO 8601 period such as "P7D".')) from error
    return written


def _instant(written: object) -> datetime:
    """Return an offset date-time of TOML, or the same as a text, exact to the second."""
    try:
        instant = datetime.fromisoformat(written) if isinstance(written, str) else written
    except ValueError:
        instant = None
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise ValueError(
            _("must be an instant with its offset, such as 2026-07-29T09:00:00+08:00.")
        )
    if not _INSTANTS[0] <= instant < _INSTANTS[1]:
        raise ValueError(_("must be in the years from 2000 to 2199."))
    return instant


def _instant_text(instant: datetime) -> str:
    return instant.isoformat()


def _clock(written: str) -> str:
    if written == "24:00":
        raise ValueError(_('must be an hour and a minute; midnight is "00:00".'))
    if _CLOCK.fullmatch(written) is None:
        raise ValueError(_('must be an hour and a minute such as "08:00".'))
    return written


def _factor(written: object) -> Fraction:
    """Return an exact factor: a decimal or a ratio, in quotes."""
    if isinstance(written, Fraction):
        return written
    if isinstance(written, str):
        if _RATIO.fullmatch(written):
            return Fraction(written)
        try:
            return Fraction(parse_micros(written), MICROS)
        except ValueError:
            pass
    as_text = quoted(written)
    if as_text is not None:
        raise ValueError(
            _("must be a decimal in quotes: write %(quoted)s instead of %(bare)s.")
            % {"quoted": as_text, "bare": written}
        )
    if isinstance(written, str) and (said := _PERCENT.fullmatch(written)):
        raise ValueError(_of_percent(said["sign"], int(said["percent"])))
    raise ValueError(_('must be a decimal or a ratio in quotes, such as "0.7" or "1/7".'))


def _of_percent(sign: str, percent: int) -> str:
    """Return how a change of so many percent is written as a factor."""
    meant = {"": percent, "-": max(0, 100 - percent), "+": 100 + percent}[sign]
    what = {"": _("%(percent)s %%"), "-": _("%(percent)s %% less"), "+": _("%(percent)s %% more")}
    return _('must be a factor: %(said)s is "%(factor)s".') % {
        "said": what[sign] % {"percent": percent},
        "factor": format_micros(meant * MICROS // 100),
    }


def factor_text(factor: Fraction) -> str:
    """Return an exact factor as a file may write it."""
    exact = factor * MICROS
    if exact.denominator == 1:
        return format_micros(exact.numerator)
    return f"{factor.numerator}/{factor.denominator}"


def _on_one_line(written: str) -> str:
    if any(unicodedata.category(character) in _CONTROL for character in written):
        raise ValueError(_("must be a text of one line, without control characters."))
    return written


def _zone(written: str) -> str:
    if not periods.is_zone(written):
        raise ValueError(_('must be a zone of the IANA database, such as "Asia/Shanghai".'))
    return written


def _burn_key(written: str) -> str:
    burn_order.check_key(written)
    return written


def is_scalar(value: object) -> bool:
    """Say whether `value` can be the value of a dimension: a short text, a bounded int, a bool."""
    if isinstance(value, str):
        return 0 < len(value) <= VALUE_LENGTH_MAX and value.isprintable()
    return isinstance(value, bool) or (isinstance(value, int) and abs(value) <= WHOLE_MAX)


def _scalar(written: object) -> Scalar:
    if isinstance(written, (str, int)) and is_scalar(written):
        return written
    if not isinstance(written, int) and quoted(written) is not None:
        raise ValueError(
            _("must be a text of 1 to 64 characters or a whole number: write %(quoted)s.")
            % {"quoted": quoted(written)}
        )
    raise ValueError(
        _("must be a text of 1 to 64 characters, true, false, or a whole number up to 1000000000.")
    )


def number(value: object) -> int | Fraction | None:
    """Return the number that an order keeps as `value`, exactly; None: it is no number."""
    if type(value) is int:
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Fraction(value)
    return None


class Between(BaseModel):
    """A matcher of numbers: `{ min = 31, max = 60 }`; an end that is left out is open.

    Its ends are whole; what it is asked of may have decimal places: "60.5" lies above 60.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    min: Annotated[int, Field(ge=0, le=WHOLE_MAX)] = 0
    max: Annotated[int, Field(ge=0, le=WHOLE_MAX)] = WHOLE_MAX

    def __contains__(self, value: object) -> bool:
        """Say whether the number `value` lies in it, exactly; truth values and lists never do."""
        exact = number(value)
        return exact is not None and self.min <= exact <= self.max

    def meets(self, other: "Between") -> bool:
        """Say whether some number lies in both."""
        return self.min <= other.max and other.min <= self.max


def _matcher(written: object) -> tuple[Scalar, ...] | Between:
    """Return the values that match; none at all means any."""
    if written == "*":
        return ()
    if isinstance(written, Between):
        return written
    if isinstance(written, dict):
        if written and written.keys() <= {"min", "max"}:
            between = Between.model_validate(written)
            if between.min <= between.max:
                return between
        raise ValueError(
            _("must be a range such as { min = 31, max = 60 }, its min not above its max.")
        )
    if not isinstance(written, (list, tuple)):
        return (_scalar(written),)
    values = tuple(_scalar(value) for value in written)
    if not values or len({typed(value) for value in values}) < len(values):
        raise ValueError(_('must be a value, a list of different values, a range, or "*" for any.'))
    return values


def exactly_one(said: Mapping[str, object]) -> None:
    """Raise ValueError unless one of the keys has a value: none is a gap, two a contradiction."""
    named = [key for key, value in said.items() if value is not None]
    if not named:
        raise ValueError(_("needs one of %(keys)s.") % {"keys": ", ".join(said)})
    if len(named) > 1:
        raise ValueError(
            _("has %(named)s at once: say exactly one of %(keys)s.")
            % {"named": ", ".join(named), "keys": ", ".join(said)}
        )


def typed(value: Scalar) -> tuple[str, Scalar]:
    """Return `value` so that true is not 1: Python calls them equal, prices must not."""
    return (type(value).__name__, value)


# -- amounts: decimal strings in the file, integers of a millionth inside ----------------------
Micros = Annotated[
    int, BeforeValidator(_micros), PlainSerializer(format_micros, when_used="always"), shapes.MICROS
]
PositiveMicros = Annotated[Micros, AfterValidator(_above_zero), shapes.POSITIVE_MICROS]
ShareMicros = Annotated[Micros, AfterValidator(_share), shapes.SHARE]
PositiveShareMicros = Annotated[PositiveMicros, AfterValidator(_share), shapes.POSITIVE_SHARE]
Factor = Annotated[
    Fraction,
    BeforeValidator(_factor),
    PlainSerializer(factor_text, return_type=str, when_used="always"),
    shapes.FACTOR,
]

# -- names -------------------------------------------------------------------------------------
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), shapes.CODE]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$"), shapes.WORD]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), shapes.CURRENCY]
# A model is called as its platform calls it; whatever an order may name is short and plain.
ModelCode = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"), shapes.MODEL_CODE
]
Said = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_on_one_line), shapes.SAID
]

# -- time --------------------------------------------------------------------------------------
Zone = Annotated[str, AfterValidator(_zone), shapes.ZONE]
PeriodText = Annotated[str, AfterValidator(_period), shapes.PERIOD]
Expiry = Annotated[str, AfterValidator(_expiry), shapes.EXPIRY]
InFlight = Annotated[str, AfterValidator(_in_flight), shapes.IN_FLIGHT]
Clock = Annotated[str, AfterValidator(_clock), shapes.CLOCK]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(_instant_text, return_type=str),
    shapes.INSTANT,
]

# A year, a month or a day; what is read in print is often no more exact.
DateText = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"), shapes.DATE
]

# -- dimensions --------------------------------------------------------------------------------
Value = Annotated[Scalar, BeforeValidator(_scalar), shapes.VALUE]
Matcher = Annotated[tuple[Scalar, ...] | Between, BeforeValidator(_matcher), shapes.MATCHER]
Whole = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
PositiveWhole = Annotated[int, Field(ge=1, le=WHOLE_MAX)]
BurnKey = Annotated[str, AfterValidator(_burn_key), shapes.BURN_KEY]

as_tuple = BeforeValidator(_listed)


def _refs(written: object) -> object:
    return (written,) if isinstance(written, str) else _listed(written)


# -- where a fact comes from: a code of `[sources]`, or several --------------------------------
Refs = Annotated[tuple[Word, ...], BeforeValidator(_refs), shapes.REFS]


class Text(Table):
    """A name that a person sees, in both languages of the service.

    Attributes:
        en: the text in English.
        zh: the text in Simplified Chinese.
    """

    en: Said
    zh: Said

    def said(self) -> str:
        """Return it in the language of the one who asks."""
        return self.zh if speaks_chinese() else self.en
