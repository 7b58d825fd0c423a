"""What a caller can do about a refusal: by its code where that says more than its kind does.

English, as the document that shows them: they are written for those who write clients.
"""

from collections.abc import Mapping
from typing import Final

from billing.errors import ErrorKind

OF_KIND: Final[Mapping[ErrorKind, str]] = {
    ErrorKind.MALFORMED: "Correct the request as `errors` or `detail` says; the same one is "
    "refused again.",
    ErrorKind.UNAUTHENTICATED: "Send a valid token or service key, then repeat with the same key.",
    ErrorKind.PAYMENT_REQUIRED: "Get credits, or pay what is due; then order anew, with a new key.",
    ErrorKind.FORBIDDEN: "Nothing in the request mends it: another caller, scope, role or plan "
    "is needed.",
    ErrorKind.NOT_FOUND: "Check the id, and for whom you ask: what is another's looks absent.",
    ErrorKind.CONFLICT: "Read the resource anew, then decide; the same key may be used again.",
    ErrorKind.TOO_LARGE: "Send less at once.",
    ErrorKind.INVALID: "Change what `errors` or `detail` names, and send it with a new key.",
    ErrorKind.LIMITED: "Wait as long as `Retry-After` says, then repeat with the same key.",
    ErrorKind.UNAVAILABLE: "Repeat as `Retry-After` says, unchanged and with the same key.",
}
assert set(OF_KIND) == set(ErrorKind), "every kind has something that can be done about it"

OF_CODE: Final[Mapping[str, str]] = {
    "account_frozen": "Nothing in the request mends it: an operator decides. Reading goes on.",
    "already_granted": "Nothing is to be done: the account has its share.",
    "already_redeemed": "Nothing is to be done: the account has what the code gives.",
    "already_referred": "Nothing is to be done: it came by another code before.",
    "already_subscribed": "Change the subscription it has: `POST /v1/subscription/change`.",
    "amount_out_of_range": "Send an amount above zero, as a decimal string.",
    "card_needed": "Let the account save a card: `POST /v1/portal-sessions`.",
    "change_at_period_end_only": "Ask for it with `when` = `period_end`.",
    "change_under_way": "Wait for the earlier change, or undo it: `POST /v1/subscription/resume`.",
    "clock_busy": "Read the clock until its `status` is `ready`.",
    "concurrency_limit": "Wait until a job has ended; `Retry-After` is a guess at when.",
    "endpoint_disabled": "Make a new endpoint for an address that answers.",
    "fewer_seats_than_members": "Buy more seats, or remove members first.",
    "free_tier_refused": "`remedy` says what mends it: tell more signals, wait, or buy credits.",
    "idempotency_in_progress": "Wait as long as `Retry-After` says, then repeat with the same key.",
    "idempotency_mismatch": "Use a fresh key for another request.",
    "in_debt": "Buy credits: what arrives pays the debt first.",
    "insufficient_credits": "`short` is what is missing. Buy credits, or order something smaller: "
    "a quote names `alternatives`.",
    "internal": "Repeat with the same key; if it stays, tell us the `request_id`.",
    "invitations_full": "Wait for answers, or withdraw invitations.",
    "last_owner": "Make somebody else owner first.",
    "method_not_allowed": "`Allow` names the methods that the address has.",
    "no_backend": "The service's operator has to configure one; later is not sooner.",
    "no_such_price": "Name an `interval` and currency that the catalog prices the plan in.",
    "not_acceptable": "Leave `Accept` out, or accept `application/json`.",
    "not_entitled": "`required_plan` is the least plan that includes it.",
    "not_yet": "Order from `retry_at` on.",
    "nothing_changes": "Nothing is to be done: it stands so already.",
    "payment_failed": "Let the buyer use another card, or talk to his bank; then ask anew.",
    "payment_is_due": "Let the account pay its open invoice: `POST /v1/portal-sessions`.",
    "payments_not_configured": "The service's operator has to configure payments.",
    "plan_is_paused": "Resume the plan first.",
    "preview_outdated": "Show the preview anew, and let the buyer agree to that.",
    "price_above_maximum": "Quote anew, and agree to what it costs.",
    "price_out_of_step": "The service's operator has to run `sync_prices`; nobody pays meanwhile.",
    "quota_exceeded": "Wait until `resets_at`, or take a plan that allows more.",
    "quote_expired": "Quote anew; a quote is good for one order.",
    "range_not_satisfiable": "`Content-Range` says how many bytes there are.",
    "retired": "Order what `successor` names, if it names one.",
    "too_many_endpoints": "Delete an endpoint first.",
    "too_many_listeners": "Close other streams of this account, or read the job instead.",
    "unpriced": "Order something that `GET /v1/rates` prices.",
    "unsafe_address": "Lead back to a host that the service's operator has named.",
    "unsupported_media_type": "Send JSON, with `Content-Type: application/json`.",
    "url_refused": "Name a public https address.",
}
