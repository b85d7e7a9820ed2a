"""A host on this machine that behaves well or badly, and what it has to give."""

import io
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any

BATCHES = {name: (name * 9000).encode() for name in ("batches.meta", "data_batch_1", "test_batch")}


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=0) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


CONTENT = {
    "archive": pack({"readme.html": b"CIFAR-10", **BATCHES}),
    "weights": bytes(range(256)) * 2000,
}


class Handler(BaseHTTPRequestHandler):
    """Behave as the first part of the path says."""

    server: "Host"

    def do_GET(self) -> None:
        _, manner, name = self.path.split("/")
        self.server.asked.append((manner, name))
        body = CONTENT[name]
        if manner in ("404", "429"):
            return self.send_error(int(manner))
        if manner == "mute":
            self.server.ended.wait(30)
            return None
        if manner == "wrong":
            body = body[:-1] + b"?"
        if manner == "page":
            body = b"<html>Please log in to this network</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manner in ("cut", "stall"):
            body = body[: len(body) // 2]
        self.wfile.write(body)
        if manner == "stall":
            self.server.ended.wait(30)
        return None

    def log_message(self, *arguments: Any) -> None:
        pass


class Host(ThreadingHTTPServer):
    """A host on this machine that remembers what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str]] = []
        self.ended = Event()

    def handle_error(self, *arguments: Any) -> None:
        """Keep quiet about clients that hang up, as they should on a slow host."""

    def url(self, manner: str, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{manner}/{name}"
