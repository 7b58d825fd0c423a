"""Answers that are files: they are what they are, whatever the caller would rather have."""

from collections.abc import Iterable

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AnyMedia(BaseContentNegotiation):
    """A player asks for video/mp4, a browser for HTML: the file is what it is."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """Return the only one."""
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the one that words refusals."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
