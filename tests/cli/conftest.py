"""The command line, called in this process on the module's database."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from server.cli.main import cli
from server.settings import settings


@pytest.fixture
def childrecord(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Runs `childrecord …` with an environment of its own."""

    def run(*arguments: str, **environment: str) -> Result:
        for name, value in {"DATABASE_URL": database_url, **environment}.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        return CliRunner().invoke(cli, arguments)

    yield run
    settings.cache_clear()
