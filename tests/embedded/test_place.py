"""The data folder: one user at a time, private, and refused with a sentence when it is no use."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from config.embedded.place import Place
from config.embedded.processes import CannotServe


@pytest.fixture
def place(tmp_path: Path) -> Place:
    opened = Place(tmp_path / "var")
    opened.open()
    return opened


def test_secrets_are_made_once_and_only_their_owner_reads_them(place: Place) -> None:
    made = place.secrets()

    assert Place(place.folder).secrets() == made
    assert len(made["secret_key"]) >= 32
    assert (place.folder / "embedded.json").stat().st_mode & 0o777 == 0o600
    assert place.folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_an_older_version_gets_the_secrets_that_it_lacks(place: Place) -> None:
    made = place.secrets()
    place.forget("operator_password")
    place.forget("postgres_application_password")

    again = place.secrets()

    assert again == Place(place.folder).secrets()
    assert made.keys() - again.keys() == {"operator_password"}
    fresh = again.pop("postgres_application_password")
    assert fresh != made["postgres_application_password"]
    assert again.items() <= made.items()


def test_a_server_listens_where_it_did_before_unless_somebody_else_does_by_now(
    place: Place,
) -> None:
    port = place.port("stripe")
    secrets = place.secrets()

    again = Place(place.folder)
    assert again.port("stripe") == port
    assert again.port("another") != port
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        moved = again.port("stripe")

    assert moved != port
    assert Place(place.folder).port("stripe") == moved
    assert again.secrets() == secrets


def test_two_cannot_hold_one_folder(place: Place) -> None:
    with place.taken("the first") as first, Place(place.folder).taken("the second") as second:
        assert first
        assert not second
        assert place.holder() == f"the first (process {os.getpid()})"

    with place.taken("the third") as third:
        assert third


def test_what_was_announced_counts_only_while_its_announcer_holds_the_folder(place: Place) -> None:
    with place.taken("./run serve"):
        place.announce({"DATABASE_URL": "somewhere"})
        assert place.running() == {"DATABASE_URL": "somewhere"}

    # It was killed before it could take its words back.
    with place.taken("another"):
        assert place.running() is None
    assert place.wait_for_announcement() is None


def test_a_forgotten_secret_is_nowhere(place: Place) -> None:
    password = place.secrets()["operator_password"]

    place.forget("operator_password")

    assert password not in (place.folder / "embedded.json").read_text()


def test_a_nearly_full_disk_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=12 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)

    with pytest.raises(CannotServe, match=r"Only 12 MB are free .* 256 MB are needed"):
        Place(tmp_path / "var").open()


def test_a_folder_that_cannot_be_written_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotServe, match=r"cannot be written .*--data-dir"):
        Place(tmp_path / "file" / "var").open()


def test_another_users_folder_gets_one_sentence(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    with pytest.raises(CannotServe, match=r"belongs to .*; become that user"):
        place.open()
