"""Sections on jobs: what became of those that were ordered, and how things stand this minute."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.utils.translation import gettext as _

from billing.console.dashboard import charts, reckoning
from billing.console.dashboard.asking import Question
from billing.console.dashboard.parts import Section, Sheet, Tile, change, percent, share
from billing.fleet import selectors as fleet
from billing.fleet.labels import BREAKER_STATES
from billing.fleet.models import BackendState
from billing.jobs import selectors as jobs
from billing.jobs.labels import FAILURE_CLASSES, STATUSES
from billing.jobs.lifecycle import LIVE, JobStatus
from billing.rollups import selectors
from billing.rollups.selectors import Sums
from billing.rollups.subjects import Span, Subject

_ENDED_ILL = (JobStatus.FAILED, JobStatus.CANCELED, JobStatus.EXPIRED)
_SECOND_MS = 1000


def ordered(question: Question) -> Section:
    """Return what became of the jobs of these days, as they stand."""
    now, before = (_by_status(question, one) for one in (question.span, question.span.before))
    told = selectors.told_until(Subject.JOBS, question.span)
    as_of = told[1] if told else None
    if not now:
        return Section(
            "jobs",
            _("Jobs"),
            as_of=as_of,
            empty=_(
                "Nothing was ordered in these days. Jobs stand here within five minutes, in the "
                "status that they have."
            ),
        )
    return Section(
        "jobs",
        _("Jobs"),
        tiles=_tiles(now, before),
        chart=_chart(question),
        chart_says=_(
            "Jobs by the day, or month, of their order: succeeded, failed, canceled, expired, "
            "under way."
        ),
        sheets=[
            _by(question, "jobs-by-model", _("Jobs by model"), "model", _("model")),
            _by(
                question,
                "jobs-by-failure",
                _("Jobs by failure class"),
                "failure_class",
                _("failure class"),
                words=dict(FAILURE_CLASSES),
            ),
            _by(question, "jobs-by-backend", _("Jobs by backend"), "backend", _("backend")),
            _by(question, "jobs-by-plan", _("Jobs by plan"), "plan", _("plan")),
        ],
        as_of=as_of,
    )


def _by_status(question: Question, span: Span) -> Sums:
    return selectors.sums(Subject.JOBS, span, is_sandbox=question.is_sandbox, by=["status"])


def _tiles(now: Sums, before: Sums) -> list[Tile]:
    count, count_before = (reckoning.total(rows, "jobs") for rows in (now, before))
    ended, good, back = _ended(now)
    started, waited = (reckoning.total(now, name) for name in ("started_jobs", "wait_ms"))
    return [
        Tile(
            _("ordered"),
            _("1 job") if count == 1 else _("%(count)s jobs") % {"count": count},
            _("Jobs that were ordered in these days."),
            change(count, count_before),
        ),
        Tile(
            _("succeeded"),
            share(good, ended),
            _("Of the jobs that have ended, those that made a video."),
        ),
        Tile(
            _("credits given back"),
            share(back, ended),
            _(
                "Of the jobs that have ended, those that cost something, made nothing, and got "
                "all of it back."
            ),
        ),
        Tile(
            _("wait"),
            _mean(waited, started),
            _(
                "From the order to the start at a backend, on average over the jobs that were "
                "started."
            ),
        ),
        Tile(
            _("run"),
            _mean(
                reckoning.total(
                    {k: r for k, r in now.items() if k[0] == JobStatus.SUCCEEDED}, "run_ms"
                ),
                good,
            ),
            _("From the start to the video, on average over the jobs that succeeded."),
        ),
    ]


def _ended(rows: Sums) -> tuple[int, int, int]:
    """Return of rows by status how many jobs ended, succeeded, and got their credits back."""
    ended = {key[0]: row for key, row in rows.items() if key[0] not in LIVE}
    good = ended.get(JobStatus.SUCCEEDED, {}).get("jobs", 0)
    return (
        sum(row["jobs"] for row in ended.values()),
        good,
        sum(row["refunded_jobs"] for row in ended.values()),
    )


def _mean(milliseconds: int, count: int) -> str:
    if not count:
        return "-"
    tenths = round(milliseconds / count / (_SECOND_MS / 10))
    return _("%(seconds)s s") % {"seconds": f"{tenths // 10}.{tenths % 10}"}


def _chart(question: Question) -> str:
    places = question.buckets()
    rows = selectors.sums(
        Subject.JOBS, question.span, is_sandbox=question.is_sandbox, by=["day", "status"]
    )
    named = {value: str(name) for value, name in STATUSES}
    series = {
        named[status]: _heights(question, rows, [status], places)
        for status in (JobStatus.SUCCEEDED, *_ENDED_ILL)
    }
    series[_("under way")] = _heights(question, rows, LIVE, places)
    return charts.stacks(reckoning.labels(question, places), series)


def _heights(
    question: Question, rows: Sums, statuses: Iterable[str], places: list[date]
) -> list[float]:
    wanted = {key: row for key, row in rows.items() if key[1] in set(statuses)}
    return reckoning.counts(reckoning.by_bucket(question, wanted), places, "jobs")


def _by(
    question: Question,
    code: str,
    title: str,
    key: str,
    head: str,
    words: Mapping[str, object] | None = None,
) -> Sheet:
    """Return the jobs by what they have in common: how many became what, and got credits back."""
    rows = selectors.sums(
        Subject.JOBS, question.span, is_sandbox=question.is_sandbox, by=[key, "status"]
    )
    found: dict[str, Sums] = {}
    for (name, status), row in rows.items():
        found.setdefault(name, {})[status,] = row
    lines = []
    for name, statuses in sorted(found.items()):
        ended, _good, back = _ended(statuses)
        shown = str((words or {}).get(name, name))
        numbers = [
            statuses.get((status,), {}).get("jobs", 0)
            for status in (JobStatus.SUCCEEDED, *_ENDED_ILL)
        ]
        live = sum(statuses.get((status,), {}).get("jobs", 0) for status in LIVE)
        lines.append([shown, *map(str, (*numbers, live, back)), percent(back, ended)])
    named = {value: str(text) for value, text in STATUSES}
    ends = [named[status] for status in (JobStatus.SUCCEEDED, *_ENDED_ILL)]
    return Sheet(
        code,
        title,
        [
            head,
            *ends,
            _("under way"),
            _("credits given back"),
            f"{_('given back, of the ended')} (%)",
        ],
        lines,
    )


def standing(_question: Question, *, now: datetime) -> Section:
    """Return the queue and the backends as they are this minute; no history is read."""
    return Section("now", _("Right now"), sheets=[_lanes(now), _backends()])


def _lanes(now: datetime) -> Sheet:
    return Sheet(
        "lanes",
        _("Queue by lane"),
        [_("lane"), _("queued (jobs)"), _("the oldest waits (s)")],
        [
            [lane.lane, str(lane.jobs), str(max(0, int((now - lane.since).total_seconds())))]
            for lane in jobs.waiting_by_lane()
        ],
    )


def _backends() -> Sheet:
    modes, states = dict(BackendState.Mode.choices), dict(BREAKER_STATES)
    at_work = jobs.at_work_by_backend()
    return Sheet(
        "backends",
        _("Backends"),
        [
            _("backend"),
            _("mode"),
            _("shut for"),
            _("at work (jobs)"),
            _("slots"),
            _("slots configured"),
        ],
        [
            [
                one.name,
                str(modes[BackendState.Mode(one.mode)]),
                ", ".join(f"{row.model}: {states[row.state]}" for row in one.breakers),
                *(str(at_work.get(one.name, 0)), str(one.slots), str(one.slots_configured)),
            ]
            for one in fleet.standings()
        ],
        names=3,
    )
