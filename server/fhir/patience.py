"""How much is done at most for what others ask: steps are counted, as clocks go at different speeds."""

from server.fhir.issue import TooCostly


class Patience:
    """What is left of it. One goes with all that is done for one question."""

    __slots__ = ("_left", "_told")

    def __init__(self, steps: int, told: str) -> None:
        self._left = steps
        self._told = told

    def spend(self, steps: int) -> None:
        """Some steps are done.

        Raises:
            TooCostly: it has run out.
        """
        self._left -= steps
        if self._left < 0:
            raise TooCostly(self._told)
