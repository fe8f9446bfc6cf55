"""Identifiers decide before anything is compared: those of now, and those that led to a child before."""

import pytest

from server.fhir.identifier import FORMER_UPN, NHS_NUMBER, UPN, _upn_letter
from tests import make


def upn():
    digits = f"330{make.word('')}{make.word('')}"[:12]
    return f"{_upn_letter('A' + digits)}{digits}"


def child(*identifiers, **more):
    family = make.word("Ident")
    named = [make.identifier(value, system) for system, value in identifiers]
    return make.patient(identifier=named, birthDate="2013-05-06", name=[{"family": family}], **more)


def test_identifiers_of_two_children_are_refused_and_both_are_named(asking):
    nhs, number = make.nhs(), upn()
    one, other = asking.post(child((NHS_NUMBER, nhs))).id, asking.post(child((UPN, number))).id
    refused = asking.post(child((NHS_NUMBER, nhs), (UPN, number)))
    assert refused.status == 409
    told = " ".join(text for _, text in refused.issues)
    assert f"NHS number is that of Patient/{one}" in told
    assert f"UPN is that of Patient/{other}" in told


def test_of_two_children_only_those_are_named_whom_the_caller_sees(asking, school):
    nhs, number = make.nhs(), upn()
    one = asking.post(child((NHS_NUMBER, nhs))).id
    other = school.post(child((UPN, number))).id
    told = asking.post(child((NHS_NUMBER, nhs), (UPN, number))).text
    assert one in told
    assert other not in told


def test_a_change_to_another_childs_identifier_is_refused_and_named(asking):
    nhs, number = make.nhs(), upn()
    one = asking.post(child((NHS_NUMBER, nhs))).id
    other = asking.post(child((UPN, number))).id
    refused = asking.put({**child((NHS_NUMBER, nhs), (UPN, number)), "id": one})
    assert refused.status == 409
    assert f"Patient/{other}" in refused.text


def test_a_superseded_nhs_number_leads_to_the_present_child(asking):
    old, new = make.nhs(), make.nhs()
    known = child((NHS_NUMBER, new), (NHS_NUMBER, old))
    known["identifier"][1]["use"] = "old"
    id = asking.post(known).id
    again = child((NHS_NUMBER, old))
    assert f"Patient/{id}" in asking.post(again).text
    assert asking.post(again, If_None_Exist=f"identifier={NHS_NUMBER}|{old}").id == id


def test_a_former_upn_leads_to_the_present_child(asking):
    old, new = upn(), upn()
    id = asking.post(child((UPN, new), (FORMER_UPN, old))).id
    refused = asking.post(child((UPN, old)))
    assert (refused.status, refused.code) == (409, "duplicate")
    assert f"Patient/{id}" in refused.text
    assert asking.get(f"Patient?identifier={UPN}|{old}").ids == [id]
    assert asking.post(child((UPN, old)), If_None_Exist=f"identifier={UPN}|{old}").id == id


def test_a_former_upn_is_traced(asking, school):
    old = upn()
    id = school.post(child((UPN, upn()), (FORMER_UPN, old))).id
    assert asking.get(f"Patient?identifier={UPN}|{old}&birthdate=2013-05-06").ids == [id]


def test_a_former_upn_that_is_anothers_now_leads_to_the_other(asking):
    number = upn()
    owner = asking.post(child((UPN, number))).id
    asking.post(child((UPN, upn()), (FORMER_UPN, number)))
    assert f"Patient/{owner}" in asking.post(child((UPN, number))).text


def test_in_a_transaction_each_child_is_named_whose_identifiers_are_anothers(asking):
    nhs, number, alone = make.nhs(), upn(), make.nhs()
    one, other = asking.post(child((NHS_NUMBER, nhs))).id, asking.post(child((UPN, number))).id
    third = asking.post(child((NHS_NUMBER, alone))).id
    both = make.posted(child((NHS_NUMBER, nhs), (UPN, number)))
    again, new = make.posted(child((NHS_NUMBER, alone))), make.posted(child((NHS_NUMBER, make.nhs())))
    refused = asking.post(make.bundle("transaction", new, both, again))
    assert refused.status == 409
    told = [text for _, text in refused.issues]
    assert f"The NHS number is that of Patient/{one}." in told
    assert f"The UPN is that of Patient/{other}." in told
    assert any(f"It is Patient/{third}." in text for text in told)


def conditional(client, child, condition):
    return client.post(child, If_None_Exist=condition)


def in_a_transaction(client, child, condition):
    entry = make.posted(child)
    entry["request"]["ifNoneExist"] = condition
    return client.post(make.bundle("transaction", entry))


@pytest.mark.parametrize("way", [conditional, in_a_transaction])
def test_a_condition_that_finds_one_child_does_not_hide_that_an_identifier_is_anothers(asking, way):
    nhs, number = make.nhs(), upn()
    one = asking.post(child((NHS_NUMBER, nhs))).id
    other = asking.post(child((UPN, number))).id
    both = child((NHS_NUMBER, nhs), (UPN, number))
    refused = way(asking, both, f"identifier={NHS_NUMBER}|{nhs}")
    assert refused.status == 409
    assert {code for code, _ in refused.issues} == {"duplicate"}
    assert f"UPN is that of Patient/{other}" in refused.text
    assert f"NHS number is that of Patient/{one}" in refused.text


@pytest.mark.parametrize("way", [conditional, in_a_transaction])
def test_a_condition_finds_whom_the_other_identifiers_do_not_contradict(asking, way):
    nhs = make.nhs()
    one = asking.post(child((NHS_NUMBER, nhs))).id
    found = way(asking, child((NHS_NUMBER, nhs), (UPN, upn())), f"identifier={NHS_NUMBER}|{nhs}")
    assert found.status == 200
    assert one in found.text + found.headers.get("Location", "")


def test_whose_identifier_it_is_is_told_to_nobody_who_does_not_see_the_other(asking, school):
    nhs, number = make.nhs(), upn()
    asking.post(child((NHS_NUMBER, nhs)))
    other = school.post(child((UPN, number))).id
    refused = conditional(asking, child((NHS_NUMBER, nhs), (UPN, number)), f"identifier={NHS_NUMBER}|{nhs}")
    assert refused.status == 409
    assert other not in refused.text


def test_a_condition_with_a_body_that_is_no_patient_is_no_error_of_the_server(asking):
    nhs = make.nhs()
    asking.post(child((NHS_NUMBER, nhs)))
    for identifier in ("x", {"system": 1}, [1], [{"system": NHS_NUMBER, "value": 7}]):
        broken = {"resourceType": "Patient", "identifier": identifier}
        assert conditional(asking, broken, f"identifier={NHS_NUMBER}|{nhs}").status < 500


@pytest.fixture
def asking(client_with):
    return client_with("asking")
