"""`compensate`: what an incident is worth to those whom it touched."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from billing.corrections import selectors, services
from billing.corrections.amounts import Basis, Rule
from billing.corrections.models import Compensation
from billing.corrections.selectors import Preview, Selection
from billing.corrections.services import Notice
from billing.insights.since import read_ago
from billing.management.acting import RequestCommand
from plans import selectors as plans
from plans.credits import format_micros, parse_micros
from plans.shapes import money

_SECOND: Final = timedelta(seconds=1)
_LISTS = ("account", "model", "task", "plan", "backend", "status", "error_class")


class Command(RequestCommand):
    """Shows what would move, unless it is told to request, approve, refuse or withdraw."""

    help = "Compensate an incident: preview, request by one operator, approval by another."
    window, rows = "compensation", Compensation.objects.all()
    absent = {Compensation.DoesNotExist: "There is no such compensation."}

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the incident, which jobs, how much, and by whom."""
        parser.add_argument("incident", nargs="?", help="The incident's key.")
        parser.add_argument(
            "--since", help="Ordered from then on: 2h, 3d or 2026-11-01T00:00:00+08:00."
        )
        parser.add_argument("--until", help="Ordered before then; a preview takes now for it.")
        parser.add_argument("--sandbox", action="store_true", help="The sandbox's jobs.")
        for name in _LISTS:
            parser.add_argument(f"--{name.replace('_', '-')}", action="append", default=[])
        rule = parser.add_mutually_exclusive_group()
        rule.add_argument("--share", help='Of what was charged: "1" is all of it.')
        rule.add_argument("--per-job", help="So many credits for each job.")
        rule.add_argument("--per-account", help="So many credits for each account.")
        parser.add_argument("--quoted-share", help="Of the price of jobs that cost nothing.")
        parser.add_argument("--cap", help="No account has more.")
        parser.add_argument("--reason", default="incident", help="A reason's code in the catalog.")
        parser.add_argument("--text", default="", help="The explanation, for operators.")
        parser.add_argument("--notice-en", default="", help="What customers are told, in English.")
        parser.add_argument("--notice-zh", default="", help="The same in Chinese.")
        parser.add_argument(
            "--digest", default="", help="Of the preview: it is what is requested, or approved."
        )
        parser.add_argument("--json", action="store_true", help="Print the preview as an object.")
        self.add_acts(parser)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print the preview, its digest last, or the compensation's id and state alone."""
        if (options["request"] or options["approve"]) and not options["digest"]:
            raise CommandError("--digest is missing: the last line of the preview is it.")
        super().handle(*args, **options)

    def show(self, options: dict[str, Any], *, now: datetime) -> None:
        """Print the preview, its digest last."""
        selection = _selection(options, now)
        found = selectors.preview(selection, _rule(options), catalog=plans.current().catalog)
        self._show(found, selection, options)

    def request(
        self, options: dict[str, Any], *, requester: User, now: datetime
    ) -> Callable[[], Compensation]:
        """Ask for what was previewed."""
        return partial(
            services.request_compensation,
            digest=options["digest"],
            key=options["incident"] or "",
            selection=_selection(options, now),
            rule=_rule(options),
            notice=Notice(en=options["notice_en"], zh=options["notice_zh"]),
            reason=options["reason"],
            text=options["text"],
            requester=requester,
            now=now,
        )

    def approve(self, options: dict[str, Any], *, approver: User, now: datetime) -> Compensation:
        """Approve exactly what was previewed: workers carry it out."""
        return services.approve_compensation(
            compensation_id=options["approve"], digest=options["digest"], approver=approver, now=now
        )

    def refuse(self, asked: str, *, approver: User, now: datetime) -> Compensation:
        """Refuse it; nothing moves."""
        return services.refuse_compensation(compensation_id=asked, approver=approver, now=now)

    def withdraw(self, asked: str, *, requester: User, now: datetime) -> Compensation:
        """Take it back; nothing moves."""
        return services.withdraw_compensation(compensation_id=asked, requester=requester, now=now)

    def _show(self, found: Preview, selection: Selection, options: dict[str, Any]) -> None:
        worth = money(found.worth_micros, found.currency) if found.worth_micros else None
        facts: dict[str, Any] = {
            "since": selection.since.isoformat(),
            "until": selection.until.isoformat(),
            "jobs_selected": found.jobs_matching,
            "jobs_named": found.jobs_count,
            "jobs_compensated_before": found.jobs_before,
            "accounts": len(found.shares),
            "credits": format_micros(found.amount_micros),
            "worth": worth,
            "top": [
                {
                    "account": one.external_id,
                    "credits": format_micros(one.amount_micros),
                    "jobs": one.jobs,
                }
                for one in found.top
            ],
            "digest": found.digest,
        }
        if options["json"]:
            self.stdout.write(json.dumps(facts, ensure_ascii=False))
            return
        for name in ("jobs_selected", "jobs_named", "jobs_compensated_before", "accounts"):
            self.stdout.write(f"{name.replace('_', ' ')}: {facts[name]}")
        said = f" ({worth['amount']} {worth['currency']})" if worth else ""
        self.stdout.write(f"credits: {facts['credits']}{said}")
        for one in facts["top"]:
            self.stdout.write(f"  {one['account']}: {one['credits']} for {one['jobs']} jobs")
        self.stdout.write("Nothing was asked for: see --request, with these words and --digest.")
        self.stdout.write(f"--since {facts['since']} --until {facts['until']}")
        self.stdout.write(found.digest)


def _selection(options: dict[str, Any], now: datetime) -> Selection:
    lists = {
        "accounts": "account",
        "models": "model",
        "tasks": "task",
        "plans": "plan",
        "backends": "backend",
        "statuses": "status",
        "error_classes": "error_class",
    }
    return Selection(
        since=_instant(options, "since", now),
        until=_instant(options, "until", now),
        is_sandbox=options["sandbox"],
        **{name: tuple(options[option]) for name, option in lists.items()},
    )


def _rule(options: dict[str, Any]) -> Rule:
    cap = options["cap"]
    basis = (
        Basis.JOB
        if options["per_job"]
        else Basis.ACCOUNT
        if options["per_account"]
        else Basis.CHARGED
    )
    return Rule(
        basis=basis,
        share_micros=_micros(options["share"]),
        quoted_share_micros=_micros(options["quoted_share"]),
        fixed_micros=_micros(options["per_job"] or options["per_account"]),
        cap_micros=None if cap is None else _micros(cap),
    )


def _micros(written: str | None) -> int:
    try:
        return 0 if written is None else parse_micros(written)
    except ValueError as wrong:
        raise CommandError(f"{written} {wrong}") from None


def _instant(options: dict[str, Any], name: str, now: datetime) -> datetime:
    """Return the instant that is meant; what counts from now is whole seconds, none cut short.

    A request says its instants, as the preview has printed them: counted from a later now they
    would be others, and so would the jobs and the digest.

    Raises:
        CommandError: none is meant.
    """
    written: str = options[name] or ""
    ago = read_ago(written, now=now) if written or name == "since" else now
    if ago is not None:
        if options["request"]:
            raise CommandError(f"--{name}: a request takes the instant that its preview printed.")
        return ago.replace(microsecond=0) + (_SECOND if name == "until" else timedelta(0))
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError(
            f"--{name} is 2h, 3d or an instant with its offset: 2026-11-01T00:00:00+08:00."
        )
    return instant
