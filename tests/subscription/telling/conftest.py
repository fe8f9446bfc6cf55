"""A record with a teller of its own, in this process: what is written is told to real listeners."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest
from flask import Flask

from server.store import wake
from server.subscription.dispatch import Dispatcher
from server.subscription.sending import Senders
from tests import make
from tests.caller import Caller, token
from tests.conftest import ACCESS, NewDatabase, Serve
from tests.soak.installation import free_port
from tests.subscription.telling.listener import Listener, MailServer, listening, mail_server

_SETTINGS = {
    "CHILDRECORD_LISTENER_NETWORKS": "127.0.0.0/8",
    "CHILDRECORD_LISTENER_TIMEOUT": "2",
    "CHILDRECORD_MAIL_DOMAINS": "council.example",
    "CHILDRECORD_MAIL_FROM": "record@council.example",
}


class Teller:
    """What the teller's process does, in two threads."""

    def __init__(self, app: Flask) -> None:
        door = app.extensions["door"]
        self.dispatcher = Dispatcher(door)
        self.senders = Senders(door, app.extensions["settings"])
        self._stopped = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.senders.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self.senders.stop()

    def _run(self) -> None:
        while not self._stopped.is_set():
            worked = self.dispatcher.work()
            if worked.told:
                self.senders.wake(worked.told)
            if not worked.rows and not worked.more and wake.wait(0.02):
                self.senders.wake()


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
def further() -> dict[str, str]:
    """Settings of a module's own."""
    return {}


@pytest.fixture(scope="module")
def record(
    new_database: NewDatabase, serve: Serve, mails: MailServer, further: dict[str, str]
) -> Iterator[Flask]:
    """The Organizations of its agencies are in it."""
    with new_database() as url:
        app = serve(
            url,
            **_SETTINGS,
            **further,
            CHILDRECORD_SMTP_URL=f"smtp://127.0.0.1:{mails.port}",
            CHILDRECORD_WEBSOCKET_PORT=str(free_port()),
        )
        suite = Caller(app, token(app, "suite", "system/*.cruds"))
        agencies = [make.put(make.organization(file.stem)) for file in sorted(ACCESS.glob("*.json"))]
        assert suite.post(make.bundle("transaction", *agencies)).status == 200
        app.extensions["suite"] = suite
        yield app
        app.extensions["database"].close()


@pytest.fixture(scope="module")
def teller(record: Flask) -> Iterator[Teller]:
    teller = Teller(record)
    teller.start()
    yield teller
    teller.stop()


@pytest.fixture(scope="module")
def writer(record: Flask) -> Caller:
    return record.extensions["suite"]


@pytest.fixture
def social_care(record: Flask) -> Caller:
    return Caller(record, token(record, "social-care", "system/*.cruds"))


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def child(writer: Caller) -> str:
    """The id of a child with whom the school and social care work."""
    id = make.word("child-")
    episodes = (
        make.posted(make.episode(id, agency, kind))
        for agency, kind in (("school", "registration"), ("social-care", "child-in-need"))
    )
    assert writer.post(make.bundle("transaction", make.put(make.child(id=id)), *episodes)).status == 200
    return id
