"""What a pack is worth that is given back within its cooling-off. Pure."""

from fractions import Fraction


def offer_micros(
    *, paid_micros: int, bought_micros: int, left_micros: int, factor: Fraction, unit_micros: int
) -> int:
    """Return `paid * left / bought * factor`, rounded down to the currency's smallest unit.

    Args:
        bought_micros, left_micros: credits of the pack itself: a bonus was never paid for.
        unit_micros: the currency's smallest unit: 10,000 for a cent.
    """
    assert 0 <= left_micros <= bought_micros
    assert bought_micros > 0
    worth = Fraction(paid_micros * left_micros, bought_micros) * factor
    return min(paid_micros, worth // unit_micros * unit_micros)
