"""Rules across the resources of a child are held against what there will be when the transaction is done."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import make

S = f"{make.B}/StructureDefinition"
CODES = f"{make.B}/CodeSystem"
OVERLAP, BEFORE = "ssda903-501", "ssda903-142"


@pytest.fixture
def academy(client_with):
    """A client of an agency whose agreement insists on the rules of every profile."""
    return client_with("academy")


@pytest.fixture
def pupil(suite):
    """The id of a child with whom the agency works."""
    return known_child(suite, "academy")


def known_child(suite, agency):
    id = make.word("child-")
    known = make.bundle("transaction", make.put(make.child(id=id)), make.posted(make.episode(id, agency)))
    assert suite.post(known).status == 200
    return id


def placement(pupil, start, end=None, **more):
    """A placement, open if it has no end."""
    said = {
        "legal-status": "C2",
        "placement-type": "U4",
        "placement-provider": "PR1",
        "category-of-need": "N1",
    }
    said |= {"reason-new-episode": "S", **({"reason-episode-ceased": "X1"} if end else {})}
    return make.episode(
        pupil,
        "academy",
        "placement",
        extension=[
            {
                "url": f"{S}/{name}",
                "valueCodeableConcept": make.concept(f"{make.B}/CodeSystem/cla-{name}", code),
            }
            for name, code in said.items()
        ],
        status="finished" if end else "active",
        period={"start": start, **({"end": end} if end else {})},
        **more,
    )


def ended(held, end):
    """The same placement, over."""
    over = placement("", held["period"]["start"], end)
    return {**held, **{name: over[name] for name in ("extension", "status", "period")}}


def rules(answer):
    told = (issue.get("details", {}).get("coding", ()) for issue in answer.json["issue"])
    return {coding["code"] for codings in told for coding in codings}


def test_two_placements_of_one_child_do_not_overlap(academy, pupil):
    assert academy.post(placement(pupil, "2025-01-06", "2025-03-01")).status == 201
    assert academy.post(placement(pupil, "2025-03-01", "2025-05-01")).status == 201
    refused = academy.post(placement(pupil, "2025-02-01", "2025-02-10"))
    assert refused.status == 422
    assert OVERLAP in rules(refused)
    assert refused.json["issue"][0]["expression"] == ["EpisodeOfCare.period"]


def test_another_childs_placement_is_no_matter(academy, pupil, suite):
    other = known_child(suite, "academy")
    assert academy.post(placement(pupil, "2025-01-06", "2025-03-01")).status == 201
    assert academy.post(placement(other, "2025-01-06", "2025-03-01")).status == 201


@pytest.mark.parametrize("ending_first", [True, False])
def test_a_transaction_is_judged_by_how_it_ends(academy, pupil, ending_first):
    held = academy.post(placement(pupil, "2025-01-06")).json
    following = make.posted(placement(pupil, "2025-03-01"))
    assert rules(academy.post(make.bundle("transaction", following))) == {BEFORE}
    ending = make.put(ended(held, "2025-03-01"))
    entries = (ending, following) if ending_first else (following, ending)
    assert academy.post(make.bundle("transaction", *entries)).status == 200


def test_two_entries_of_one_transaction_may_not_contradict_one_another(academy, pupil):
    entries = (
        make.posted(placement(pupil, "2025-01-06", "2025-03-01")),
        make.posted(placement(pupil, "2025-02-06", "2025-04-01")),
    )
    refused = academy.post(make.bundle("transaction", *entries))
    assert refused.status == 422
    assert OVERLAP in rules(refused)


def test_what_a_transaction_deletes_is_in_nobodys_way(academy, pupil):
    held = academy.post(placement(pupil, "2025-01-06", "2025-03-01"))
    gone = make.entry("DELETE", f"EpisodeOfCare/{held.id}")
    better = make.posted(placement(pupil, "2025-01-06", "2025-04-01"))
    assert academy.post(make.bundle("transaction", better, gone)).status == 200


def test_what_the_writer_may_not_see_is_told_by_no_rule(client_with, academy, pupil):
    assert academy.post(placement(pupil, "2025-01-06", "2025-03-01")).status == 201
    second = placement(pupil, "2025-02-01", "2025-02-10")
    assert academy.post(second).status == 422
    # The token of this one writes episodes and reads none.
    blind = client_with("academy", "system/EpisodeOfCare.c system/Patient.rs system/Organization.rs")
    assert blind.post(second).status == 201


def test_of_several_at_once_one_is_in_time(academy, pupil):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(academy.post, [placement(pupil, "2025-01-06", "2025-03-01")] * 4))
    assert sorted(answer.status for answer in answers) == [201, 422, 422, 422]
