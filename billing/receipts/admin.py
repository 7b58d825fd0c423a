"""Operators look at the keys of receipts."""

from django.contrib import admin

from billing.http.admin import ReadOnlyAdmin
from billing.receipts.models import ReceiptKey


@admin.register(ReceiptKey)
class ReceiptKeyAdmin(ReadOnlyAdmin[ReceiptKey]):
    """A window: a key comes by RECEIPT_KEY, and is revoked by `revoke_receipt_key`."""

    list_display = ["id", "not_before", "not_after", "revoked_at"]
    search_fields = ["=id"]
