"""`childrecord database reindex`, beside a server or alone."""

from server.record import reindex
from tests import make
from tests.caller import Caller, token


def test_the_operator_sees_how_far_it_is_and_helps(childrecord, database_url, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(reindex, "GRACE", reindex.GRACE * 0)
    app = serve(database_url)
    admin = Caller(app, token(app, "suite", "system/*.cruds"))
    id_ = admin.post(make.patient(language="cy")).id
    definition = make.search_parameter("tongue", "Patient", "token", "Patient.language")
    assert admin.put(definition).status == 201
    given = {"CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DATA": str(tmp_path)}
    told = childrecord("database", "reindex", "--status", **given)
    assert "SearchParameter/Patient-tongue: waiting, 0 %" in told.output, told
    told = childrecord("database", "reindex", **given)
    assert "SearchParameter/Patient-tongue: done, 100 %, 1 resources" in told.output, told
    app.extensions["door"].parameters.forget()
    assert admin.search("Patient?tongue=cy").ids == [id_]
    told = childrecord("database", "reindex", "--all", **given)
    assert "Everything: done, 100 %" in told.output, told
    app.extensions["database"].close()
