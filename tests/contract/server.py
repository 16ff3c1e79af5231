"""The real server in a process of its own, on a database with somebody in every role and cases in many states."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from tests.faults import stage
from workflows.core.documents import Role
from workflows.services.settings import WEBHOOK_NETWORKS_VARIABLE

HOOK: Final = "http://127.0.0.1:9/hook"
"""Where nobody listens, so that nothing that is delivered leaves the machine."""
START_SECONDS: Final = 30.0


def bearer(role: Role) -> str:
    """The header for a key of the stage, whose secret is the name of its role."""
    return f"Bearer {role.value}"


def prepare(url: str, communes: int) -> list[str]:
    """Keys for all roles, figures, and cases of three workflows in many states; returns codes of communes."""
    found = stage.communes(url, communes)
    stage.populate(url, found)
    with stage.running(url) as engine:
        members = stage.awaiting_approval(engine, found[: communes // 2])
        stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.listing(members[:2])])
        hotspots = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.hotspot(code) for code in found])
        suppressed = hotspots[::2]
        stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.suppress(case) for case in suppressed])
        stage.all_accepted(engine, Role.DISTRICT_POLICE, [stage.relapse(case) for case in suppressed[::2]])
        # Refused, so that there are attempts to be read.
        for refused in [stage.send(engine, Role.COMMUNE_OFFICER, stage.suppress(case)) for case in hotspots]:
            stage.answer(refused)
    return found


@contextmanager
def serving(url: str) -> Iterator[str]:
    """Address of a server on the database, its clock standing where the stage's stands."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, WEBHOOK_NETWORKS_VARIABLE: "127.0.0.0/8"}
    process = subprocess.Popen([sys.executable, "-m", __name__, url, str(port)], env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(f"{address}/readyz", process)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client() as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
    raise RuntimeError(f"the server is not ready; exit code {process.poll()}")


def main() -> None:
    """Serve until SIGTERM; arguments: the URL of the database and the port."""
    import structlog  # noqa: PLC0415 - only the process that serves

    from api.server import run  # noqa: PLC0415 - see above
    from workflows.services.engine import Engine  # noqa: PLC0415 - see above

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    engine = Engine.start(sys.argv[1], clock=stage.clock)
    run(engine, socket.create_server(("127.0.0.1", int(sys.argv[2]))))


if __name__ == "__main__":
    main()
