"""References lead somewhere, for the agencies whose rights say so.

https://hl7.org/fhir/R4/http.html#delete
"""

import pytest

from tests import make
from tests.make import reference
from tests.record.test_race import at_once


@pytest.fixture(scope="module")
def keeper(client_with):
    """May do everything, and leaves no reference in the air."""
    return client_with("keeper")


def made(caller, resource):
    """`Type/id` of a new resource."""
    return f"{resource['resourceType']}/{caller.post(resource).id}"


def organization(**more):
    return {"resourceType": "Organization", "name": "x", **more}


def communication(visit):
    """A resource of a type that social care has no right to."""
    about = reference(f"Encounter/{visit}")
    return {"resourceType": "Communication", "status": "completed", "encounter": about}


def by_search_parameter(to):
    return organization(partOf=reference(to))


def by_extension(to):
    return organization(extension=[{"url": "https://example.org/e", "valueReference": reference(to)}])


def by_contained(to):
    held = {"resourceType": "Organization", "id": "p", "name": "Held", "partOf": reference(to)}
    return organization(contained=[held], partOf=reference("#p"))


def by_an_element_that_no_parameter_covers(to):
    visit = {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}}
    return {**visit, "hospitalization": {"origin": reference(to)}}


def by_an_address(to):
    return by_extension(f"http://127.0.0.1:8000/fhir/{to}")


def by_a_version(to):
    return by_extension(f"{to}/_history/1")


WAYS = [
    by_search_parameter,
    by_extension,
    by_contained,
    by_an_element_that_no_parameter_covers,
    by_an_address,
    by_a_version,
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_referred_to_is_not_deleted_before_the_reference_is(keeper, way):
    target = made(keeper, organization())
    referrer = made(keeper, way(target))
    refused = keeper.delete(target)
    assert (refused.status, refused.code) == (409, "conflict")
    assert referrer in refused.text
    assert keeper.get(target).version == "1"
    assert keeper.delete(referrer).status == 204
    assert keeper.delete(target).status == 204


def test_a_version_that_refers_no_more_is_in_nobodys_way(keeper):
    target = made(keeper, organization())
    for way in (by_search_parameter, by_extension):
        id = keeper.post(way(target)).id
        assert keeper.put(organization(id=id)).status == 200
    assert keeper.delete(target).status == 204


def test_a_resource_that_refers_to_itself_may_go(keeper):
    id = make.word()
    assert keeper.put(organization(id=id, partOf=reference(f"Organization/{id}"))).status == 201
    assert keeper.delete(f"Organization/{id}").status == 204


@pytest.mark.parametrize(
    "about",
    [
        lambda child: make.observation(child),
        lambda child: make.linkage(f"Patient/{child}"),
        lambda child: make.patient(link=[{"other": reference(f"Patient/{child}"), "type": "seealso"}]),
        lambda child: by_extension(f"Patient/{child}"),
    ],
    ids=["subject", "no child's", "link", "extension"],
)
def test_a_child_of_whom_anything_speaks_stays(keeper, about):
    child = keeper.post(make.patient()).id
    referrer = made(keeper, about(child))
    assert keeper.delete(f"Patient/{child}").status == 409
    assert keeper.delete(referrer).status == 204
    assert keeper.delete(f"Patient/{child}").status == 204


def test_a_provenance_outlives_what_it_tells_of(keeper):
    target = made(keeper, organization())
    told = {
        "resourceType": "Provenance",
        "target": [reference(target)],
        "recorded": "2025-01-01T00:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    assert keeper.post(told).status == 201
    assert keeper.delete(target).status == 204


def test_what_the_caller_may_not_see_holds_too_and_is_not_named(keeper, social_care, suite, child):
    visit = social_care.post(make.encounter(child, "social-care")).id
    hidden = suite.post(
        {"resourceType": "Communication", "status": "completed", "encounter": reference(f"Encounter/{visit}")}
    )
    refused = social_care.delete(f"Encounter/{visit}")
    assert refused.status == 409
    assert hidden.id not in refused.text
    assert keeper.delete(f"Communication/{hidden.id}").status == 204
    assert social_care.delete(f"Encounter/{visit}").status == 204


def test_an_agency_without_integrity_deletes_what_is_referred_to(suite):
    target = made(suite, organization())
    made(suite, by_search_parameter(target))
    assert suite.delete(target).status == 204


@pytest.mark.parametrize("asked", [{"path": "?_cascade=delete"}, {"X_Cascade": "delete"}])
def test_a_cascade_takes_along_what_refers_to_it(keeper, asked):
    headers = {name: value for name, value in asked.items() if name != "path"}
    target = made(keeper, organization())
    first = [made(keeper, way(target)) for way in (by_search_parameter, by_extension)]
    second = made(keeper, by_search_parameter(first[0]))
    assert keeper.delete(target + asked.get("path", ""), **headers).status == 204
    assert [keeper.get(each).status for each in (target, *first, second)] == [410] * 4


def test_a_cascade_takes_nothing_that_the_caller_may_not_delete(keeper, social_care, suite, child):
    visit = social_care.post(make.encounter(child, "social-care")).id
    seen = suite.post(make.linkage(f"Encounter/{visit}")).id
    unseen = {
        "resourceType": "Communication",
        "status": "completed",
        "encounter": reference(f"Encounter/{visit}"),
    }
    for other in (f"Linkage/{seen}", f"Communication/{suite.post(unseen).id}"):
        refused = social_care.delete(f"Encounter/{visit}?_cascade=delete")
        assert refused.status in (403, 409)
        assert suite.get(f"Encounter/{visit}").version == "1"
        assert suite.delete(other).status == 204
    assert social_care.delete(f"Encounter/{visit}?_cascade=delete").status == 204


def test_a_cascade_takes_nothing_that_the_same_transaction_wrote(keeper):
    target = make.word()
    keeper.put(organization(id=target))
    sent = [
        make.entry("DELETE", f"Organization/{target}?_cascade=delete"),
        make.put(organization(id=make.word())),
    ]
    assert keeper.post(make.bundle("transaction", *sent)).status == 200
    assert keeper.get(f"Organization/{target}").status == 410


def test_what_refers_to_one_another_goes_together(keeper):
    one, other = make.word(), make.word()
    pair = [
        make.put(organization(id=one, partOf=reference(f"Organization/{other}"))),
        make.put(organization(id=other, partOf=reference(f"Organization/{one}"))),
    ]
    assert keeper.post(make.bundle("transaction", *pair)).status == 200
    assert keeper.delete(f"Organization/{one}").status == 409
    gone = [make.entry("DELETE", f"Organization/{id}") for id in (one, other)]
    assert keeper.post(make.bundle("transaction", *gone)).status == 200
    assert keeper.get(f"Organization/{one}").status == 410


def test_a_deletion_and_the_last_reference_to_it_may_go_in_one_transaction(keeper):
    target = keeper.post(organization()).id
    referrer = keeper.post(by_search_parameter(f"Organization/{target}")).id
    sent = [make.entry("DELETE", f"Organization/{target}"), make.put(organization(id=referrer))]
    assert keeper.post(make.bundle("transaction", *sent)).status == 200


def test_a_transaction_cannot_refer_to_what_it_deletes(keeper):
    target = keeper.post(organization()).id
    sent = [
        make.entry("DELETE", f"Organization/{target}"),
        make.posted(by_search_parameter(f"Organization/{target}")),
    ]
    refused = keeper.post(make.bundle("transaction", *sent))
    assert (refused.status, refused.code) == (422, "not-found")
    assert keeper.get(f"Organization/{target}").status == 200


def test_circular_references_in_one_transaction_work(keeper):
    one, other = make.urn(), make.urn()
    answer = keeper.post(
        make.bundle(
            "transaction",
            make.posted(by_search_parameter(other), one),
            make.posted(by_extension(one), other),
        )
    )
    a, b = ("/".join(each["response"]["location"].split("/")[-4:-2]) for each in answer.entries)
    assert keeper.get(a).json["partOf"] == reference(b)
    assert keeper.get(b).json["extension"][0]["valueReference"] == reference(a)


@pytest.mark.parametrize(
    "text", ["Organization/nowhere", "Patient/nobody", "http://127.0.0.1:8000/fhir/Location/x"]
)
def test_what_is_written_refers_to_what_is_there(keeper, text):
    refused = keeper.post(by_extension(text))
    assert (refused.status, refused.code) == (422, "not-found")


@pytest.mark.parametrize(
    "name",
    [
        "urn:uuid:7b8f5c1e-0000-4000-8000-000000000001",
        "URN:oid:1.2.3",
        "Organization",
        "Organization/",
        "Nothing/1",
        "nowhere",
        "#nothing",
        "/Organization/1",
    ],
)
def test_what_can_lead_to_nothing_is_refused(keeper, suite, name):
    sent = by_search_parameter(name)
    for body in (sent, make.bundle("transaction", make.posted(sent, make.urn()))):
        refused = keeper.post(body)
        assert (refused.status, refused.code) == (422, "not-found")
        assert name in refused.text
    [answer] = keeper.post(make.bundle("batch", make.posted(sent))).entries
    assert answer["response"]["status"].startswith("422")
    # A document's entries are its own, and an agency without integrity may leave anything in the air.
    entry = {"fullUrl": make.urn(), "resource": sent}
    assert (
        keeper.post(
            {"resourceType": "Bundle", "type": "collection", "entry": [entry]},
        ).status
        == 201
    )
    assert suite.post(sent).status == 201


def test_a_condition_leads_to_something_in_a_transaction_and_nowhere_else(keeper):
    word = make.word()
    keeper.post(organization(identifier=[make.identifier(word)]))
    sent = by_search_parameter(f"Organization?identifier={make.TEST}|{word}")
    assert keeper.post(make.bundle("transaction", make.posted(sent))).status == 200
    refused = keeper.post(sent)
    assert (refused.status, refused.code) == (422, "not-found")
    assert word not in refused.text


@pytest.mark.parametrize("to", [{"reference": "https://elsewhere.example/Organization/1"}, {"display": "x"},
                                {"identifier": {"system": make.TEST, "value": "1"}}])  # fmt: skip
def test_what_is_elsewhere_or_only_named_need_not_be_here(keeper, to):
    assert keeper.post(organization(partOf=to)).status == 201


def test_whoever_comes_first_nothing_is_left_in_the_air(keeper):
    for _ in range(5):
        target = made(keeper, organization())
        answers = at_once(
            lambda at, to=target: keeper.delete(to) if at == 7 else keeper.post(by_extension(to)), 15
        )
        referrers = [answer.id for at, answer in enumerate(answers) if at != 7 and answer.status == 201]
        refused = {answer.status for at, answer in enumerate(answers) if at != 7 and answer.status != 201}
        assert refused <= {422}
        assert keeper.get(target).status == (200 if referrers else 410)
        assert answers[7].status == (409 if referrers else 204)
