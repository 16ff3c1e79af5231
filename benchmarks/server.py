"""The real server for a measurement: `workflows serve` in a process of its own, its log going to a file."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from workflows.services.settings import RATE_LIMIT_VARIABLE

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 30.0
_PROGRAM: Final = Path(sys.executable).with_name("workflows")


@contextmanager
def served(url: str, log: Path) -> Iterator[int]:
    """The port of a server on the database, one process; its log is appended to the file.

    Raises:
        RuntimeError: it does not answer in time; with the end of the log.
    """
    port = _free_port()
    command = [str(_PROGRAM), "serve", "--database", url, "--host", "127.0.0.1", "--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, RATE_LIMIT_VARIABLE: "0"})
    try:
        _await_answer(process, port, log)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _await_answer(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    message = f"the server does not answer:\n{log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)
