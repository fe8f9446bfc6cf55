"""What is due taken out for good, child by child, unless a legal hold lies on it.

What stays may have referred to it: that does not hold it back, and a reference then leads nowhere.
"""

from dataclasses import dataclass
from datetime import date

from server.access.access import Access
from server.child.retention.due import Until
from server.child.retention.survey import OfChild, Survey
from server.record import expunge
from server.record.door import Door
from server.record.record import Record
from server.store import holds
from server.store.expunge import find


@dataclass(frozen=True, slots=True)
class Disposed:
    """What became of a child: how many resources went, how many a hold keeps, whether the child went too."""

    gone: int = 0
    held: int = 0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Disposal:
    """What is due on a day, of one authority's writing or (None) of all, taken out for a reason."""

    door: Door
    access: Access
    survey: Survey
    authority: str | None
    today: date
    reason: str

    def of(self, child: int) -> Disposed:
        """Take out what is due of a child, in a transaction of its own."""
        with self.door.database.transaction() as transaction:
            record = Record(self.door, transaction, self.access)
            record.begin()
            # A hold that is placed meanwhile waits, and finds nothing to lie on.
            holds.alone(record.connection)
            for each in self.survey.of(record.connection, [child]):
                return self._of(record, each)
        return Disposed()

    def due(self, of_child: OfChild) -> list[Until]:
        """What is due of a child; what nobody's rights file speaks of any more is anybody's."""
        found = of_child.due(self.today, self.survey.patient)
        own = (self.authority, None)
        mine = [each for each in found if self.authority is None or each.authority in own]
        if len(mine) == len(of_child.kept):
            return mine
        return [each for each in mine if each.held.type != self.survey.patient]

    def _of(self, record: Record, of_child: OfChild) -> Disposed:
        due = self.due(of_child)
        held = of_child.held_back(holds.of_children(record.connection, [of_child.child]))
        free = [each.held for each in due if each.held.rid not in held]
        whole = len(free) == len(of_child.kept)
        if not whole:
            free = [each for each in free if each.type != self.survey.patient]
        if not free:
            return Disposed(held=len(due))
        places = find.places(record.connection, [(each.type, each.id) for each in free])
        planned = expunge.plan(record, places, expunge.KEEP)
        authorities = {each.authority for each in due}
        if expunge.in_the_way(record, planned, authorities, of_child.classes):
            # What goes with it is held, though it is not.
            return Disposed(held=len(due))
        said = f"retention, as of {self.today}"
        expunge.carry_out(record, planned, self.reason, said, child=of_child.child)
        record.settle()
        return Disposed(len(planned.named), len(due) - len(free), whole)
