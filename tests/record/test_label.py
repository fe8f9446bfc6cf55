"""A label reaches what was being written about the child when it was set."""

import threading

from server.store import jobs
from tests import make


def test_what_is_written_while_a_child_is_labelled_is_restricted_too(suite, app, monkeypatch):
    database = app.extensions["database"]
    child = suite.put(make.child(id=make.word("child-")))
    begun, labelled = threading.Event(), threading.Event()
    settle = jobs.restrict_rest

    def late(*arguments):
        labelled.set()
        settle(*arguments)

    monkeypatch.setattr(jobs, "restrict_rest", late)

    def slow_writer():
        with database.begin() as connection:
            connection.exec_driver_sql("SELECT pg_current_xact_id()")
            begun.set()
            assert labelled.wait(20)
            connection.exec_driver_sql(
                "INSERT INTO resource SELECT child, -7, last_updated, date_low, date_high, 1, 96, author, 0, "
                "0, shared, 'late', tok, sorts, body FROM resource_patient WHERE id = %s",
                (child.id,),
            )

    writer = threading.Thread(target=slow_writer)
    writer.start()
    assert begun.wait(20)
    assert suite.put({**child.json, "meta": make.labelled("V")}).status == 200
    writer.join()
    with database.autocommit() as connection:
        late_one = "SELECT restriction FROM resource_observation WHERE rid = -7"
        assert connection.exec_driver_sql(late_one).scalar_one() == 2
        left = "SELECT count(*) FROM job WHERE kind = 'restrict'"
        assert connection.exec_driver_sql(left).scalar_one() == 0
