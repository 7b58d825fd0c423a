"""What every refusal of `billing` starts from; the base stands with `plans`, which refuses too."""

from plans.errors import DomainError, ErrorKind

__all__ = ["DomainError", "ErrorKind"]
