"""Small catalogs in force: a free plan and a dearer one, with whatever allowances a test needs."""

from datetime import UTC, datetime
from typing import Any, Final

from billing.accounts.models import Account
from billing.ledger import selectors
from plans.catalog import publish
from plans.credits import MICROS
from plans.models import CatalogVersion
from tests import factories

WEB: Final[dict[str, Any]] = {"surface": ("web",)}
_SHOP: Final = """\
schema = 1
slug = "shop"
title = {{ en = "Shop", zh = "店" }}
zone = "Asia/Shanghai"
burn_order = ["scope", "expires_at", "priority", "effective_at"]
{keys}
[credit]
name = {{ en = "credits", zh = "点" }}

[[plan]]
code = "free"
name = {{ en = "Free", zh = "免费" }}
free = true
{free}

[[plan]]
code = "pro"
name = {{ en = "Pro", zh = "专业" }}
unpriced = true
{pro}
{packs}
[[model]]
code = "m"
name = {{ en = "M", zh = "M" }}
[[model.task]]
code = "text_to_video"
[model.dimensions]
seconds = {{ min = 1, max = 60, default = 5 }}
count = {{ min = 1, max = 4, default = 1 }}

[[rate]]
id = "flat"
form = "flat"
match = {{ model = "m" }}
price = "1"
"""


def allowance(**terms: str | int) -> str:
    """Return an allowance as a catalog says it; texts that look like tables are written as such."""
    lines = [f"{name} = {_written(value)}" for name, value in ({"code": "a"} | terms).items()]
    return "\n".join(["[[plan.allowance]]", *lines])


def _written(value: str | int) -> str:
    return str(value) if isinstance(value, int) or value[0] in "{[" else f'"{value}"'


def open_shop(*, free: str = "", pro: str = "", keys: str = "", packs: str = "") -> CatalogVersion:
    """Put a catalog in force whose plans have these allowances."""
    return publish.publish(
        _SHOP.format(free=free, pro=pro, keys=keys, packs=packs), now=datetime.now(UTC)
    )


def customer(
    *, free: str = "", pro: str = "", keys: str = "", packs: str = "", is_sandbox: bool = True
) -> Account:
    """Return Ada on the free plan of such a shop, with a clock of her own in a sandbox."""
    open_shop(free=free, pro=pro, keys=keys, packs=packs)
    account = factories.new_account("ada", is_sandbox=is_sandbox)
    factories.settle(account)
    return account


def free(account: Account, as_of: datetime | None = None) -> int:
    """Return how many whole credits are free, now or at another instant."""
    balance = selectors.balance(factories.wallet_of(account), as_of=as_of)
    return balance.available_micros // MICROS


def spend(account: Account, credits_: int, **facts: str) -> None:
    """Order something, and let it succeed."""
    held = factories.hold(account, credits_, facts=facts)
    factories.capture(account, held, credits_ * MICROS)
