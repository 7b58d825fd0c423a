"""A rate card of many rows, to see that an order is priced as fast on it as on a short one."""

from typing import Final

from plans.catalog import loader
from plans.catalog.schema import Catalog

ROWS: Final = 10_000
_HEAD: Final = """\
schema = 1
slug = "bench"
title = { en = "Bench", zh = "测速" }
zone = "UTC"
burn_order = ["expires_at"]
credit = { name = { en = "credits", zh = "点" }, decimals = 6 }

[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
{given}
  [plan.entitlements]
  concurrency = 1000000

[[model]]
code = "bench"
name = { en = "Bench", zh = "测速" }

  [[model.task]]
  code = "text_to_video"

  [model.dimensions]
  mode = { values = ["std", "pro"], default = "std" }
  seconds = { min = 1, max = 60, default = 5 }
"""


_DAILY: Final = """
  [[plan.allowance]]
  code = "daily"
  cadence = "daily"
  mode = "auto"
  credits = "66"
  expiry = "window_end"
"""


def card(rows: int) -> Catalog:
    """Return a catalog whose card has `rows` rows: one for each style and mode."""
    return loader.read_text(text(rows)).catalog


def text(rows: int, *, daily: bool = False) -> str:
    """Return the file of such a catalog; `daily`: its free plan gives credits each day."""
    styles = [f"style-{number}" for number in range(rows // 2)]
    listed = ", ".join(f'"{style}"' for style in styles)
    priced = "".join(
        f'[[rate]]\nid = "{style}-{mode}"\nform = "per_unit"\nbasis = "seconds"\n'
        f'match = {{ model = "bench", mode = "{mode}", style = "{style}" }}\n'
        f'price = "1.{number + 1:04d}"\n'
        for number, style in enumerate(styles)
        for mode in ("std", "pro")
    )
    head = _HEAD.replace("{given}", _DAILY if daily else "")
    return f"{head}  style = {{ values = [{listed}] }}\n{priced}"


def ranged_card(rows: int) -> Catalog:
    """Return a catalog whose card has `rows` rows that differ by a range of frames only."""
    priced = "".join(
        f'[[rate]]\nid = "from-{low}"\nform = "flat"\nprice = "1.{low + 1:06d}"\n'
        f'match = {{ model = "bench", frames = {{ min = {low}, max = {low + 9} }} }}\n'
        for low in range(0, rows * 10, 10)
    )
    frames = f"  frames = {{ min = 0, max = {rows * 10}, default = 0 }}\n"
    head = _HEAD.replace("{given}", "")
    return loader.read_text(f"{head}{frames}{priced}").catalog


def ranged_spec(rows: int) -> dict[str, object]:
    """Return an order for the last row of such a card."""
    return {"model": "bench", "frames": rows * 10 - 1}


def spec(rows: int) -> dict[str, object]:
    """Return an order for one of the last rows of such a card."""
    return {"model": "bench", "mode": "pro", "style": f"style-{rows // 2 - 1}", "seconds": 7}
