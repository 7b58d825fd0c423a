"""What other systems can be told; the names are public."""

from enum import StrEnum


class EventType(StrEnum):
    """The type of an event: what it is about, and what happened to it."""

    JOB_QUEUED = "job.queued"
    JOB_STARTED = "job.started"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    JOB_UNKNOWN = "job.unknown"
    CREDITS_GRANTED = "credits.granted"
    CREDITS_HELD = "credits.held"
    CREDITS_CAPTURED = "credits.captured"
    CREDITS_RELEASED = "credits.released"
    CREDITS_EXPIRED = "credits.expired"
    CREDITS_LOW = "credits.low"
    CREDITS_DEBT = "credits.debt"
    CREDITS_TRANSFERRED = "credits.transferred"
    CREDITS_COMPENSATED = "credits.compensated"
    SUBSCRIPTION_ACTIVATED = "subscription.activated"
    SUBSCRIPTION_RENEWED = "subscription.renewed"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_PAST_DUE = "subscription.past_due"
    SUBSCRIPTION_CANCELED = "subscription.canceled"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_DISPUTED = "payment.disputed"
    ACCOUNT_HALTED = "account.halted"
    WEBHOOK_TEST = "webhook.test"
