"""Operators look at organizations, their people, and what went from wallet to wallet."""

from django.contrib import admin

from billing.accounts.members import Membership, MembershipChange, Organization
from billing.http.admin import ReadOnlyAdmin
from billing.organizations.models import Allotment


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin[Organization]):
    """A window: organizations are founded and changed through `organizations.services`."""

    list_display = ["id", "name", "account", "members_see", "created_at"]
    search_fields = ["=id", "=account__external_id", "^name"]
    list_select_related = ["account"]


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin[Membership]):
    """A window: people are invited, join and leave through `organizations.services`."""

    list_display = [
        *("id", "organization", "account", "role", "state", "ceiling_micros", "ceiling_per"),
        "joined_at",
    ]
    list_filter = ["role", "state"]
    search_fields = ["=id", "=organization__id", "=account__external_id"]
    list_select_related = ["organization", "account"]


@admin.register(MembershipChange)
class MembershipChangeAdmin(ReadOnlyAdmin[MembershipChange]):
    """A window on the history, which nobody changes."""

    list_display = ["membership", "kind", "role", "actor_type", "actor_id", "created_at"]
    list_filter = ["kind"]
    search_fields = ["=membership__id"]
    list_select_related = ["membership"]


@admin.register(Allotment)
class AllotmentAdmin(ReadOnlyAdmin[Allotment]):
    """A window: credits are lent and fetched back through `organizations.services`."""

    list_display = [
        *("id", "organization", "account", "transfer", "expires_at", "taken_back_at", "closed_at")
    ]
    search_fields = ["=id", "=organization__id", "=account__external_id"]
    list_select_related = ["organization", "account", "transfer"]
