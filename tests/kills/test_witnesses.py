"""The witnesses of a storm see what there is: each hand-over, and each process of ours."""

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random

import pytest

from tests.kills.gate import Fate, Gate, Trap
from tests.kills.machines import Machine

ASLEEP = "import time; time.sleep(600)"
WITH_A_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {ASLEEP!r}])
print(child.pid, flush=True)
child.wait()
"""


class Cog(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_words: object) -> None:
        return


@pytest.fixture
def gate() -> Iterator[Gate]:
    """An open gate in front of one who takes everything; it loses the answer to "lost"."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cog)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gate = Gate(upstream_port=server.server_address[1], unanswered=frozenset(["lost"]))
    gate.open()
    yield gate
    gate.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A program with one child, running."""
    with (tmp_path / "log").open("ab") as log:
        machine = Machine("two", [sys.executable, "-c", WITH_A_CHILD], log=log)
        machine.start()
        while not (tmp_path / "log").read_text().endswith("\n"):
            threading.Event().wait(0.02)
        yield machine
        machine.end()


def put(gate: Gate, attempt: str, order: dict[str, object]) -> int:
    """Return the status of the answer; 0: there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10)
    try:
        connection.request("PUT", f"/predictions/{attempt}", json.dumps({"input": order}))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def seen(gate: Gate) -> list[tuple[str, str, int]]:
    return [(one.attempt, one.prompt, one.answer) for one in gate.hand_overs]


def test_each_hand_over_counts_and_no_probe(gate: Gate) -> None:
    assert put(gate, "a1", {"prompt": "a kite"}) == 202
    assert put(gate, "a1", {}) == 202
    assert put(gate, "a1", {"prompt": "a kite"}) == 202

    assert seen(gate) == [("a1", "a kite", 202), ("a1", "a kite", 202)]


def test_an_answer_is_lost_once(gate: Gate) -> None:
    assert put(gate, "a1", {"prompt": "lost"}) == 0
    assert put(gate, "a2", {"prompt": "lost"}) == 202

    assert seen(gate) == [("a1", "lost", 0), ("a2", "lost", 202)]
    assert gate.answers_lost == 1


def test_a_closed_gate_takes_nothing_and_opens_again_at_its_address(gate: Gate) -> None:
    gate.close()
    assert put(gate, "a1", {"prompt": "a kite"}) == 0
    gate.open()
    assert put(gate, "a2", {"prompt": "a kite"}) == 202

    assert seen(gate) == [("a2", "a kite", 202)]


@pytest.mark.parametrize(("fate", "answer"), [(Fate.LATE, 202), (Fate.DROPPED, 0)])
def test_a_trap_holds_one_hand_over_until_it_may_go(gate: Gate, fate: Fate, answer: int) -> None:
    trap = Trap(fate)
    gate.set_trap(trap)
    said: list[int] = []
    maker = threading.Thread(target=lambda: said.append(put(gate, "a1", {"prompt": "a kite"})))
    maker.start()

    assert trap.sprung.wait(10)
    assert put(gate, "a2", {"prompt": "a boat"}) == 202
    assert (trap.attempt, said) == ("a1", [])
    trap.goes.set()
    maker.join(10)

    assert said == [answer]
    assert seen(gate) == [("a2", "a boat", 202), ("a1", "a kite", answer)]


def test_only_a_child_is_killed(machine: Machine) -> None:
    [child] = machine.children()

    assert machine.kill_a_child(Random(1))

    assert not is_alive(child)


def test_a_killed_parent_leaves_its_child_which_ends_with_the_machine(machine: Machine) -> None:
    [child] = machine.children()

    assert machine.kill_parent()
    assert not machine.is_alive
    assert is_alive(child)
    machine.end()

    assert not is_alive(child)


def test_a_crash_takes_all_of_it_and_it_starts_again(machine: Machine) -> None:
    [child], former = machine.children(), machine.pid

    assert machine.kill_all()
    assert not is_alive(child)
    machine.mend()

    assert machine.is_alive
    assert machine.pid != former


def test_the_maker_of_a_call_is_found_by_its_port(gate: Gate, tmp_path: Path) -> None:
    call = (
        "import socket, time\n"
        f"line = socket.create_connection(('127.0.0.1', {gate.port}))\n"
        "print(line.getsockname()[1], flush=True)\n"
        "time.sleep(600)"
    )
    with (tmp_path / "log").open("ab") as log:
        maker = Machine("maker", [sys.executable, "-c", call], log=log)
        other = Machine("other", [sys.executable, "-c", ASLEEP], log=log)
        maker.start()
        other.start()
        try:
            while not (tmp_path / "log").read_text().endswith("\n"):
                threading.Event().wait(0.02)
            port = int((tmp_path / "log").read_text())

            assert maker.has_port(port)
            assert not other.has_port(port)
        finally:
            maker.end()
            other.end()


def is_alive(pid: int) -> bool:
    """Whether the process runs, or will in a moment have ended."""
    for _look in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        threading.Event().wait(0.01)
    return True
