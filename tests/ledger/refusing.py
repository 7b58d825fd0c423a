"""What every test of the database's rules asks: was it refused, by that rule, before the commit?"""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction


def refused(act: Callable[[], object], name: str) -> None:
    """Assert that `act` is refused by the rule `name`, at once or at the commit."""
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        act()
        connection.check_constraints()
