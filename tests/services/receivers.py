"""Subscribers on loopback for tests: HTTP servers that note what they get and answer as they are told."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request."""

    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes
    path: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def case(self) -> str:
        found: str = json.loads(self.body)["subject"]
        return found

    @property
    def position(self) -> int:
        return int(json.loads(self.body)["sequence"])


Answer: TypeAlias = tuple[int, Mapping[str, str], bytes]
OK: Final[Answer] = (204, {}, b"")


@dataclass(slots=True, kw_only=True)
class Receiver:
    answer: Callable[[Got], Answer]
    got: list[Got] = field(default_factory=list)
    port: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def note(self, got: Got) -> Answer:
        with self.changed:
            self.got.append(got)
            self.changed.notify_all()
        return self.answer(got)

    def await_count(self, count: int, *, seconds: float = 60) -> list[Got]:
        """The requests so far, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, seconds), f"got {len(self.got)} of {count}"
            return list(self.got)


@contextmanager
def receiving(answer: Callable[[Got], Answer] = lambda _: OK) -> Iterator[Receiver]:
    receiver = Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, sent, content = receiver.note(Got(headers=headers, body=body, path=self.path))
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **sent}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that hangs up is what some tests are about."""
