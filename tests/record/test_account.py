"""Who looked is a record too: every act leaves one line, and every change one for subscribers."""

import pytest
from sqlalchemy import select

from server.fhir.identifier import NHS_NUMBER
from server.store import tables as t
from tests import make


@pytest.fixture
def lines(app, client_with):
    """What a client of its own did since the fixture was made: `lines(client)`."""

    def found(word):
        with app.extensions["database"].autocommit() as connection:
            columns = (
                t.audit.c.interaction,
                t.audit.c.outcome,
                t.audit.c.hits,
                t.audit.c.child,
                t.audit.c.query,
            )
            # Every client was given a token first.
            own = (t.audit.c.client == word, t.audit.c.interaction != "token")
            return connection.execute(select(*columns).where(*own).order_by(t.audit.c.id)).all()

    return found


@pytest.fixture
def anyone(client_with):
    """A client of the suite's that nobody else is, and its id."""
    caller = client_with("suite", other=True)
    return caller, caller.client


def rid(app, path):
    type_, id = path.split("/")
    with app.extensions["database"].autocommit() as connection:
        own = (t.locator.c.type == app.extensions["door"].library.type_number(type_), t.locator.c.id == id)
        return connection.execute(select(t.locator.c.rid).where(*own)).scalar_one()


def test_every_act_leaves_a_line_with_what_came_of_it(app, suite, anyone, lines):
    caller, name = anyone
    made = suite.post(make.patient()).id
    path, new, one = f"Patient/{made}", f"Patient/{make.word()}", rid(app, f"Patient/{made}")
    acts = [
        (lambda: caller.get(path), "read", 200, [one]),
        (lambda: caller.get("Patient/nobody"), "read", 404, []),
        (lambda: caller.get(f"{path}/_history/1"), "vread", 200, [one]),
        (lambda: caller.get(f"{path}/_history/9"), "vread", 404, []),
        (lambda: caller.get(f"{path}/_history"), "history", 200, [one]),
        (lambda: caller.search(f"Patient?_id={made}"), "search", 200, [one]),
        (lambda: caller.search("Patient?_id=nobody"), "search", 200, []),
        (lambda: caller.put(make.patient(id=made)), "update", 200, [one]),
        (lambda: caller.put({"resourceType": "Patient", "id": made, "x": 1}), "update", 400, []),
        (lambda: caller.put(make.patient(id=made), If_Match="7"), "update", 412, []),
        (lambda: caller.post({"resourceType": "Patient", "x": 1}), "create", 400, []),
        (lambda: caller.delete("Patient/nobody"), "delete", 404, []),
        (lambda: caller.delete(path), "delete", 204, [one]),
        (lambda: caller.get(path), "read", 404, []),
        (lambda: caller.put(make.patient(id=new.split("/")[1])), "create", 201, None),
    ]
    for act, interaction, outcome, hits in acts:
        before = len(lines(name))
        act()
        [line] = lines(name)[before:]
        assert (line.interaction, line.outcome) == (interaction, outcome)
        assert hits is None or list(line.hits) == hits


def test_a_search_that_found_several_children_names_each(app, anyone, suite, lines):
    caller, name = anyone
    tag = make.word()
    ids = [suite.post(make.patient(meta=make.tagged(tag))).id for _ in range(3)]
    caller.search(f"Patient?_tag={tag}&_count=2")
    [line] = lines(name)
    assert len(line.hits) == 2
    with app.extensions["database"].autocommit() as connection:
        asked = (t.audit.c.client == name, t.audit.c.interaction == "search")
        own = select(t.audit.c.id).where(*asked).scalar_subquery()
        named = (
            connection.execute(select(t.audit_child.c.child).where(t.audit_child.c.id == own)).scalars().all()
        )
    assert set(named) >= set(line.hits)
    assert set(named) <= {rid(app, f"Patient/{id}") for id in ids}


def test_what_a_search_brings_along_is_accounted_for_too(app, anyone, suite, lines):
    caller, name = anyone
    patient = suite.post(make.patient()).id
    observation = suite.post(make.observation(patient)).id
    caller.search(f"Patient?_id={patient}&_revinclude=Observation:patient")
    assert [rid(app, f"Observation/{observation}")] in [list(line.hits) for line in lines(name)]


def test_a_trace_is_accounted_for_and_so_is_one_that_fails(app, client_with, suite, lines):
    newcomer = client_with("newcomer", other=True)
    sent = make.child()
    id = suite.post(sent).id
    number = sent["identifier"][0]["value"]
    newcomer.search(f"Patient?identifier={NHS_NUMBER}|{number}&birthdate=2014-03-15")
    newcomer.search(f"Patient?identifier={NHS_NUMBER}|{number}&birthdate=2014-03-14")
    told = [(line.interaction, list(line.hits)) for line in lines(newcomer.client)]
    assert told.count(("trace", [rid(app, f"Patient/{id}")])) == 1
    assert len(told) == 3


def test_a_refusal_for_want_of_rights_is_accounted_for(client_with, lines):
    narrow = client_with("school", "system/Patient.r", other=True)
    narrow.get("Patient?name=x")
    narrow.post(make.patient())
    narrow.get("Observation/x")
    assert [line.outcome for line in lines(narrow.client)] == [403, 403, 403]


def test_subscribers_are_told_of_every_change_and_of_nothing_that_was_rolled_back(app, suite):
    made = suite.post(make.patient())
    suite.put(make.patient(id=made.id, active=True))
    refused = make.posted({"resourceType": "Patient", "x": 1})
    assert suite.post(make.bundle("transaction", make.put(make.patient(id=made.id)), refused)).status == 400
    suite.delete(f"Patient/{made.id}")
    with app.extensions["database"].autocommit() as connection:
        told = select(t.outbox.c.interaction, t.outbox.c.version).where(
            t.outbox.c.rid == rid(app, f"Patient/{made.id}")
        )
        lines = connection.execute(told.order_by(t.outbox.c.version)).all()
    assert [tuple(line) for line in lines] == [("create", 1), ("update", 2), ("delete", 3)]
