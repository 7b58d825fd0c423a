"""The only writer of automatic top-ups.

`configure` writes down what an account wants; `look` decides whether it runs low; `go_on` takes
the money, or finds out what became of it; `sweep` does both for whom nobody rang.
"""

from billing.topups.services.deciding import look
from billing.topups.services.paying import go_on
from billing.topups.services.setting import Wish, configure
from billing.topups.services.sweeping import sweep

__all__ = ["Wish", "configure", "go_on", "look", "sweep"]
