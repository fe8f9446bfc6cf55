"""What is sealed: seen, found and labelled by those alone whose role may unseal it."""

import pytest

from tests import make

SEAL = {"system": f"{make.B}/CodeSystem/seal", "code": "sealed"}
SEALED = {"security": [SEAL]}


def link(before, after, **more):
    items = [
        {"type": "source", "resource": make.reference(f"Patient/{after}")},
        {"type": "historical", "resource": make.reference(f"Patient/{before}")},
    ]
    return {
        "resourceType": "Linkage",
        "active": True,
        "author": make.reference("Organization/adoption"),
        "item": items,
        **more,
    }


@pytest.fixture
def adoption(client_with):
    return client_with("adoption")


@pytest.fixture
def identities(suite):
    """The ids of who a child was and who it is; the school and social care work with both."""
    ids = [make.word("before-"), make.word("after-")]
    for id in ids:
        agencies = (("school", "registration"), ("social-care", "child-in-need"), ("adoption", "adoption"))
        episodes = [make.posted(make.episode(id, *each)) for each in agencies]
        assert suite.post(make.bundle("transaction", make.put(make.child(id=id)), *episodes)).status == 200
    return ids


@pytest.fixture
def sealed(adoption, identities):
    made = adoption.post(link(*identities, meta=SEALED))
    assert made.status == 201
    return made


@pytest.mark.parametrize("agency", ["school", "social-care", "inspector", "suite"])
def test_a_sealed_link_is_absent_to_all_but_who_may_unseal(client_with, adoption, identities, sealed, agency):
    client, id = client_with(agency), sealed.id
    before, after = identities
    for path in (f"Linkage/{id}", f"Linkage/{id}/_history", f"Linkage/{id}/_history/1"):
        assert client.get(path).status == 404
        assert adoption.get(path).status == 200
    for query in (f"Linkage?_id={id}", f"Linkage?item=Patient/{before}", f"Linkage?_security={SEAL['code']}"):
        assert id not in client.search(query).ids
        assert id in adoption.search(query).ids
    counted = f"Linkage?item=Patient/{before}&_count=0&_total=accurate"
    assert [each.search(counted).json["total"] for each in (client, adoption)] == [0, 1]
    revinclude = f"Patient?_id={after}&_revinclude=Linkage:item"
    assert client.search(revinclude).included == []
    assert adoption.search(revinclude).included == [f"Linkage/{id}"]
    assert client.search(f"Patient?_id={after}&_has:Linkage:item:_id={id}").ids == []
    assert id not in client.get("Linkage/_history?_count=1000").text


@pytest.mark.parametrize("agency", ["school", "inspector", "suite"])
def test_who_may_not_unseal_cannot_seal_either(client_with, identities, agency):
    client = client_with(agency)
    assert client.post(link(*identities, meta=SEALED)).status == 403
    assert client.put(link(*identities, meta=SEALED, id=make.word())).status == 403


@pytest.mark.parametrize("agency", ["school", "suite"])
def test_who_may_not_unseal_cannot_change_what_is_sealed(client_with, adoption, identities, sealed, agency):
    client = client_with(agency, "system/*.cruds")
    taken = client.put(link(*identities, id=sealed.id))
    assert taken.status in (403, 409)
    assert sealed.id not in taken.text or taken.status == 409
    assert client.delete(f"Linkage/{sealed.id}").status in (204, 403, 404)
    assert adoption.get(f"Linkage/{sealed.id}").json == sealed.json


def test_a_seal_that_is_put_on_closes_what_was_before_it_and_one_taken_off_opens_it(
    suite, adoption, identities
):
    id = suite.post(link(*identities)).id
    assert suite.get(f"Linkage/{id}/_history/1").status == 200
    shown = adoption.get(f"Linkage/{id}").json
    assert adoption.put({**shown, "meta": SEALED}).status == 200
    assert suite.get(f"Linkage/{id}").status == 404
    assert suite.get(f"Linkage/{id}/_history/1").status == 404
    assert adoption.get(f"Linkage/{id}/_history/1").status == 200
    assert adoption.put({**adoption.get(f"Linkage/{id}").json, "meta": {}}).status == 200
    assert suite.get(f"Linkage/{id}").status == 200
    assert suite.get(f"Linkage/{id}/_history/2").status == 200


def test_a_sealed_link_that_is_deleted_stays_sealed(suite, adoption, sealed):
    assert adoption.delete(f"Linkage/{sealed.id}").status == 204
    assert suite.get(f"Linkage/{sealed.id}").status == 404
    assert adoption.get(f"Linkage/{sealed.id}").status == 410


def test_any_resource_can_be_sealed(suite, social_care, adoption, identities):
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": make.reference(f"Patient/{identities[0]}"),
        "content": [{"attachment": {"title": "Order of the court"}}],
    }
    id = adoption.post({**document, "meta": SEALED}).id
    assert adoption.get(f"DocumentReference/{id}").status == 200
    for client in (suite, social_care):
        assert client.get(f"DocumentReference/{id}").status == 404
        assert client.search(f"DocumentReference?patient={identities[0]}").ids == []


def test_what_says_why_it_was_sealed_is_sealed_with_it(suite, adoption, sealed):
    told = {
        "resourceType": "Provenance",
        "target": [make.reference(f"Linkage/{sealed.id}")],
        "recorded": "2025-01-01T00:00:00Z",
        "agent": [{"who": make.reference("Organization/adoption")}],
    }
    id = adoption.post(told).id
    assert adoption.get(f"Provenance/{id}").status == 200
    assert suite.get(f"Provenance/{id}").status == 404


def test_a_link_of_the_profile_has_to_be_labelled(client_with, identities):
    claims = {"meta": {"profile": [f"{make.B}/StructureDefinition/SealedLink"]}}
    refused = client_with("adoption").post(link(*identities, **claims))
    assert refused.status == 422
    assert "sealed-1" in refused.text
