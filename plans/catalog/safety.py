"""What stops a rule that has gone wrong, before it has cost much."""

from plans.catalog.values import PositiveWhole, Table


class Safety(Table):
    """Bounds that nobody should ever reach; who does is stopped and looked at by an operator.

    Attributes:
        automatic_grants_per_day: how often an account can be given credits by itself (windows of
            allowances, and whatever else no person asks for) in one day of UTC.
    """

    automatic_grants_per_day: PositiveWhole = 100
