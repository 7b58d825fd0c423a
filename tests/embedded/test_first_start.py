"""A newcomer's first start: a new folder, every migration, and all the way to the first credits."""

import signal
from pathlib import Path

import pytest

from tests.embedded.running import serving

ORDER = {
    "model": "kling-v1-6",
    "task": "text_to_video",
    "mode": "std",
    "seconds": 5,
    "inputs": {"prompt": "a paper boat on a river at dawn"},
}


@pytest.mark.flow
def test_a_new_folder_serves_and_serves_again_with_what_it_has(tmp_path: Path) -> None:
    """The owner migrates by his own connection here, as nowhere else in the tests."""
    folder = tmp_path / "var"

    with serving(folder) as first:
        assert "login  operator / " in first.said
        assert first.ask("/check-in", {})["credits"] == "66"
        quote = first.ask("/quotes", ORDER)
        assert (quote["credits"], quote["admissible"]) == ("10", True)
        assert first.ask("/balance")["available"] == "66"
        assert " 0 breaches." in first.manage("audit")
        told = first.end(by=signal.SIGINT)
        assert told.endswith("Stopped. The data stays for the next start.\n")
        assert first.process.returncode == 0

    with serving(folder) as again:
        assert "login  operator   (forgotten?" in again.said
        assert again.ask("/balance")["available"] == "66"
        again.end(by=signal.SIGKILL)

    assert "has ended" not in first.said + told + again.said
