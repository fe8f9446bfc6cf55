"""What is compiled before the workers are forked."""

import json

from server.definition.folder import profiles
from server.definition.library import library
from server.record.warm import warm
from server.validation.validate import validate


def test_what_the_examples_need_is_compiled_and_nothing_of_them_is_kept(app, suite):
    memo = library().memo
    kept = dict(memo)
    memo.clear()
    try:
        assert not memo
        warm(app.extensions["door"])
        warmed = set(memo)
        assert warmed
        mark = json.loads((profiles() / "example" / "SchoolAttendance-late.json").read_text())
        assert validate(mark, tuple(mark["meta"]["profile"] if "meta" in mark else ())) == []
        assert set(memo) == warmed
        assert suite.get(f"Observation/{mark['id']}").status == 404
    finally:
        memo.update(kept)
