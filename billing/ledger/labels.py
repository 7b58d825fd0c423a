"""What operators read in place of the journal's words; the stored words stay as they are."""

from django.utils.translation import gettext_lazy as _

from billing.ledger.journal import Bucket, Kind

KINDS = [
    (Kind.GRANT.value, _("granted")),
    (Kind.HOLD.value, _("held")),
    (Kind.CAPTURE.value, _("captured")),
    (Kind.RELEASE.value, _("released")),
    (Kind.EXPIRE.value, _("expired")),
    (Kind.LAPSE.value, _("expired while held")),
    (Kind.REVOKE.value, _("revoked")),
    (Kind.WITHDRAW.value, _("withdrawn")),
    (Kind.REPAY.value, _("paid a debt")),
    (Kind.TRANSFER.value, _("transferred")),
]
BUCKETS = [
    (Bucket.ISSUED.value, _("issued")),
    (Bucket.AVAILABLE.value, _("available")),
    (Bucket.HELD.value, _("held")),
    (Bucket.CAPTURED.value, _("captured")),
    (Bucket.EXPIRED.value, _("expired")),
    (Bucket.REVOKED.value, _("revoked")),
    (Bucket.TRANSFERRED.value, _("transferred")),
]
CAUSES = [
    ("job", _("job")),
    ("allowance", _("allowance")),
    ("expiry", _("expiry")),
    ("service_grant", _("grant by a service")),
    ("operator", _("operator")),
    ("rollover", _("limit of what is carried over")),
    ("subscription", _("subscription")),
    ("conversion", _("conversion")),
    ("pack", _("pack")),
    ("campaign", _("campaign")),
    ("adjustment", _("adjustment")),
    ("compensation", _("compensation")),
    ("debt", _("debt")),
    ("transfer", _("transfer")),
    ("allotment", _("allotment")),
    ("refund", _("refund")),
    ("import", _("import from another system")),
]
ACTORS = [
    ("user", _("user")),
    ("service", _("service")),
    ("operator", _("operator")),
    ("backend", _("backend")),
    ("system", _("system")),
]
CADENCES = [
    ("daily", _("daily")),
    ("weekly", _("weekly")),
    ("monthly", _("monthly")),
    ("yearly", _("yearly")),
    ("rolling", _("from the first use on")),
    ("once", _("once")),
]
UNITS = [
    ("credit", _("credits")),
    ("order", _("orders")),
    ("output", _("videos")),
    ("second", _("seconds")),
]
