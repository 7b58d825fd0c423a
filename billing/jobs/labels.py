"""What operators read in place of a job's words; the stored words stay as they are."""

from django.utils.translation import gettext_lazy as _

from billing.jobs.lifecycle import FailureClass, JobStatus

STATUSES = [
    (JobStatus.QUEUED.value, _("queued")),
    (JobStatus.DISPATCHED.value, _("dispatched")),
    (JobStatus.RUNNING.value, _("running")),
    (JobStatus.UNKNOWN.value, _("verdict sought")),
    (JobStatus.SUCCEEDED.value, _("succeeded")),
    (JobStatus.FAILED.value, _("failed")),
    (JobStatus.CANCELED.value, _("canceled")),
    (JobStatus.EXPIRED.value, _("expired")),
]
FAILURE_CLASSES = [
    (FailureClass.BACKEND_ERROR.value, _("backend error")),
    (FailureClass.TIMEOUT.value, _("timeout")),
    (FailureClass.MODERATION_INPUT.value, _("order refused by moderation")),
    (FailureClass.MODERATION_OUTPUT.value, _("result refused by moderation")),
    (FailureClass.INVALID_INPUT.value, _("invalid input")),
    (FailureClass.CANCELED_QUEUED.value, _("canceled while queued")),
    (FailureClass.CANCELED_RUNNING.value, _("canceled while running")),
    (FailureClass.REJECTED.value, _("rejected by the backend")),
]
