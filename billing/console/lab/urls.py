"""The addresses of the pricing lab, below `/admin/console/lab/`."""

from django.contrib import admin
from django.urls import URLPattern, path

from billing.console.lab import changes, editing, effect, lists, publishing
from billing.console.lab.edge import View


def _page(where: str, view: View, name: str) -> URLPattern:
    return path(where, admin.site.admin_view(view), name=f"lab-{name}")


urlpatterns = [
    _page("", lists.drafts, "list"),
    _page("new/", lists.new, "new"),
    _page("results/<str:simulation_id>/", effect.result, "result"),
    _page("results/<str:simulation_id>/chart.svg", effect.picture, "chart"),
    _page("results/<str:simulation_id>/table.csv", effect.table, "table"),
    _page("results/<str:simulation_id>/share/", effect.share, "share"),
    _page("requests/<str:request_id>/", publishing.asked_for, "request"),
    _page("<str:draft_id>/", editing.prices, "prices"),
    _page("<str:draft_id>/text/", editing.text, "text"),
    # It changes nothing, and asks for no new code: `edge.looks` says who may.
    path("<str:draft_id>/check/", editing.check, name="lab-check"),
    _page("<str:draft_id>/changes/", changes.changes, "changes"),
    _page("<str:draft_id>/changes/<int:number>/", changes.revision, "revision"),
    _page("<str:draft_id>/effect/", effect.effect, "effect"),
    _page("<str:draft_id>/publish/", publishing.publish, "publish"),
]
