"""Commands that only read: from the standby where there is one, and then they say as of when."""

from typing import Any

from django.core.management.base import BaseCommand

from billing import replica


class ReadingCommand(BaseCommand):
    """As of when its report is stands beside it, where no program reads it."""

    def execute(self, *args: Any, **options: Any) -> str | None:  # noqa: ANN401 (as the base)
        """Have all that the command asks read the standby."""
        with replica.reading() as where:
            try:
                return super().execute(*args, **options)
            finally:
                if str(where):
                    self.stderr.write(str(where))
