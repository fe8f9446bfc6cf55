"""`childrecord database reindex`: the index renewed, and how far it is."""

from threading import Event

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from server.cli.connect import connected
from server.cli.say import console, step
from server.interaction.opening import door
from server.record import reindex as work
from server.record.door import Door
from server.settings import settings
from server.store import reindex as jobs
from server.store.database import Database

_PAUSE = 0.2


def run(*, whole: bool, ask: bool) -> None:
    """Do what is left; `whole`: everything. `ask`: only say how it stands."""
    with connected() as database:
        opened = door(settings(), database)
        if whole and not ask:
            with database.begin() as connection:
                work.leave_everything(opened, connection)
        if not ask:
            _work(opened)
        _tell(database)


def _work(opened: Door) -> None:
    """Help until nothing is left, whoever does it."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    pause, shown = Event(), dict[str, TaskID]()
    with Progress(*columns, console=console) as progress:
        while work.is_open(opened):
            for job in _jobs(opened.database):
                if job.id not in shown:
                    shown[job.id] = progress.add_task(_name(job), total=None)
                progress.update(shown[job.id], completed=job.work.done, total=job.work.total)
            if work.step(opened) is None:
                pause.wait(_PAUSE)


def _tell(database: Database) -> None:
    for job in _jobs(database):
        step(f"{_name(job)}: {job.status}, {job.percent} %, {job.work.done} resources.")
    if not _jobs(database):
        step("Nothing was ever left to be indexed.")


def _jobs(database: Database) -> list[jobs.Job]:
    with database.autocommit() as connection:
        return jobs.every(connection)


def _name(job: jobs.Job) -> str:
    return f"SearchParameter/{job.work.of}" if job.work.of else "Everything"
