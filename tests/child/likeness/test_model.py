import json
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from server.child.likeness.block import MOST, keys, rule_keys
from server.child.likeness.comparison import COMPARISONS
from server.child.likeness.feature import Features, features
from server.child.likeness.lexicon import Frequency
from server.child.likeness.model import VETOED, BadModel, compare, model, read
from tests.child.likeness.pair import NHS, SID, address, child, patient, registration, related

FILE = Path(__file__).parents[3] / "profiles" / "identity" / "model.json"
PARENTS = ("Alex Muster", "Kim Sample")


def known(
    given: str = "Robin Jo", family: str = "Sample", parents: tuple[str, ...] = PARENTS, **other: Any
) -> Features:
    """A child of whom there is as much as two agencies as a rule have in common."""
    family_of = [related(*name.split()) for name in parents]
    return features(patient(given, family, **other), family_of, [registration("oak")])


ONE_CHILD = {
    "all the same": known(),
    "short form": known("Rob"),
    "middle name left out": known("Robin"),
    "misspelt": known("Robim"),
    "letters exchanged": known("Robni"),
    "surname misspelt": known(family="Smaple"),
    "compound surname": known(family="Sample-Muster"),
    "surname changed, the old one known": known(
        name=[{"family": "Muster", "given": ["Robin"]}, {"use": "old", "family": "Sample"}]
    ),
    "given and family name exchanged": known("Sample", "Robin"),
    "capitals": known("ROBIN JO", "SAMPLE"),
    "one digit of the birth date": known(birthDate="2014-03-15"),
    "1 January": known(birthDate="2014-01-01"),
    "year alone": known(birthDate="2014"),
    "moved": known(address=[address("3 New Street", "YY9 9YY")]),
    "postcode mistyped": known(address=[address("12 Example Road", "ZZ1 1AB")]),
    "flat lettered": known(address=[address("Flat A, 12 Example Road", "ZZ1 1AA")]),
    "no address": known(address=[]),
    "sex mistaken": known(gender="male"),
    "a parent misspelt": known(parents=("Alxe Muster",)),
    "no parents": known(parents=()),
}
"""How one child, known() otherwise, is written down a second time."""

NOT_ONE = {
    "brother": known("Kit Ray", birthDate="2011-07-23", gender="male"),
    "sister born the year after": known("Kit", birthDate="2015-04-02"),
    "cousin": known(
        "Kit", birthDate="2012-01-30", parents=("Jo Sample",), address=[address("1 High Road", "ZZ1 2BB")]
    ),
    "stranger of the same birth date": known(
        "Kit", "Muster", parents=("Pat Other",), address=[address("1 High Road", "YY1 2BB")]
    ),
}


@pytest.mark.parametrize("slip", ONE_CHILD)
def test_one_slip_makes_no_second_child(slip: str) -> None:
    assert compare(known(), ONE_CHILD[slip]).grade in ("certain", "probable")


@pytest.mark.parametrize("slip", ONE_CHILD)
def test_a_child_with_a_slip_is_found_by_a_key(slip: str) -> None:
    assert keys(known()) & keys(ONE_CHILD[slip])


@pytest.mark.parametrize("other", NOT_ONE)
def test_two_children_are_two(other: str) -> None:
    assert compare(known(), NOT_ONE[other]).grade in ("possible", "certainly-not")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Oliver", "Jack"),
        ("Jayden", "Kayden"),
        ("Tyler", "Kyler"),
        ("Ella", "Emma"),
        ("Daniel", "Danielle"),
        ("Oliver", "Olivia"),
        ("Hassan", "Hussain"),
        ("Muhammad Hassan", "Muhammad Hussain"),
        ("Mohammed Ali", "Muhammad Umar"),
        ("Anne-Marie", "Anne-Louise"),
        ("Amelia Rose", "Rose Amelie Kate"),
        ("Ava", "Eva"),
        ("Zara", "Sara"),
        ("Sean", "Shane"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"multipleBirthBoolean": True}, {"birthDate": "2014-01-01"}], ids=str)
def test_twins_are_never_one_child(one: str, other: str, more: dict[str, Any]) -> None:
    found = compare(known(one, **more), known(other, **more))
    assert found.grade != "certain"
    assert model().weigh(known(one, **more), known(other, **more)) == found.weight


@pytest.mark.parametrize(
    "both",
    [
        {},
        {"identifier": [{"system": NHS, "value": "9990001014"}]},
        {"identifier": [{"system": f"{SID}/upn", "value": "Z330400124001"}]},
    ],
    ids=["nothing more", "one NHS number", "one UPN"],
)
def test_no_other_evidence_outweighs_two_names_of_twins(both: dict[str, Any]) -> None:
    found = compare(known("Oliver", **both), known("Jack", **both))
    assert (found.weight, found.probability, found.grade) == (VETOED, 0.0, "certainly-not")
    assert found.evidence[-1][:2] == ("veto", "twin")


def test_twins_without_names_are_told_apart_by_sex_and_by_the_order_of_birth() -> None:
    first = known("Baby", multipleBirthInteger=1)
    assert compare(first, known("Baby", multipleBirthInteger=2)).evidence[-1].level == "twin"
    assert compare(first, known("Baby", gender="male")).evidence[-1].level == "twin"


def test_one_who_is_listed_as_the_others_sibling_is_another() -> None:
    lists = features(patient(), [related("Kit", code="SIB", birthDate="2015-01-30")])
    assert compare(lists, child("Kit", birthDate="2015-01-30")).evidence[-1].level == "sibling"
    by_record = features(
        patient(),
        [
            {
                "extension": [
                    {
                        "url": "https://w3id.org/single-child-record/StructureDefinition/sibling",
                        "valueReference": {"reference": "Patient/kit"},
                    }
                ]
            }
        ],
    )
    assert compare(child(id="kit"), by_record).evidence[-1].level == "sibling"


def test_the_evidence_adds_up_to_the_weight() -> None:
    for other in (*ONE_CHILD.values(), *NOT_ONE.values(), known("Kit")):
        found = compare(known(), other)
        assert isclose(model().prior + sum(each.weight for each in found.evidence), found.weight)
        assert all(each.words.endswith(".") for each in found.evidence)
        assert 0 <= found.probability <= 1


def test_a_comparison_has_no_order() -> None:
    for other in (*ONE_CHILD.values(), *NOT_ONE.values()):
        assert isclose(compare(known(), other).weight, compare(other, known()).weight)


def test_a_rare_name_says_more_than_a_common_one() -> None:
    rare, common = child("Xanthippe", "Quillfeather", address=[]), child("Olivia", "Smith", address=[])
    assert compare(rare, rare).weight > compare(common, common).weight + 4


def test_a_name_and_a_birth_date_alone_are_for_a_reviewer() -> None:
    olivia = Features(given=(("olivia",),), family=(("smith",),), born="2014-03-14")
    assert compare(olivia, olivia).grade != "certain"


def test_a_namesake_of_another_year_is_another() -> None:
    found = [
        features(
            patient("Olivia", "Smith", birthDate=born, address=[address("1 High Road", postcode)]),
            [related(parent, "Smith")],
        )
        for born, postcode, parent in (("2014-03-14", "ZZ1 1AA", "Alex"), ("2009-11-30", "YY1 2BB", "Kim"))
    ]
    assert compare(*found).grade == "certainly-not"


def test_what_two_siblings_share_is_not_what_makes_them_one() -> None:
    a, b = known(), known("Kit", birthDate="2011-07-23")
    shared = next(each for each in compare(a, b).evidence if each.comparison == "family_resemblance")
    assert shared.weight < -10


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (child("Bill"), child("William", address=[])),
        (child("Oleksandr", "Shevchenko", address=[]), child("Alex", "Szewczenko", address=[])),
        (child(birthDate="2014-03-04", address=[]), child(birthDate="2014-04-03", address=[])),
        (child(birthDate="2014-03-14", address=[]), child(birthDate="2016-03-14", address=[])),
        (child("Wei", "Zhang", address=[]), child("Zhang", "Wei", address=[])),
        (child(family="Sample-Muster", address=[]), child(family="Muster", address=[])),
        (
            child(identifier=[{"system": f"{SID}/upn", "value": "Z330400124001"}]),
            child(
                "Kit",
                "Other",
                birthDate="2010",
                identifier=[{"system": f"{SID}/former-upn", "value": "Z330400124001"}],
            ),
        ),
    ],
)
def test_keys_outlast_a_slip(one: Features, other: Features) -> None:
    assert keys(one) & keys(other)


def test_keys_are_few_signed_and_of_64_bits() -> None:
    homes = [address(f"{number} Example Road", f"ZZ1 {number}AA") for number in range(1, 10)]
    found = keys(known("Robin Jo Kit", "Sample-Muster-Other", address=homes))
    assert len(found) <= MOST
    assert all(-(2**63) <= key < 2**63 for key in found)
    assert len(rule_keys(known())) < 20
    assert keys(Features()) == frozenset()


def test_nothing_known_is_evidence_of_nothing() -> None:
    found = compare(Features(), known())
    assert found.weight <= model().prior
    assert [each.comparison for each in found.evidence] == ["family_resemblance"]


def broken(change: Any) -> bytes:
    parameters = json.loads(FILE.read_text())
    change(parameters)
    return json.dumps(parameters).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["comparison"].pop(),
        lambda p: p["comparison"][0]["level"].reverse(),
        lambda p: p["comparison"][0]["level"][0].update(m=0),
        lambda p: p["comparison"][0]["level"][0].update(u=1.5),
        lambda p: p["prior"].update(same=0),
        lambda p: p["prior"].update(same=0.6, sibling=0.6),
        lambda p: p["threshold"].update(review=99),
        lambda p: p.update(unknown=True),
        lambda p: p.pop("prior"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(change: Any) -> None:
    with pytest.raises(BadModel):
        read(broken(change))


def test_a_model_may_bring_shares_of_names_of_its_own() -> None:
    everyone = Frequency(source="test", rest=0.9, frequency={})
    robin = child(address=[])
    assert read(FILE.read_bytes(), everyone, everyone).weigh(robin, robin) < model().weigh(robin, robin) - 5


def test_the_shipped_model_weighs_each_level_of_each_comparison() -> None:
    parameters = model().parameters
    assert [each.name for each in parameters.comparison] == list(COMPARISONS)
    for each in parameters.comparison:
        for hypothesis in ("m", "u", "s"):
            assert 0.98 < sum(getattr(level, hypothesis) for level in each.level) < 1.02, (
                each.name,
                hypothesis,
            )


def test_agreement_speaks_for_one_child_and_disagreement_against() -> None:
    for each in model().parameters.comparison:
        assert each.level[0].m > each.level[0].u
        assert each.level[-1].m < each.level[-1].u
