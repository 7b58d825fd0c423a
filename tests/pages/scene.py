"""Mei, who has lived for a month with a platform, and what her pages then have to show."""

import io
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image, ImageDraw, ImageFilter

from billing.accounts.models import Account
from billing.jobs.models import Job, Output
from billing.jobs.orders import JobOrder
from billing.pages import links, services
from billing.pages.links import Link, Page, Right
from tests import factories
from tests.jobs import shop

HOSTILE: Final = (
    "<script>document.title='stolen'</script><img src=x onerror=\"document.title='stolen'\">"
)
_PROMPTS: Final = (
    "雨后的江南小巷 一只橘猫从石桥上走过 镜头缓缓推近",
    "A paper boat drifts down a rain-washed street at dusk, neon on the water",
    "Drone shot over terraced rice fields at sunrise, mist rising",
    "一位老人在院子里写书法 墨在宣纸上慢慢晕开",
)
_SKIES: Final = (("#0b3d3a", "#f2b36b"), ("#22305a", "#e08fa0"), ("#12473a", "#d9e6a3"))


def link_of(account: Account, right: Right = Right.ACT, **more: Any) -> Link:  # noqa: ANN401 (of `make_link`)
    """Return a link of an hour to somebody's pages."""
    return services.make_link(
        account, right=right, lasts=timedelta(hours=1), now=datetime.now(UTC), **more
    )


def path_of(link: Link, page: Page = Page.BALANCE) -> str:
    """Return by which path a link opens a page."""
    return f"/pages/{links.sign(link)}/{page}"


def look(account: Account, page: Page = Page.BALANCE, right: Right = Right.ACT) -> Any:  # noqa: ANN401 (Django's test response)
    """Return what somebody sees on a page, in English."""
    return Client().get(path_of(link_of(account, right), page), {"lang": "en"})


def a_month(account: Account) -> None:
    """Let a sandbox account live for a month: a pack, check-ins, and a video every few days."""
    factories.give(account, 600, source="pack", expires_in=timedelta(days=33))
    factories.give(account, 120, source="promotion", expires_in=timedelta(days=46))
    prompts = cycle(_PROMPTS)
    for day in range(1, 27):
        factories.later(account, timedelta(days=1))
        if day % 3 == 0:
            factories.claim(account)
        if day % 4 == 0:
            picture(film(account, next(prompts)), day // 4)
        if day == 17:
            factories.give(account, 300, source="goodwill")
    shop.fail(ordered(account, next(prompts)), failure_class="moderation_output")
    picture(film(account, next(prompts), seconds=10), 1)
    ordered(account, HOSTILE)


def ordered(account: Account, prompt: str, *, seconds: int = 5) -> Job:
    """Return a video that is ordered."""
    spec = {"model": "kling-v1-6", "mode": "std", "seconds": seconds}
    return shop.submit(account, JobOrder(spec=spec, inputs={"prompt": prompt}))


def film(account: Account, prompt: str, *, seconds: int = 5) -> Output:
    """Return the film of a video that has come."""
    made: Output = shop.finish(ordered(account, prompt, seconds=seconds)).outputs.get()
    return made


def picture(output: Output, number: int) -> None:
    """Give a film a small picture, as its worker would."""
    low, high = _SKIES[number % len(_SKIES)]
    sky = Image.linear_gradient("L").resize((480, 270))
    painted = Image.composite(
        Image.new("RGB", sky.size, low), Image.new("RGB", sky.size, high), sky
    )
    ImageDraw.Draw(painted).ellipse((300, 90, 380, 170), fill=high)
    ImageDraw.Draw(painted).polygon([(0, 270), (160, 130), (290, 220), (400, 150), (480, 270)], low)
    file = io.BytesIO()
    painted.filter(ImageFilter.GaussianBlur(1)).save(file, "WEBP")
    path = f"outputs/{output.job_id}/picture.webp"
    default_storage.save(path, ContentFile(file.getvalue()))
    Output.objects.filter(pk=output.pk).update(thumbnail_path=path)
