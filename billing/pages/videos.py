"""The page of videos: each order with what came of it, what it cost, and what came back.

It shows what `GET /v1/jobs` tells, page by page with the same cursors.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from billing.http import pagination
from billing.jobs import selectors
from billing.jobs.lifecycle import JobStatus
from billing.jobs.shapes import JobOut
from billing.pages import saying
from billing.pages.edge import Visit
from billing.pages.links import Page
from plans import selectors as plans
from plans.catalog.schema import Catalog

_ZERO: Final = "0"
# How a status looks beside its word: good, bad, or under way.
_GOOD: Final = frozenset({JobStatus.SUCCEEDED})
_BAD: Final = frozenset({JobStatus.FAILED, JobStatus.EXPIRED})
_OVER: Final = frozenset({JobStatus.CANCELED})


def facts(visit: Visit) -> dict[str, Any]:
    """Return what the page shows.

    Raises:
        Malformed: the cursor is none that this list gave out.
    """
    catalog = plans.current().catalog
    listed = pagination.page(selectors.jobs(visit.account), Request(visit.request), JobOut)
    further = listed["next"]
    return {
        "unit": catalog.credit.name.said(),
        "videos": [_video(told, catalog) for told in listed["data"]],
        "older": visit.path(Page.VIDEOS, cursor=further) if further else "",
        "newest": visit.path(Page.VIDEOS) if "cursor" in visit.request.GET else "",
    }


def _video(told: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Return a job in words, of what REST tells of it."""
    model = catalog.model(told["model"])
    dimensions = told["dimensions"]
    return {
        "id": told["id"],
        "status": saying.status(told["status"]),
        "look": _look(told["status"]),
        "prompt": told["inputs"].get("prompt", ""),
        "model": model.name.said() if model is not None else told["model"],
        "task": saying.task(str(dimensions.get("task", ""))),
        "ordered": _instant(told["created_at"]),
        "credits": _credits(told["credits"]),
        "percent": round(told["progress"] * 100),
        "is_under_way": told["status"] == JobStatus.RUNNING,
        "failure": saying.failure(told["error"]["class"]) if told["error"] else "",
        "detail": told["error"]["detail"] if told["error"] else "",
        "is_late": told["late_success"],
        "films": [_film(output) for output in told["outputs"]],
    }


def _look(status: str) -> str:
    if status in _GOOD:
        return "good"
    if status in _BAD:
        return "bad"
    return "over" if status in _OVER else "busy"


def _credits(told: Mapping[str, str]) -> list[dict[str, str]]:
    """Return where the credits are; what is nothing is left out, unless all of it is."""
    named = (("cost", "captured"), ("held", "held"), ("back", "released"))
    found = [{"kind": kind, "credits": told[name]} for kind, name in named if told[name] != _ZERO]
    return found or [{"kind": "cost", "credits": _ZERO}]


def _film(output: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": output["url"],
        "picture": output["thumbnail_url"],
        "kept": _instant(output["expires_at"]),
    }


def _instant(told: str | datetime | None) -> str:
    """Return an instant of REST as the page says it."""
    at = parse_datetime(told) if isinstance(told, str) else told
    return saying.instant(at) if at is not None else ""
