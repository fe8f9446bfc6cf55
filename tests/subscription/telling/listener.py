"""Real listeners: an HTTP server and a mail server, that keep what they are sent and can misbehave."""

import json
import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any

PATIENCE = 10.0


@dataclass(frozen=True)
class Heard:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def status(self) -> dict[str, Any]:
        """The parameters of the SubscriptionStatus, by name; of events their parts."""
        found: dict[str, Any] = {"events": []}
        for each in self.json["entry"][0]["resource"]["parameter"]:
            if each["name"] == "notification-event":
                found["events"].append({part["name"]: value_of(part) for part in each["part"]})
            else:
                found[each["name"]] = value_of(each)
        return found

    @property
    def kind(self) -> str:
        return self.status["type"]

    @property
    def numbers(self) -> list[int]:
        return [int(each["event-number"]) for each in self.status["events"]]


def value_of(parameter: dict[str, Any]) -> Any:
    return next(value for name, value in parameter.items() if name.startswith("value"))


@dataclass
class Listener:
    """`answer`: the status of each request, by the count of those before."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answer: Callable[[int], int] = lambda _: 200
    stalled: Event = field(default_factory=Event)
    changed: Condition = field(default_factory=Condition)
    asked: int = 0

    def wait(self, enough: Callable[["Listener"], Any], seconds: float = PATIENCE) -> "Listener":
        """Until something is so."""
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self), seconds), [
                (each.method, each.path, each.body[:300]) for each in self.heard
            ]
        return self

    @property
    def events(self) -> list[Heard]:
        return [each for each in self.heard if each.body and each.kind == "event-notification"]

    @property
    def numbers(self) -> list[int]:
        return [number for each in self.events for number in each.numbers]


@contextmanager
def listening() -> Iterator[Listener]:
    """An HTTP server on a port of its own."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with listener.changed:
                place, listener.asked = listener.asked, listener.asked + 1
                listener.changed.notify_all()
            while listener.stalled.is_set():
                time.sleep(0.01)
            status = listener.answer(place)
            with listener.changed:
                if 200 <= status < 300:
                    heard = Heard(self.command, self.path, dict(self.headers.items()), body)
                    listener.heard.append(heard)
                listener.changed.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_POST = do_PUT = do_GET = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            return None

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            return None

    with Server(("127.0.0.1", 0), Handler) as server:
        listener.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield listener
        listener.stalled.clear()
        server.shutdown()
        thread.join()


@dataclass
class MailServer:
    """What came, each with its envelope."""

    port: int = 0
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A server of SMTP (RFC 5321) that takes everything."""
    kept = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            sender = to = ""
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                match line.split(":")[0].upper():
                    case "MAIL FROM":
                        sender = line.partition("<")[2].partition(">")[0]
                    case "RCPT TO":
                        to = line.partition("<")[2].partition(">")[0]
                    case "DATA":
                        self.say("354 go on")
                        lines = iter(self.rfile.readline, b".\r\n")
                        with kept.changed:
                            kept.mails.append((sender, to, b"".join(lines)))
                            kept.changed.notify_all()
                    case "QUIT":
                        self.say("221 bye")
                        return
                self.say("250 ok")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield kept
        server.shutdown()
        thread.join()
