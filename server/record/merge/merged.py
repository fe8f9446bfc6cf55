"""What cannot be done to Patients that are one child: first the merge is undone."""

from server.fhir.issue import Merged
from server.store.row import MERGED


def refuse(type_: str, id_: str, child: int, rid: int, bits: int, letter: str) -> None:
    """See to it that a Patient may be changed (`u`) or deleted (`d`).

    Raises:
        Merged: it stays as it is.
    """
    if type_ != "Patient":
        return
    if child != rid:
        raise Merged(
            f"Patient/{id_} was merged into another Patient, to which its link leads: change that one, or "
            "undo the merge."
        )
    if letter == "d" and bits & MERGED:
        raise Merged(f"Other Patients were merged into Patient/{id_}: undo the merge first.")
