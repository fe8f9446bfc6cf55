"""What a moment of the database knows as committed, in numbers of transactions: exact, however late one
commits.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every transaction before `until` is over, save those that were `running`."""

    until: int
    running: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """From PostgreSQL's own form, `xmin:xmax:xip,…`.

        Raises:
            ValueError: it is not of that form.
        """
        _, until, running = text.split(":")
        return cls(int(until), tuple(int(each) for each in running.split(",") if each))

    def __str__(self) -> str:
        return f"{min(self.running, default=self.until)}:{self.until}:{','.join(map(str, self.running))}"

    def sees(self, xid: int) -> bool:
        """Whether what this transaction wrote was there."""
        return xid < self.until and xid not in self.running

    def before(self, xid: int) -> "Snapshot":
        """The same, of what is older than a transaction."""
        if xid >= self.until:
            return self
        return Snapshot(xid, tuple(each for each in self.running if each < xid))


BEGINNING = Snapshot(-(2**62))
"""Before any transaction, those included that migrations made up for what is older than the seals."""
