"""Watches over the rules: alerts open when one bites for long enough, and close when it is well."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from billing.alerts import measures
from billing.alerts.measures import Measure
from billing.alerts.models import SUBJECT_LENGTH_MAX, Alert, Inspection, Telling, Watch
from billing.alerts.rules import CALM, Rule, RuleCode
from billing.alerts.services.telling import is_silenced, tell
from billing.sweeps import Sweep
from billing.transactions import forbid_transaction

# Longer than any rule is measured: the session's statements end after 15 s.
_LEASE: Final = timedelta(minutes=2)
# The scheduler's minutes are not quite even: what is due within this is due.
_EARLY: Final = timedelta(seconds=5)
_LINES_KEPT: Final = 10
_LINE_LENGTH_MAX: Final = 300


def evaluate(*, now: datetime) -> int:
    """Each rule that is due is measured, and what it says of alerts is so. Return how many were.

    Two workers at once measure no rule twice. What was measured counts only if nobody has begun to
    measure it since. A rule that cannot be measured leaves its alerts as they are.
    """
    forbid_transaction("alerts.evaluate")
    _retire(now)
    watch = Sweep("alert_not_measured")
    for rule in settings.ALERT_RULES:
        with watch.row(rule=rule.code.value):
            lease = _take(rule, now)
            if lease is not None:
                _apply(rule, measures.take(rule, now=now), lease, now)
    return watch.done


@transaction.atomic(durable=True)
def inspected(rule: RuleCode, *, lines: Sequence[str], now: datetime) -> None:
    """What a check over all rows has found is known to its rule; it replaces what was before.

    Args:
        lines: one for each row that was found.
    """
    Inspection.objects.update_or_create(
        rule=rule.value,
        defaults={
            "ended_at": now,
            "found": len(lines),
            "lines": [line[:_LINE_LENGTH_MAX] for line in lines[:_LINES_KEPT]],
        },
    )


@transaction.atomic(durable=True)
def _take(rule: Rule, now: datetime) -> datetime | None:
    """Lease the rule to be measured, and return until when; None: it is not due, or in hand."""
    Watch.objects.bulk_create([Watch(rule=rule.code.value)], ignore_conflicts=True)
    watch = Watch.objects.select_for_update().get(pk=rule.code.value)
    if watch.leased_until is not None and watch.leased_until > now:
        return None
    if watch.looked_at is not None and watch.looked_at + rule.every > now + _EARLY:
        return None
    watch.leased_until = now + _LEASE
    watch.save(update_fields=["leased_until"])
    return watch.leased_until


@transaction.atomic(durable=True)
def _apply(rule: Rule, measured: Sequence[Measure], lease: datetime, now: datetime) -> None:
    """Write down what was measured, and tell of what opens and closes, in one commit."""
    watch = Watch.objects.select_for_update().get(pk=rule.code.value)
    if watch.leased_until != lease:
        return
    standing = {
        alert.subject: alert for alert in Alert.objects.filter(rule=rule.code, closed_at=None)
    }
    for measure in measured:
        alert = standing.pop(measure.subject[:SUBJECT_LENGTH_MAX], None)
        if alert is not None:
            _look_again(rule, alert, measure, now)
        elif rule.bites(measure.value):
            _begin(rule, measure, now)
    for alert in standing.values():  # nothing is measured of it any more
        if not _may_be_cut_off(rule, measured):
            _is_well(alert, now)
    watch.leased_until, watch.looked_at = None, now
    watch.save(update_fields=["leased_until", "looked_at"])


def _may_be_cut_off(rule: Rule, measured: Sequence[Measure]) -> bool:
    """Say whether of more subjects than are told apart some that are not well may be missing."""
    return len(measured) >= measures.SUBJECTS_MAX and not rule.is_well(measured[-1].value)


def _begin(rule: Rule, measure: Measure, now: datetime) -> None:
    alert = Alert(
        rule=rule.code.value,
        subject=measure.subject[:SUBJECT_LENGTH_MAX],
        severity=rule.severity.value,
        worst=measure.value,
        began_at=now,
    )
    _note(rule, alert, measure, now)
    alert.save(force_insert=True)
    _open_in_time(rule, alert, now)


def _look_again(rule: Rule, alert: Alert, measure: Measure, now: datetime) -> None:
    """Follow an alert that stands: worse, better, or well."""
    _note(rule, alert, measure, now)
    if rule.is_well(measure.value):
        alert.save(update_fields=["value", "worst", "bites_at", "facts", "seen_at"])
        _is_well(alert, now)
        return
    if alert.state == Alert.State.PENDING and not rule.bites(measure.value):
        alert.delete()  # it did not last, and nobody was told
        return
    alert.well_since = None
    alert.save(update_fields=["value", "worst", "bites_at", "facts", "seen_at", "well_since"])
    _open_in_time(rule, alert, now)


def _note(rule: Rule, alert: Alert, measure: Measure, now: datetime) -> None:
    alert.value, alert.seen_at, alert.bites_at = measure.value, now, rule.bites_at
    alert.worst = (min if rule.is_low else max)(alert.worst, measure.value)
    alert.facts = {**measure.facts, "rows": [list(row) for row in measure.rows]}


def _open_in_time(rule: Rule, alert: Alert, now: datetime) -> None:
    """Open what has lasted long enough; tell of what is open, untold and not silenced."""
    if alert.state == Alert.State.PENDING and alert.began_at + rule.lasts <= now:
        alert.state, alert.opened_at = Alert.State.OPEN, now
        alert.save(update_fields=["state", "opened_at"])
    is_untold = alert.state == Alert.State.OPEN and alert.told_at is None
    if is_untold and not is_silenced(alert, now=now):
        alert.told_at = now
        alert.save(update_fields=["told_at"])
        tell(Telling.Event.OPENED, alert, now=now)


def _is_well(alert: Alert, now: datetime) -> None:
    """Close what has been well for long enough; what never opened is forgotten."""
    if alert.state == Alert.State.PENDING:
        alert.delete()
        return
    if alert.well_since is None:
        alert.well_since = now
        alert.save(update_fields=["well_since"])
    if alert.well_since + CALM <= now:
        _close(alert, now)


def _close(alert: Alert, now: datetime) -> None:
    alert.state, alert.closed_at = Alert.State.CLOSED, now
    alert.save(update_fields=["state", "closed_at"])
    if alert.told_at is not None:  # whoever was not told that it began is not told that it ended
        tell(Telling.Event.CLOSED, alert, now=now)


@transaction.atomic(durable=True)
def _retire(now: datetime) -> None:
    """Close the alerts of rules that were switched off; what was only watched is forgotten."""
    watched = [rule.code.value for rule in settings.ALERT_RULES]
    left_over = Alert.objects.filter(~Q(rule__in=watched), closed_at=None)
    for alert in left_over.select_for_update():
        if alert.state == Alert.State.PENDING:
            alert.delete()
        else:
            _close(alert, now)
