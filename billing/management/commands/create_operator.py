"""Makes an operator of the administration."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.errors import DomainError
from billing.operators import services
from billing.operators.roles import Role


class Command(BaseCommand):
    """`manage.py create_operator grace --role finance`: the password alone on the last line."""

    help = "Makes an operator and prints the password, which is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the operator's name and what he is to do."""
        parser.add_argument("name", help="what he signs in as")
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            choices=[role.value for role in Role],
            help="may be given several times",
        )
        parser.add_argument(
            "--superuser", action="store_true", help="may do everything, and reset second factors"
        )
        parser.add_argument("--json", action="store_true", help="print an object")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 (as in the base)
        """Make the operator and print the password."""
        try:
            operator, password = services.create_operator(
                name=options["name"],
                roles=[Role(name) for name in options["role"]],
                is_superuser=options["superuser"],
                now=timezone.now(),
            )
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        if options["json"]:
            made = {"name": operator.username, "roles": options["role"], "password": password}
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(password)
