"""How rows of jobs are named: a prefix that says what, and bits that nobody can guess."""

from functools import partial
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.ids import ID_LENGTH_MAX, new_id

# Where a job is named when its status has changed, for who streams its events.
JOBS_TOPIC: Final = "linggan:jobs"
IdField = partial(
    models.CharField, _("id"), primary_key=True, max_length=ID_LENGTH_MAX, editable=False
)


def _quote_id() -> str:
    return new_id("qt")


def _job_id() -> str:
    return new_id("job")


def _attempt_id() -> str:
    return new_id("at")


def _callback_id() -> str:
    return new_id("cb")


def _output_id() -> str:
    return new_id("out")
