"""The database of the containers, checked by reading: who comes in, and what keeps a copy."""

import re

import yaml

from tests.architecture.test_compose import COMPOSE, ROOT, SERVICES


def test_the_pooler_lends_for_a_transaction_and_no_file_has_its_password() -> None:
    pooler = SERVICES["pgbouncer"]
    settings = (ROOT / COMPOSE["configs"]["pgbouncer"]["file"]).read_text()

    assert "\npool_mode = transaction\n" in settings
    assert "\nauth_file = /tmp/userlist.txt\n" in settings
    assert pooler["tmpfs"] == ["/tmp"]  # noqa: S108 (the container's own, in memory)
    assert "/tmp/userlist.txt" in pooler["command"][2]  # noqa: S108 (as above)
    assert "password" not in re.sub(r"(?m)^;.*$", "", settings).lower()


def test_what_a_pooled_or_replicated_database_needs_is_a_profile_away() -> None:
    needs = SERVICES["migrate"]["depends_on"]["pgbouncer"]
    rules = (ROOT / COMPOSE["configs"]["pg_hba"]["file"]).read_text()

    assert needs == {"condition": "service_healthy", "required": False}
    assert re.search(r"(?m)^host +replication +linggan +all +scram-sha-256$", rules)
    assert "pg_basebackup --host postgres --username linggan " in SERVICES["replica"]["command"][2]


def test_the_example_of_a_backup_adds_to_the_servers_command_and_loses_nothing_of_it() -> None:
    text = (ROOT / "docs" / "operations" / "containers.md").read_text()
    example = yaml.safe_load(text.partition("## Backups")[2].split("```yaml\n")[1].split("```")[0])
    said = example["services"]["postgres"]["command"]

    assert said[:2] == ["postgres", f"--{SERVICES['postgres']['command'][2]}"]
    rules = (ROOT / COMPOSE["configs"]["pg_hba"]["file"]).read_text()
    assert re.search(r"(?m)^local +replication +backup +trust$", rules)
    assert re.search(r"(?m)^host +replication +backup +all +scram-sha-256$", rules)
