"""The smallest pieces of a catalog: amounts, names, periods, texts. Each refuses in a sentence."""

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
from plans.credits import MICROS, format_micros, parse_micros
from plans.wording import gettext as _
from plans.wording import speaks_chinese

# Far above any second, pixel or frame that is sold, far below where integers become other numbers.
WHOLE_MAX: Final = 10**9
VALUE_LENGTH_MAX: Final = 64
WINDOW_END: Final = "window_end"
NEVER: Final = "never"

Scalar = str | int | bool


class Table(BaseModel):
    """A table of a catalog file: frozen, strict, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _micros(written: object) -> int:
    if not isinstance(written, str):
        raise ValueError(_('must be a decimal in quotes, such as "10" or "0.63".'))  # noqa: TRY004 (pydantic gathers ValueErrors)
    return parse_micros(written)


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
    if written not in {WINDOW_END, NEVER}:
        try:
            periods.parse_period(written)
        except ValueError as error:
            raise ValueError(
                _('must be "window_end", "never" or an ISO 8601 period such as "P2Y".')
            ) from error
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
    raise ValueError(
        _("must be a text of 1 to 64 characters, true, false, or a whole number up to 1000000000.")
    )


def _matcher(written: object) -> tuple[Scalar, ...]:
    """Return the values that match; none at all means any."""
    if written == "*":
        return ()
    if not isinstance(written, list):
        return (_scalar(written),)
    values = tuple(_scalar(value) for value in written)
    if not values or len({typed(value) for value in values}) < len(values):
        raise ValueError(_('must be a value, a list of different values, or "*" for any.'))
    return values


def typed(value: Scalar) -> tuple[str, Scalar]:
    """Return `value` so that true is not 1: Python calls them equal, prices must not."""
    return (type(value).__name__, value)


# -- amounts: decimal strings in the file, integers of a millionth inside ----------------------
Micros = Annotated[
    int, BeforeValidator(_micros), PlainSerializer(format_micros, when_used="always")
]
PositiveMicros = Annotated[Micros, AfterValidator(_above_zero)]
ShareMicros = Annotated[Micros, AfterValidator(_share)]

# -- names -------------------------------------------------------------------------------------
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Said = Annotated[str, StringConstraints(min_length=1, max_length=200)]

# -- time --------------------------------------------------------------------------------------
Zone = Annotated[str, AfterValidator(_zone)]
PeriodText = Annotated[str, AfterValidator(_period)]
Expiry = Annotated[str, AfterValidator(_expiry)]

# -- dimensions --------------------------------------------------------------------------------
Value = Annotated[Scalar, BeforeValidator(_scalar)]
Matcher = Annotated[tuple[Scalar, ...], BeforeValidator(_matcher)]
Whole = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
PositiveWhole = Annotated[int, Field(ge=1, le=WHOLE_MAX)]
BurnKey = Annotated[str, AfterValidator(_burn_key)]

as_tuple = BeforeValidator(_listed)


class Text(Table):
    """A name that a person sees, in both languages of the service."""

    en: Said
    zh: Said

    def said(self) -> str:
        """Return it in the language of the one who asks."""
        return self.zh if speaks_chinese() else self.en
