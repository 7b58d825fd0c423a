"""A result as people see it who have no account here: by a link, and without a named account."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from billing.console.lab import effect, words
from billing.lab import services
from billing.lab.errors import ShareOver
from billing.pages import edge
from billing.pages.edge import Visit


def shared(request: HttpRequest, token: str) -> HttpResponseBase:
    """Show what a link opens; whatever is wrong with it, the page is the same."""
    return edge.public(lambda visit: _shown(visit, token))(request)


def _shown(visit: Visit, token: str) -> HttpResponseBase:
    try:
        found = services.shared(token, now=visit.now).simulation
    except ShareOver as refusal:
        return edge.refused(visit, refusal)
    return edge.shown(
        visit,
        "lab",
        _("Effect of %(draft)s") % {"draft": found.draft.name},
        {"lab": words.says(), "found": found, **effect.facts(found, named=False)},
    )
