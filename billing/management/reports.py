"""Commands that only read: from the standby where there is one, and then they say as of when."""

from typing import Any

from django.core.management.base import BaseCommand

from billing import replica


class ReadingCommand(BaseCommand):
    """`report` is told like `handle`; as of when stands beside it, where no program reads it."""

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Read, and report."""
        with replica.reading() as where:
            if str(where):
                self.stderr.write(str(where))
            self.report(*args, **options)

    def report(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what was found."""
        raise NotImplementedError
