"""`resolve_job`: what became of a job that nobody can be asked about."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.jobs import services
from billing.jobs.models import Job
from billing.jobs.services import Finding, Outlook, Verdict
from billing.management.acting import line_of
from plans.credits import format_micros


class Command(BaseCommand):
    """Shows what is known of the job, unless it is told to decide."""

    help = "Decide about a job that is unknown and past its deadline; without --yes, look only."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the job, what became of it, how that is known, and who says so."""
        parser.add_argument("job", help="The job's id.")
        parser.add_argument("verdict", choices=list(Verdict), help="What became of it.")
        parser.add_argument("--provider-id", default="", help="Ask the backend by this id.")
        parser.add_argument("--address", default="", help="Where the video of a success is.")
        parser.add_argument("--reason", default="", help="How you know it.")
        parser.add_argument("--as", dest="operator", help="The operator who acts, by name.")
        parser.add_argument("--yes", action="store_true", help="Decide so.")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as the base)
        """Print what is known, or the job's id and status alone."""
        now = timezone.now()
        try:
            if not options["yes"]:
                self._show(
                    services.look(
                        job_id=options["job"], provider_id=options["provider_id"], now=now
                    )
                )
                return
            finding = Finding(
                verdict=Verdict(options["verdict"]),
                reason=options["reason"],
                provider_id=options["provider_id"],
                address=options["address"],
            )
            with line_of("job.decide", options, row=self._job(options)) as line:
                job = services.resolve(
                    job_id=options["job"],
                    finding=finding,
                    operator=line.operator.get_username(),
                    now=now,
                )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"{job.pk} {job.status}")

    def _job(self, options: dict[str, Any]) -> Job:
        found = Job.objects.filter(pk=options["job"]).first()
        if found is None:
            raise CommandError(f"There is no job {options['job']}.")
        return found

    def _show(self, known: Outlook) -> None:
        attempt = known.attempt
        self.stdout.write(f"backend: {attempt.backend}")
        self.stdout.write(f"id at the backend: {attempt.provider_id or '-'}")
        self.stdout.write(f"absences: {attempt.absences}")
        self.stdout.write(f"detail: {attempt.detail or '-'}")
        self.stdout.write(f"the backend says now: {known.answer or 'nothing'}")
        self.stdout.write(f"would go back: {format_micros(known.back_micros)} credits")
        self.stdout.write("Nothing was decided: see --yes.")
