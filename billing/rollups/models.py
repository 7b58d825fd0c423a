"""What was added up by days, so that no page reads history. Rows are written by services alone."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.jobs.labels import FAILURE_CLASSES, STATUSES
from billing.ledger.labels import CAUSES, KINDS
from billing.rollups.subjects import Subject

_NAME_LENGTH = 64


class RolledDay(models.Model):
    """A day, or the month that begins on it, as one subject last read it."""

    class Of(models.TextChoices):
        CREDITS = Subject.CREDITS.value, _("credits")
        JOBS = Subject.JOBS.value, _("jobs")
        ACCOUNTS = Subject.ACCOUNTS.value, _("accounts")
        MONEY = Subject.MONEY.value, _("money")
        MARGINS = Subject.MARGINS.value, _("margins")
        COHORTS = Subject.COHORTS.value, _("cohorts")

    subject = models.CharField(_("subject"), max_length=16, choices=Of)
    day = models.DateField(_("day"), help_text=_("In UTC."))
    rolled_at = models.DateTimeField(_("added up at"), help_text=_("From what stood there then."))
    changed_at = models.DateTimeField(
        _("changed at"), help_text=_("When its sums were other than before for the last time.")
    )
    is_open = models.BooleanField(
        _("open"), help_text=_("Something that it counts can still change: it is added up again.")
    )

    class Meta:
        verbose_name = _("day that was added up")
        verbose_name_plural = _("days that were added up")
        constraints = [
            models.UniqueConstraint(fields=["subject", "day"], name="rolled_day_once"),
            models.CheckConstraint(
                condition=Q(changed_at__lte=models.F("rolled_at")),
                name="rolled_day_changes_when_it_is_rolled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.day}"


class CreditDay(models.Model):
    """The entries that were written on a day, in sum: which credits, which movement, why."""

    day = models.DateField(_("day"), help_text=_("In UTC."))
    is_sandbox = models.BooleanField(_("sandbox"))
    source = models.CharField(_("source of the credits"), max_length=32)
    kind = models.CharField(_("movement"), max_length=8, choices=KINDS)
    cause_type = models.CharField(_("cause"), max_length=16, choices=CAUSES)
    is_bought = models.BooleanField(
        _("bought"), help_text=_("Money was paid for them, or for the time in which they came.")
    )
    amount_micros = models.BigIntegerField(_("amount"))
    entries = models.BigIntegerField(_("entries"))

    class Meta:
        verbose_name = _("day of credits")
        verbose_name_plural = _("days of credits")
        constraints = [
            models.UniqueConstraint(
                fields=["is_sandbox", "day", "source", "kind", "cause_type", "is_bought"],
                name="credit_day_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.source} {self.kind}"


class JobDay(models.Model):
    """The jobs that were ordered on a day, as they stand: how many, for how much, how long."""

    day = models.DateField(_("day"), help_text=_("In UTC."))
    is_sandbox = models.BooleanField(_("sandbox"))
    model = models.CharField(_("model"), max_length=_NAME_LENGTH)
    mode = models.CharField(_("mode"), max_length=_NAME_LENGTH)
    plan = models.CharField(_("plan"), max_length=_NAME_LENGTH)
    backend = models.CharField(
        _("backend"), max_length=_NAME_LENGTH, help_text=_("Who tried last; empty: nobody yet.")
    )
    status = models.CharField(_("status"), max_length=16, choices=STATUSES)
    failure_class = models.CharField(
        _("failure class"), max_length=32, blank=True, choices=FAILURE_CLASSES
    )
    jobs = models.BigIntegerField(_("jobs"))
    refunded_jobs = models.BigIntegerField(
        _("jobs whose credits came back"), help_text=_("They ended otherwise, and cost nothing.")
    )
    charged_micros = models.BigIntegerField(_("charged"))
    started_jobs = models.BigIntegerField(_("jobs that were started"))
    wait_ms = models.BigIntegerField(
        _("wait (ms)"), help_text=_("From the order to the start, of those started.")
    )
    run_ms = models.BigIntegerField(
        _("run (ms)"), help_text=_("From the start to the end, of those that succeeded.")
    )

    class Meta:
        verbose_name = _("day of jobs")
        verbose_name_plural = _("days of jobs")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    *("is_sandbox", "day", "model", "mode", "plan", "backend"),
                    *("status", "failure_class"),
                ],
                name="job_day_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model} {self.status}"


class MarginDay(models.Model):
    """What the jobs ordered on a day brought and cost, of those that have ended.

    The row without a currency says of how many jobs it is told; the others what was, in theirs.
    """

    day = models.DateField(_("day"), help_text=_("In UTC."))
    is_sandbox = models.BooleanField(_("sandbox"))
    model = models.CharField(_("model"), max_length=_NAME_LENGTH)
    mode = models.CharField(_("mode"), max_length=_NAME_LENGTH)
    plan = models.CharField(_("plan"), max_length=_NAME_LENGTH)
    backend = models.CharField(_("backend"), max_length=_NAME_LENGTH)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    revenue_micros = models.BigIntegerField(_("revenue"), default=0)
    cost_micros = models.BigIntegerField(_("cost"), default=0)
    left_micros = models.BigIntegerField(_("margin"), default=0)
    jobs = models.BigIntegerField(_("jobs"), default=0)
    known_jobs = models.BigIntegerField(
        _("jobs with a margin"), default=0, help_text=_("Revenue and cost of them are known.")
    )

    class Meta:
        verbose_name = _("day of margins")
        verbose_name_plural = _("days of margins")
        constraints = [
            models.UniqueConstraint(
                fields=["is_sandbox", "day", "model", "mode", "plan", "backend", "currency"],
                name="margin_day_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model} {self.currency}"


class MoneyDay(models.Model):
    """What a day did to the money of purchases, in one currency (ADR 58)."""

    day = models.DateField(_("day"), help_text=_("In UTC."))
    is_sandbox = models.BooleanField(_("sandbox"))
    currency = models.CharField(_("currency"), max_length=3)
    sold_micros = models.BigIntegerField(_("sold"))
    returned_micros = models.BigIntegerField(_("refunded"))
    used_micros = models.BigIntegerField(_("earned by use"))
    lapsed_micros = models.BigIntegerField(_("earned by expiry"))
    deferred_micros = models.BigIntegerField(_("deferred at its end"))

    class Meta:
        verbose_name = _("day of money")
        verbose_name_plural = _("days of money")
        constraints = [
            models.UniqueConstraint(fields=["is_sandbox", "day", "currency"], name="money_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.currency}"


class AccountDay(models.Model):
    """How many accounts came on a day, ordered, and paid."""

    day = models.DateField(_("day"), help_text=_("In UTC."))
    is_sandbox = models.BooleanField(_("sandbox"))
    new = models.BigIntegerField(_("new accounts"))
    ordering = models.BigIntegerField(_("accounts that ordered"))
    paying = models.BigIntegerField(_("accounts that paid"))
    first_paying = models.BigIntegerField(_("accounts that paid for the first time"))

    class Meta:
        verbose_name = _("day of accounts")
        verbose_name_plural = _("days of accounts")
        constraints = [
            models.UniqueConstraint(fields=["is_sandbox", "day"], name="account_day_once")
        ]

    def __str__(self) -> str:
        return str(self.day)


class CohortMonth(models.Model):
    """What the accounts made in one month did in another. Money is told by currency.

    The row without a currency counts accounts and credits; the others say what was paid in theirs.
    """

    month = models.DateField(
        _("month"), help_text=_("In which it happened: its first day, in UTC.")
    )
    cohort = models.DateField(_("made in"), help_text=_("The accounts' month: its first day."))
    is_sandbox = models.BooleanField(_("sandbox"))
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    ordering = models.BigIntegerField(_("accounts that ordered"), default=0)
    paying = models.BigIntegerField(_("accounts that paid"), default=0)
    spent_micros = models.BigIntegerField(_("credits used"), default=0)
    paid_micros = models.BigIntegerField(_("paid"), default=0)

    class Meta:
        verbose_name = _("month of a cohort")
        verbose_name_plural = _("months of cohorts")
        constraints = [
            models.UniqueConstraint(
                fields=["is_sandbox", "month", "cohort", "currency"], name="cohort_month_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.cohort} → {self.month}"
