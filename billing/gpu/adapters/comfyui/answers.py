"""Reads ComfyUI's JSON: its history, its queue, and why it refused a workflow. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from billing.gpu.protocol import Fail, State, Status
from billing.gpu.reading import Unreadable, fail_class, number, part, read_object, text, usage
from billing.gpu.reading import state_of as read_state
from billing.gpu.replies import Refusal, refuse, require_accepted
from billing.gpu.wire import Reply

VIEW_WORD: Final = "view:"
_STATES: Final[Mapping[str, State]] = {"success": State.SUCCEEDED, "error": State.FAILED}
# What a workflow's own values may be refused for; everything else is the workflow's fault.
_FLAWS_OF_VALUES: Final = ("value_bigger_than_max", "value_smaller_than_min")
_FILM_ENDINGS: Final = (".mp4",)


def require_taken(reply: Reply) -> None:
    """Return for a yes; a workflow that does not fit the server is ours to mend, not the order's.

    Raises:
        Rejected: a value of the order is beyond what a node takes.
        AuthError: the workflow is wrong, or the server lacks a node or a model of it.
        BackendError: what the status means.
    """
    kind, said, flaws = _refusal_of(reply.body)
    if kind and flaws and all(flaw in _FLAWS_OF_VALUES for flaw in flaws):
        refuse(Refusal.INVALID, said=said, reply=reply)
    if kind:
        refuse(Refusal.OURS, said=said, reply=reply)
    require_accepted(reply, reason=said)


def read_taken(body: bytes, attempt_id: str) -> None:
    """Return when the server says that it has queued the attempt.

    Raises:
        Unreadable: it names no prompt, or another one.
    """
    if read_object(body).get("prompt_id") != attempt_id:
        raise Unreadable("It does not name the attempt.")


def read_history(body: bytes, attempt_id: str) -> Status | None:
    """Return what the history says of the attempt; None: it is not there.

    Raises:
        Unreadable: it is no history.
    """
    history = read_object(body)
    entry = history.get(attempt_id)
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise Unreadable("It is no history.")
    return _read_entry(entry, attempt_id)


def read_queue(body: bytes, attempt_id: str) -> Status | None:
    """Return whether the attempt runs or waits; None: neither.

    Raises:
        Unreadable: it is no queue.
    """
    queue = read_object(body)
    running, pending = queue.get("queue_running"), queue.get("queue_pending")
    if not isinstance(running, list) or not isinstance(pending, list):
        raise Unreadable("It is no queue.")
    for items, state in ((running, State.RUNNING), (pending, State.QUEUED)):
        if attempt_id in _ids_of(items):
            return Status(state=state, provider_id=attempt_id)
    return None


def read_version(body: bytes) -> str:
    """Return the server's version, "" where it names none.

    Raises:
        Unreadable: it is no description of a system.
    """
    system = read_object(body).get("system")
    if not isinstance(system, dict):
        raise Unreadable("It describes no system.")
    return text(system.get("comfyui_version"))


def _read_entry(entry: Mapping[str, Any], attempt_id: str) -> Status:
    messages = _messages_of(entry)
    state = read_state(part(entry, "status", "status_str"), _STATES)
    error = messages.get("execution_error", {})
    message = text(error.get("exception_message"))
    outputs = tuple(_films_of(entry)) if state == State.SUCCEEDED else ()
    fail = None
    if "execution_interrupted" in messages and state in _STATES.values():
        # By its word an error; it is our own wish.
        state, fail, outputs = State.CANCELED, Fail.CANCELED, ()
    elif state == State.FAILED or (state == State.SUCCEEDED and "execution_error" in messages):
        words = f"{text(error.get('exception_type'))}: {message}"
        state, fail, outputs = State.FAILED, fail_class(words), ()
    elif state == State.SUCCEEDED and not outputs:
        state, fail, message = State.FAILED, Fail.EMPTY, "It ended well, and no film came."
    return Status(
        state=state,
        provider_id=attempt_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs,
        fail=fail,
        message=message,
        usage=_usage(entry, messages),
        raw={
            "prompt_id": attempt_id,
            "status_str": text(part(entry, "status", "status_str")),
            # Beside these stand the node's inputs, and among them the prompt.
            "exception_type": text(error.get("exception_type")),
            "exception_message": text(error.get("exception_message")),
            "node_type": text(error.get("node_type")),
        },
    )


def _messages_of(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what happened to a prompt, by the name of each message: pairs of name and facts."""
    found: dict[str, Mapping[str, Any]] = {}
    said = part(entry, "status", "messages")
    for pair in said if isinstance(said, list) else ():
        match pair:
            case [str(name), dict(facts)]:
                found[name] = facts
    return found


def _films_of(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the word of each film that the workflow has saved; previews are none."""
    for _node, file in _files_of(entry):
        name = file.get("filename")
        is_film = isinstance(name, str) and name.lower().endswith(_FILM_ENDINGS)
        if is_film and file.get("type") == "output":
            folder = file.get("subfolder")
            place = {"filename": name, "subfolder": folder if isinstance(folder, str) else ""}
            yield VIEW_WORD + urlencode({**place, "type": "output"})


def _files_of(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each file with its node; nodes call them images, gifs, videos, as they like."""
    nodes = entry.get("outputs")
    for node, kinds in nodes.items() if isinstance(nodes, dict) else ():
        for files in kinds.values() if isinstance(kinds, dict) else ():
            for file in files if isinstance(files, list) else ():
                if isinstance(file, dict):
                    yield node, file


def _usage(entry: Mapping[str, Any], messages: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return how long it ran, and `cached` 1 when its output was an old film, served anew."""
    started = number(messages.get("execution_start", {}).get("timestamp"))
    ended = next(
        (
            number(messages[name].get("timestamp"))
            for name in ("execution_success", "execution_error", "execution_interrupted")
            if name in messages
        ),
        None,
    )
    seconds = None if started is None or ended is None else (ended - started) / 1000
    cached = messages.get("execution_cached", {}).get("nodes")
    makers = {node for node, _file in _files_of(entry)}
    is_cached = isinstance(cached, list) and bool(makers) and makers <= set(_texts(cached))
    return usage(gpu_seconds=seconds, cached=1 if is_cached else None)


def _ids_of(items: Iterable[object]) -> list[object]:
    """Return the prompts' ids of queue items: each is a list, and its second element the id."""
    return [item[1] for item in items if isinstance(item, list) and len(item) > 1]


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _refusal_of(body: bytes) -> tuple[str, str, list[str]]:
    """Return kind and sentence of a refusal, and of what kind the flaw of each node is."""
    try:
        answer = read_object(body)
    except Unreadable:
        return "", "The backend gave no reason.", []
    kind, message = text(part(answer, "error", "type")), text(part(answer, "error", "message"))
    nodes = answer.get("node_errors")
    flaws = [
        text(part(flaw, "type"))
        for node in (nodes.values() if isinstance(nodes, dict) else ())
        for flaw in (part(node, "errors") or [])
    ]
    return kind, text(f"{kind}: {message} {' '.join(flaws)}"), flaws
