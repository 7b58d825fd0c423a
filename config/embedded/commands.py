"""Django's command line with the servers of the data folder."""

import os
import subprocess
import sys
from contextlib import ExitStack

from django.core.management import execute_from_command_line
from django.db.utils import ProgrammingError
from psycopg.errors import UndefinedTable

from config.embedded import environment, serve
from config.embedded.console import complain
from config.embedded.processes import CannotServe

# They ask no server anything, so none is started for them.
_WITHOUT_SERVERS = {
    "--help",
    "--version",
    "compilemessages",
    "export_catalog_docs",
    "help",
    "lint_catalog",
    "rate",
    "verify_receipt",
    "version",
}


def main(arguments: list[str]) -> int:
    """Run `serve …` or `tool MODULE …` of `./run`; return the exit code."""
    match arguments:
        case ["serve", *rest]:
            return serve.main(rest)
        case ["tool", module, *rest]:
            environment.pretend()
            command = [sys.executable, "-m", module, *rest]
            return subprocess.run(command, check=False).returncode  # noqa: S603 (a developer's own)
        case _:
            complain("Call it as: python -m config.embedded serve|tool [arguments]")
            return 2


def manage(words: list[str]) -> int:
    """Be manage.py; return the exit code.

    Where DATABASE_URL is set it is Django's own. Else, and with `--embedded` as the first
    argument, it lives in the environment of `./run serve`.
    """
    match words[1:]:
        case ["serve", *rest] | ["--embedded", "serve", *rest]:
            return serve.main(rest)
        case ["--embedded", *rest]:
            return _with_servers([words[0], *rest])
    if not os.environ.get("DATABASE_URL"):
        return _with_servers(words)
    execute_from_command_line(words)
    return 0


def _with_servers(words: list[str]) -> int:
    """Run one Django command with the servers of the data folder."""
    with ExitStack() as stack:
        try:
            if set(words[1:2]) <= _WITHOUT_SERVERS:
                environment.pretend()
            else:
                environment.borrow_servers(stack)
        except CannotServe as refusal:
            complain(str(refusal))
            return 1
        try:
            execute_from_command_line(words)
        except ProgrammingError as problem:
            if not isinstance(problem.__cause__, UndefinedTable):
                raise
            complain(
                "The database has no tables yet; run ./run serve once, or ./run manage migrate."
            )
            return 1
    return 0
