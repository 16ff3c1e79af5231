"""The process around the application: how it ends."""

import signal
import socket
import subprocess
import sys
import time
from typing import Final

import httpx
import pytest

from tests.api.conftest import check_problem

PROGRAM: Final = """
import socket, sys
from api.server import run
from workflows.services.engine import Engine

engine = Engine.start(sys.argv[1])
run(engine, socket.create_server(("127.0.0.1", int(sys.argv[2]))))
"""
DYING: Final = PROGRAM.replace(
    "run(engine,",
    """
import threading
from workflows.store.submissions import Submission

engine.writer._carry_out = None
threading.Timer(1, lambda: engine.submit(Submission(commands=()))).start()
run(engine,""",
)
"""The writer fails at its first work, while the server runs."""
WAIT_SECONDS: Final = 30


def started(program: str, url: str) -> tuple[subprocess.Popen[str], str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", program, url, str(port)], stderr=subprocess.PIPE, text=True)
    return process, f"http://127.0.0.1:{port}"


def wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    with httpx.Client() as client:
        while True:
            try:
                assert client.get(f"{address}/readyz").status_code == httpx.codes.OK
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(sqlite_url: str, number: signal.Signals) -> None:
    process, address = started(PROGRAM, sqlite_url)
    wait_until_ready(address)
    answer = httpx.get(f"{address}/api/v1/cases")
    check_problem(answer, 401, "unauthorized")
    assert "server" not in answer.headers
    process.send_signal(number)
    _, said = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, said


def test_it_does_not_outlive_its_writer(sqlite_url: str) -> None:
    process, address = started(DYING, sqlite_url)
    try:
        wait_until_ready(address)
        _, said = process.communicate(timeout=WAIT_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert "the writer died" in said
