"""Windows on what the pricing lab keeps; who works on it does so on the pages of the console."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from billing.http.admin import ReadOnlyAdmin
from billing.lab.models import AnnouncedTo
from plans.models import Draft, DraftRevision, PublicationRequest, Simulation, SimulationShare


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin[Draft]):
    """What is being written."""

    empty_says = gettext_lazy("No draft yet: the pricing lab is where one begins.")
    list_display = ["id", "name", "revision", "author", "updated_at"]
    search_fields = ["=id", "name"]
    list_select_related = ["author"]


@admin.register(DraftRevision)
class DraftRevisionAdmin(ReadOnlyAdmin[DraftRevision]):
    """Each save."""

    list_display = ["id", "draft", "number", "author", "saved_at", "note"]
    search_fields = ["=draft__id"]
    list_select_related = ["draft", "author"]


@admin.register(Simulation)
class SimulationAdmin(ReadOnlyAdmin[Simulation]):
    """What drafts would have made of real jobs; who pays more is shown in the lab alone."""

    list_display = ["id", "draft", "state", "jobs_done", "jobs_count", "requester", "requested_at"]
    list_filter = ["state"]
    search_fields = ["=id", "=draft__id"]
    list_select_related = ["draft", "requester"]
    fields = [
        *("id", "draft", "revision", "against", "since", "until", "as_of", "state", "jobs_count"),
        *("jobs_done", "trouble", "requester", "requested_at", "started_at", "finished_at"),
    ]


@admin.register(SimulationShare)
class SimulationShareAdmin(ReadOnlyAdmin[SimulationShare]):
    """Links to results; what opens one is not shown here."""

    list_display = ["id", "simulation", "author", "created_at", "expires_at", "revoked_at"]
    search_fields = ["=id", "=simulation__id"]
    list_select_related = ["simulation", "author"]


@admin.register(PublicationRequest)
class PublicationRequestAdmin(ReadOnlyAdmin[PublicationRequest]):
    """Who asked for what to be published, and who decided on it."""

    list_display = [
        *("id", "draft", "effective_at", "state", "requester", "approver", "requested_at")
    ]
    list_filter = ["state"]
    search_fields = ["=id", "=draft__id"]
    list_select_related = ["draft", "requester", "approver"]


@admin.register(AnnouncedTo)
class AnnouncedToAdmin(ReadOnlyAdmin[AnnouncedTo]):
    """One row an account."""

    empty_says = gettext_lazy(
        "Nobody was told of a catalog yet. Whoever asks to publish a draft in the pricing lab says "
        "who is to be told; each account stands here once it is known, and when it was told."
    )
    list_display = ["id", "request", "account", "told_at", "recalled_at"]
    search_fields = ["=request__id", "=account__external_id"]
    list_select_related = ["request", "account"]
