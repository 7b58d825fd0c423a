"""Has Django answer a request of an ASGI server, in a thread whose database connection is kept."""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http.response import HttpResponseBase


class _Django(BaseHandler):
    """All of Django's middleware and views, without Django's own server."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware()


_django = cache(_Django)


def judge(scope: Mapping[str, Any]) -> HttpResponseBase:
    """Return what Django answers; a body is not read.

    Django's own ASGI handler would keep a thread for each stream until its end.
    """
    close_old_connections()
    answer = _django().get_response(ASGIRequest(dict(scope), BytesIO()))
    answer.close()
    return answer
