"""Operators look at test clocks."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.sandbox.models import TestClock, TestClockAccount


@admin.register(TestClock)
class TestClockAdmin(ReadOnlyAdmin[TestClock]):
    """How far ahead sandboxes are, and where they are on their way to."""

    __test__ = False  # it is no test of pytest's

    list_display = ["id", "name", "owner", "offset", "goal_at", "created_at", "retired_at"]
    search_fields = ["=id", "^name", "=owner__external_id"]
    list_select_related = ["owner"]


@admin.register(TestClockAccount)
class TestClockAccountAdmin(ReadOnlyAdmin[TestClockAccount]):
    """Which sandbox accounts live by which clock."""

    __test__ = False  # it is no test of pytest's

    list_display = ["account", "clock", "joined_at", "left_at"]
    search_fields = ["=account__external_id", "=clock__id"]
    list_select_related = ["account", "clock"]
