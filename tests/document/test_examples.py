"""The examples of the document are true: each was really sent and answered, and still would be.

Record them anew, and read what changed:

    RECORD_EXAMPLES=1 ./run test tests/document/test_examples.py
    ./run manage export_openapi --output docs/openapi.json && git diff billing/http/recorded
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from pytest_django import Settings

from billing.http import examples
from tests.architecture.test_document import Operation, operations_of
from tests.document.recording import Examples, Recorder, bodies, examples_of
from tests.document.story import Story
from tests.document.validating import complaints, strangers
from tests.stories.quick_cog import QuickCog
from tests.stripe_peer.driver import Peer

# A film and its picture say nothing as text; a stream is shown in docs/events.md.
WITHOUT_WORDS: Final = {"read_output", "read_thumbnail", "stream_job_events"}


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    """Return every call of the contract."""
    return list(operations_of(document))


def test_each_operation_shows_what_it_takes_and_what_it_answers(
    operations: list[Operation],
) -> None:
    silent = []
    for operation in operations:
        recorded = examples.of(operation.facts["operationId"])
        answers = {status for status in recorded["responses"] if int(status) < 400}
        answers |= {status for status in operation.facts["responses"] if status == "204"}
        if "requestBody" in operation.facts and not recorded["requests"]:
            silent.append(f"{operation}: no request")
        if not answers and operation.facts["operationId"] not in WITHOUT_WORDS:
            silent.append(f"{operation}: no answer")

    assert silent == []


def test_each_example_has_the_shape_that_the_document_says(
    document: dict[str, Any], operations: list[Operation]
) -> None:
    wrong = []
    for operation in operations:
        for place, name, body in bodies(examples.of(operation.facts["operationId"])):
            said = _place_of(operation, place)
            wrong += [f"{operation} {place} {name} {w}" for w in complaints(document, said, body)]
            wrong += [f"{operation} {place} {name}: {w}" for w in strangers(document, said, body)]

    assert wrong == []


def test_no_example_is_of_an_operation_that_is_gone(operations: list[Operation]) -> None:
    names = {operation.facts["operationId"] for operation in operations}

    assert {file.stem for file in examples.FOLDER.iterdir()} - names == set()


def test_the_document_shows_the_examples(document: dict[str, Any]) -> None:
    order = document["paths"]["/v1/jobs"]["post"]
    recorded = examples.of("submit_job")

    sent = order["requestBody"]["content"]["application/json"]["examples"]
    refused = order["responses"]["402"]["content"]["application/problem+json"]["examples"]
    assert sent["by_a_quote"]["value"] == recorded["requests"]["by_a_quote"]
    assert refused["too_dear"]["value"]["code"] == "insufficient_credits"


@pytest.mark.flow
def test_the_story_is_lived_as_the_document_says_and_each_write_refuses_what_means_nothing(
    vivid: QuickCog, peer: Peer, settings: Settings, document: dict[str, Any]
) -> None:
    settings.PUBLIC_URL = settings.EVENTS_URL = "https://api.example.com"
    recorder, began_at = Recorder(document), datetime.now(UTC)

    Story(recorder, vivid, peer).live()

    wrong = [
        f"{operation} {exchange.status} {complaint}"
        for operation, exchange in recorder.told
        if exchange.media_type
        for complaint in complaints(
            document, operation.facts["responses"][str(exchange.status)], exchange.body
        )
    ]
    assert wrong == []
    assert [said for complaints in recorder.challenged.values() for said in complaints] == []
    assert set(recorder.challenged) == _writes_with_a_body(document)
    lived = examples_of(recorder.told, began_at=began_at)
    if "RECORD_EXAMPLES" in os.environ:
        _write(lived)
    assert _outlines(lived) == _outlines(
        {file.stem: examples.of(file.stem) for file in examples.FOLDER.iterdir()}
    )


def _writes_with_a_body(document: dict[str, Any]) -> set[str]:
    """Return the operations that take a body: each of them was challenged by the story."""
    return {str(one) for one in operations_of(document) if "requestBody" in one.facts}


def _place_of(operation: Operation, place: str) -> Mapping[str, Any]:
    said: Mapping[str, Any] = (
        operation.facts["requestBody"]
        if place == "request"
        else operation.facts["responses"][place]
    )
    return said


def _outlines(recorded: Examples) -> dict[str, list[tuple[str, str, list[str]]]]:
    """Return which examples there are, and their members: no run is like another in more."""
    return {
        name: sorted(
            (place, called, sorted(body) if isinstance(body, dict) else [])
            for place, called, body in bodies(of_it)
        )
        for name, of_it in recorded.items()
    }


def _write(recorded: Examples) -> None:
    """Put the examples where the document finds them, in place of the old."""
    examples.FOLDER.mkdir(exist_ok=True)
    for file in examples.FOLDER.iterdir():
        file.unlink()
    for name, of_it in recorded.items():
        text = json.dumps(of_it, ensure_ascii=False, indent=2)
        (examples.FOLDER / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
