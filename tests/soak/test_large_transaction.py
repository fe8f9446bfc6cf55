"""A transaction as large as they come: 5,000 entries that refer to one another."""

import time

import pytest

from tests import make
from tests.caller import Caller, token

LIMIT = 5000
SECONDS = 5


def family(at, word, *, conditional):
    """A child, its registration, and three marks."""
    child, number = make.urn(), f"{word}-{at}"
    condition = {"ifNoneExist": f"identifier={make.TEST}|{number}"} if conditional else {}
    yield make.posted(make.patient(identifier=[make.identifier(number)]), child, **condition)
    about = make.reference(child)
    yield make.posted(make.episode("x", "keeper") | {"patient": about}, make.urn())
    for day in (8, 9, 10):
        yield make.posted(make.mark("x", "keeper", f"2025-09-{day:02d}") | {"subject": about}, make.urn())


@pytest.mark.soak
@pytest.mark.parametrize("conditional", [False, True], ids=["plain", "on condition"])
def test_a_transaction_of_5000_entries_is_done_in_5_seconds(new_database, serve, is_soak, conditional):
    limits = {"CHILDRECORD_BUNDLE_LIMIT": str(LIMIT), "CHILDRECORD_BODY_LIMIT": str(64 << 20)}
    with new_database() as url:
        app = serve(url, **limits)
        keeper = Caller(app, token(app, "keeper", "system/*.cruds"))
        keeper.put(make.organization("keeper"))
        word, count = make.word(), LIMIT if is_soak else LIMIT // 10
        families = (family(at, word, conditional=conditional) for at in range(count // 5))
        sent = make.bundle("transaction", *(entry for each in families for entry in each))
        began = time.process_time()
        answer = keeper.post(sent)
        # Of this process: the database's share is about half of it, and works beside it in part.
        spent = time.process_time() - began
        assert len(answer.entries) == count
        assert not is_soak or spent < SECONDS + 1
        assert keeper.search(f"Patient?identifier={word}-0").ids
        app.extensions["database"].close()
