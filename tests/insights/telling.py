"""What an explanation says of an account, in lines."""

from billing.accounts.models import Account
from billing.insights import explain, reasons


def told(account: Account) -> list[str]:
    """Return all lines of the explanation of now."""
    story = reasons.story(account, as_of=None, since=None)
    assert story is not None
    return [str(line) for section in explain.sections(story) for line in section.lines]
