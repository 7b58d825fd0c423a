"""Words an alert: the sentence that operators read, a letter, a message for a program."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.admin.utils import quote
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from billing.alerts import remedies
from billing.alerts.labels import RULES
from billing.alerts.models import Alert, Telling
from billing.alerts.rules import BY_CODE, RuleCode, Unit
from billing.notices import letters
from billing.notices.letters import Letter

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SENTENCES: Final[Mapping[RuleCode, Promise]] = {
    RuleCode.GPU_SUCCESS_LOW: gettext_lazy(
        "%(subject)s made a video of %(value)s of what it was given in the last half hour; less "
        "than %(bound)s is an alert."
    ),
    RuleCode.BREAKER_OPEN: gettext_lazy(
        "The breaker of %(subject)s has been open for %(value)s: it is given no orders."
    ),
    RuleCode.SIDES_DISAGREE: gettext_lazy(
        "Rows that two sides tell in two ways, by the last comparison: %(value)s."
    ),
    RuleCode.INVARIANT_BROKEN: gettext_lazy(
        "Rows that break an invariant, by the last audit: %(value)s."
    ),
    RuleCode.HOLD_STUCK: gettext_lazy(
        "The oldest open hold sets credits aside for %(value)s; usual is less than %(bound)s."
    ),
    RuleCode.JOB_NEEDS_PERSON: gettext_lazy(
        "Jobs past their deadline without a verdict: %(value)s. A person has to decide."
    ),
    RuleCode.WEBHOOK_DEAD: gettext_lazy(
        "Messages to the endpoint %(subject)s that were given up in the last hour: %(value)s."
    ),
    RuleCode.OUTBOX_DEAD: gettext_lazy("Errands of %(subject)s that were given up: %(value)s."),
    RuleCode.QUEUE_WAITS: gettext_lazy(
        "What waits in the queue %(subject)s was begun by no worker for %(value)s."
    ),
    RuleCode.STRIPE_LAG: gettext_lazy(
        "The oldest event of Stripe that is not applied came %(value)s ago (%(subject)s)."
    ),
    RuleCode.MARGIN_NEGATIVE: gettext_lazy(
        "Of what %(subject)s brought in the last day %(value)s is left after what it cost."
    ),
    RuleCode.FREE_BURN_UNUSUAL: gettext_lazy(
        "In the last hour %(value)s of the usual free credits were used."
    ),
    RuleCode.GRANTS_HALTED: gettext_lazy(
        "Accounts that get nothing by themselves any more: %(value)s."
    ),
}
assert set(_SENTENCES) == set(RuleCode), "every rule has its sentence"


def sentence(alert: Alert) -> str:
    """Return what is wrong, with its numbers, in the language at hand."""
    said: str = str(_SENTENCES[RuleCode(alert.rule)]) % {
        "subject": alert.subject,
        "value": said_value(alert, alert.value),
        "bound": said_value(alert, alert.bites_at),
    }
    return said


def said_value(alert: Alert, value: int) -> str:
    """Return a value of the alert's rule with its unit."""
    match BY_CODE[alert.rule].unit:
        case Unit.PERCENT:
            return _("%(percent)s %%") % {"percent": value}
        case Unit.SECONDS:
            return _time(value)
    return str(value)


def page_of(alert: Alert) -> str:
    """Return the address of the alert's window."""
    return settings.PUBLIC_URL + reverse("admin:billing_alert_change", args=[quote(alert.pk)])


def facts(telling: Telling) -> dict[str, Any]:
    """Return what a line of the log says of it: ids and numbers, no words of anybody."""
    alert = telling.alert
    if alert is None:
        return {}
    return {
        "alert_id": alert.pk,
        "rule": alert.rule,
        "subject": alert.subject,
        "severity": alert.severity,
        "value": alert.value,
        "bites_at": alert.bites_at,
    }


def body(telling: Telling) -> str:
    """Return the message for a program: JSON, in English; the same at each attempt."""
    alert, data = telling.alert, {}
    if alert is not None:
        rule = BY_CODE[alert.rule]
        with translation.override("en"):
            data = {
                **{name: fact for name, fact in facts(telling).items() if name != "value"},
                "unit": rule.unit.value,
                "title": str(RULES[rule.code]),
                "worst": alert.worst,
                "began_at": alert.began_at.isoformat(),
                "opened_at": _written(alert.opened_at),
                "closed_at": _written(alert.closed_at),
                "page": page_of(alert),
                "remedy": _remedy(alert),
            }
    document = {
        "type": f"alert.{telling.event}",
        "timestamp": telling.created_at.isoformat(),
        "data": data,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def letter(telling: Telling) -> Letter:
    """Return the letter, in the language of ALERT_LANGUAGE."""
    language = letters.language_of(settings.ALERT_LANGUAGE)
    with translation.override(language):
        subject, *paragraphs = _paragraphs(telling)
        html = render_to_string(
            "notices/letter.html",
            {"language": language, "subject": subject, "paragraphs": paragraphs},
        )
    return Letter(
        number=telling.pk,
        email=telling.address,
        subject=subject,
        text="\n\n".join(paragraphs) + "\n",
        html=html,
    )


def _paragraphs(telling: Telling) -> list[str]:
    alert = telling.alert
    if alert is None:
        return [
            _("A test of the alerts"),
            _("Somebody sent this to see whether alerts arrive. Nothing is wrong."),
        ]
    title = " ".join(f"{alert.subject} {RULES[RuleCode(alert.rule)]}".split())
    if telling.event == Telling.Event.CLOSED:
        return [
            _("Well again: %(title)s") % {"title": title},
            _("It began at %(since)s and was well for five minutes by %(until)s.")
            % {"since": _instant(alert.began_at), "until": _instant(alert.closed_at)},
            page_of(alert),
        ]
    return [
        _("Alert (%(severity)s): %(title)s")
        % {"severity": alert.get_severity_display(), "title": title},
        sentence(alert),
        _("It began at %(since)s. What to do stands in %(remedy)s, and on its page:")
        % {"since": _instant(alert.began_at), "remedy": _remedy(alert)},
        page_of(alert),
    ]


def _remedy(alert: Alert) -> str:
    return f"{remedies.book(get_language() or '')}#{BY_CODE[alert.rule].remedy}"


def _instant(at: Any) -> str:  # noqa: ANN401 (an instant, or none yet)
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _written(at: Any) -> str | None:  # noqa: ANN401 (as above)
    return None if at is None else at.isoformat()


def _time(seconds: int) -> str:
    if seconds < 2 * _MINUTE:
        return _("%(number)s s") % {"number": seconds}
    if seconds < 2 * _HOUR:
        return _("%(number)s min") % {"number": seconds // _MINUTE}
    if seconds < 2 * _DAY:
        return _("%(number)s h") % {"number": seconds // _HOUR}
    return _("%(number)s days") % {"number": seconds // _DAY}
