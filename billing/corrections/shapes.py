"""What operators read before they ask for something, and before they decide on it."""

from datetime import datetime

from django.contrib.auth.models import User
from django.utils.formats import localize
from django.utils.translation import gettext as _

from billing.corrections import selectors
from billing.corrections.models import Adjustment, Compensation, CompensationShare
from billing.corrections.selectors import TOP, Preview
from billing.corrections.services import Movement
from billing.operators.admin.acting import Facts
from plans import selectors as plans
from plans.credits import format_micros
from plans.shapes import money


def preview_facts(found: Preview) -> Facts:
    """Return what would move, as a person reads it before asking for it."""
    facts = [
        (_("jobs selected"), str(found.jobs_matching)),
        (_("jobs named"), str(found.jobs_count)),
        (_("of them compensated before"), str(found.jobs_before)),
        (_("accounts"), str(len(found.shares))),
        (_("credits"), format_micros(found.amount_micros)),
    ]
    if found.worth_micros is not None:
        worth = money(found.worth_micros, found.currency)
        facts.append((_("worth"), f"{worth['amount']} {worth['currency']}"))
    facts += [_share_fact(one.external_id, one.amount_micros, one.jobs) for one in found.top]
    return facts


def movement_facts(movement: Movement, *, as_debt: bool) -> Facts:
    """Return what there is, and what would move."""
    facts = [
        (_("free now"), _credits(movement.available_micros)),
        (_("owed now"), _credits(movement.debt_micros)),
    ]
    if movement.given_micros:
        return [*facts, (_("would be given"), _credits(movement.given_micros))]
    facts.append((_("would be taken"), _credits(movement.taken_micros)))
    if movement.owed_micros:
        name = _("would be owed") if as_debt else _("not free; an approval is refused")
        facts.append((name, _credits(movement.owed_micros)))
    return facts


def adjustment_facts(adjustment: Adjustment) -> Facts:
    """Return what is asked for, by whom and why."""
    side = f" ({_('sandbox')})" if adjustment.account.is_sandbox else ""
    facts = [
        (_("account"), f"{adjustment.account.external_id}{side}"),
        (_("credits"), format_micros(adjustment.amount_micros)),
    ]
    if adjustment.grant_ids:
        facts.append((_("taken from"), ", ".join(adjustment.grant_ids)))
    return [*facts, *_why(adjustment)]


def day_fact(person: User, *, is_sandbox: bool, now: datetime) -> tuple[str, str]:
    """Return what a person has had a hand in today, of what he may."""
    catalog = plans.current().catalog
    day = selectors.day_of(person, is_sandbox=is_sandbox, catalog=catalog, now=now)
    said = _("%(used)s of %(most)s credits") % {
        "used": format_micros(day.used_micros),
        "most": format_micros(day.max_micros),
    }
    return _("today so far by %(operator)s") % {"operator": person.get_username()}, said


def compensation_facts(compensation: Compensation) -> Facts:
    """Return what is asked for, by whom and why, what is told, and who has most."""
    shares = CompensationShare.objects.filter(compensation=compensation).select_related("account")
    return [
        (_("incident"), compensation.key),
        (_("credits"), format_micros(compensation.amount_micros)),
        (_("accounts"), str(compensation.accounts_count)),
        (_("jobs"), str(compensation.jobs_count)),
        *_why(compensation),
        (_("notice in English"), compensation.text_en),
        (_("notice in Chinese"), compensation.text_zh),
        (_("digest of the preview"), compensation.digest),
        *(
            _share_fact(one.account.external_id, one.amount_micros, one.jobs_count)
            for one in shares.order_by("-amount_micros", "account_id")[:TOP]
        ),
    ]


def _why(request: Adjustment | Compensation) -> Facts:
    reason = plans.version(request.catalog_version_id).catalog.corrections.reason(request.reason)
    return [
        (_("reason"), reason.name.said() if reason else request.reason),
        (_("explanation"), request.text),
        (_("requested by"), request.requester.get_username()),
        (_("requested at"), localize(request.requested_at)),
        (_("state"), str(request.get_state_display())),
    ]


def _share_fact(name: str, amount_micros: int, jobs: int) -> tuple[str, str]:
    return name, _("%(credits)s credits · jobs: %(jobs)s") % {
        "credits": format_micros(amount_micros),
        "jobs": jobs,
    }


def _credits(micros: int) -> str:
    return _("%(credits)s credits") % {"credits": format_micros(micros)}
