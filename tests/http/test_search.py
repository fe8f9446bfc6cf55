"""https://hl7.org/fhir/R4/search.html"""

from urllib.parse import quote

import pytest

from tests import make
from tests.make import TEST

A, B, C = "a", "b", "c"
FORTNIGHT = {"start": "2024-03-04", "end": "2024-03-17"}


@pytest.fixture(scope="module")
def patients(suite):
    """The Patients a, b and c, told apart by `_tag`; their ids begin with the tag."""
    tag = make.word()
    sent = [
        make.patient(
            id=f"{tag}-a",
            meta={
                **make.tagged(tag),
                "profile": [f"https://example.org/p/{tag}/one"],
                "source": f"https://example.org/s/{tag}",
            },
            identifier=[
                make.identifier(f"{tag}-1"),
                make.identifier(f"{tag}-2", "https://example.org/other"),
            ],
            active=True,
            name=[{"family": "Müller-Thurgau", "given": ["Zoë", "Ann"]}],
            gender="female",
            birthDate="2011-05-03",
            telecom=[{"system": "phone", "value": "01632960001", "use": "home"}],
            address=[{"city": "Exampleton", "postalCode": "EX1 1AA"}],
            managingOrganization=make.reference("Organization/school"),
            deceasedBoolean=False,
        ),
        make.patient(
            id=f"{tag}-b",
            meta={**make.tagged(tag), "profile": [f"https://example.org/p/{tag}/two"]},
            identifier=[{"value": f"{tag}-1"}],
            active=False,
            name=[{"family": "MULLER", "given": ["Ann, Beth"]}],
            gender="male",
            birthDate="2011-05",
            deceasedDateTime="2020-01-01",
        ),
        {
            "resourceType": "Patient",
            "id": f"{tag}-c",
            "meta": make.tagged(tag),
            "name": [{"family": "Other"}],
        },
    ]
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return tag


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # token
        ("active=true", "a"),
        ("active=false", "b"),
        ("active:missing=true", "c"),
        ("active:not=true", "bc"),
        ("gender=female", "a"),
        ("gender=female,male", "ab"),
        ("gender=FEMALE", ""),
        ("gender=http://hl7.org/fhir/administrative-gender|female", "a"),
        ("gender:not=female", "bc"),
        ("gender:missing=false", "ab"),
        ("gender=female&active=true", "a"),
        ("gender=female&active=false", ""),
        ("identifier={tag}-1", "ab"),
        (f"identifier={TEST}|{{tag}}-1", "a"),
        ("identifier=|{tag}-1", "b"),
        ("identifier=https://example.org/other|", "a"),
        ("identifier=https://example.org/other|{tag}-1", ""),
        ("identifier={tag}-1,{tag}-2", "ab"),
        ("identifier={tag}-1&identifier={tag}-2", "a"),
        ("identifier:not={tag}-2", "bc"),
        ("identifier:missing=true", "c"),
        ("phone=01632960001", "a"),
        ("telecom=phone|01632960001", "a"),
        ("telecom=email|01632960001", ""),
        ("deceased=true", "b"),
        ("deceased=false", "ac"),
        ("_id={tag}-a", "a"),
        ("_id={tag}-a,{tag}-c,nobody", "ac"),
        ("_id:not={tag}-a", "bc"),
        # string
        ("family=muller", "ab"),
        ("family=Müller", "ab"),
        ("family=mull", "ab"),
        ("family=thurgau", ""),
        ("family:contains=thurgau", "a"),
        ("family:exact=MULLER", "b"),
        ("family:exact=muller", ""),
        ("family:exact=Müller-Thurgau", "a"),
        ("name=zoe", "a"),
        ("name=ann", "ab"),
        (r"given:exact=Ann\, Beth", "b"),
        ("given=Zoë,other", "a"),
        ("given:missing=true", "c"),
        ("address-city=exam", "a"),
        ("address=EX1", "a"),
        ("family=m%25", "ab"),
        ("family:contains=r_t", "a"),
        # date
        ("birthdate=2011-05-03", "a"),
        ("birthdate=2011-05", "ab"),
        ("birthdate=2011", "ab"),
        ("birthdate=eq2011-05-03", "a"),
        ("birthdate=ne2011-05-03", "b"),
        ("birthdate=gt2011-05-03", "b"),
        ("birthdate=ge2011-05-03", "ab"),
        ("birthdate=lt2011-05-03", "b"),
        ("birthdate=le2011-05-03", "ab"),
        ("birthdate=sa2011-04", "ab"),
        ("birthdate=sa2011-05-02", "a"),
        ("birthdate=eb2011-06", "ab"),
        ("birthdate=eb2011-05-31", "a"),
        ("birthdate=ge2011-05-01&birthdate=lt2011-06-01", "ab"),
        ("birthdate=2010,2011", "ab"),
        ("birthdate:missing=true", "c"),
        ("birthdate:missing=false", "ab"),
        ("death-date=2020", "b"),
        ("death-date=gt2019", "b"),
        ("_lastUpdated=gt2020-01-01", "abc"),
        ("_lastUpdated=lt2020", ""),
        # reference
        ("organization=Organization/school", "a"),
        ("organization=school", "a"),
        ("organization:Organization=school", "a"),
        ("organization={base}/Organization/school", "a"),
        ("organization=Organization/nobody", ""),
        ("organization:missing=true", "bc"),
        # uri
        ("_profile=https://example.org/p/{tag}/one", "a"),
        ("_profile=https://example.org/p/{tag}/one,https://example.org/p/{tag}/two", "ab"),
        ("_profile:missing=true", "c"),
        ("_source=https://example.org/s/{tag}", "a"),
        # nothing but the tag
        ("_count=10", "abc"),
    ],
)
def test_a_search_finds_what_it_says(suite, patients, query, found):
    answer = suite.get(
        f"Patient?_tag={TEST}|{patients}&{query.format(tag=patients, base=suite.base)}",
        Prefer="handling=strict",
    )
    assert sorted(id[-1] for id in answer.ids) == list(found)
    assert answer.json["total"] == len(found)


@pytest.fixture(scope="module")
def observations(suite):
    """Observations at several times and without one, told apart by the last letters of their ids."""
    tag = make.word()
    times = {
        "a": {"effectiveDateTime": "2024-03-08"},
        "b": {"effectiveDateTime": "2024-03-08T09:30:00Z"},
        "c": {"effectivePeriod": FORTNIGHT},
        "d": {"effectivePeriod": {"start": "2024-03-10"}},
        "e": {"effectiveInstant": "2024-03-08T09:30:00.500Z"},
        "f": {},
    }
    sent = (
        make.observation(id=f"{tag}-{name}", meta=make.tagged(tag), **time) for name, time in times.items()
    )
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return tag


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("date=2024-03-08", "abe"),
        ("date=2024-03-08T09:30:00Z", "be"),
        ("date=2024-03", "abce"),
        ("date=ne2024-03-08", "cd"),
        ("date=lt2024-03-08", "c"),
        ("date=gt2024-03-08", "cd"),
        ("date=ge2024-03-08", "abcde"),
        ("date=le2024-03-08", "abce"),
        ("date=sa2024-03-08", "d"),
        ("date=sa2024-03-03", "abcde"),
        ("date=eb2024-03-18", "abce"),
        ("date=eb2024-03-09", "abe"),
        ("date=ge2024-03-08T09:30:01Z&date=lt2024-03-09", "ac"),
        ("date:missing=true", "f"),
        ("date:missing=false", "abcde"),
        ("date=2024-03-08T10:30:00%2B01:00", "be"),
    ],
)
def test_dates_are_intervals(suite, observations, query, found):
    assert sorted(id[-1] for id in suite.search(f"Observation?_tag={observations}&{query}").ids) == list(
        found
    )


def test_a_time_without_a_zone_is_one_of_london(suite):
    tag = make.word()
    suite.post(make.observation(meta=make.tagged(tag), effectiveDateTime="2024-07-01T23:30:00Z"))
    assert len(suite.search(f"Observation?_tag={tag}&date=2024-07-02").ids) == 1
    assert suite.search(f"Observation?_tag={tag}&date=2024-07-01").ids == []


def test_code_and_system_are_matched_together(suite):
    tag = make.word()
    concept = {"coding": [{"system": "s:1", "code": "x"}, {"system": "s:2", "code": "y"}]}
    suite.post({**make.observation(meta=make.tagged(tag)), "code": concept})
    found = {
        value: len(suite.search(f"Observation?_tag={tag}&code={value}").ids)
        for value in ("s:1|x", "s:2|y", "s:1|y", "x", "|x", "s:1|", "s:3|", "s:1|z,s:2|y")
    }
    assert found == {
        "s:1|x": 1,
        "s:2|y": 1,
        "s:1|y": 0,
        "x": 1,
        "|x": 0,
        "s:1|": 1,
        "s:3|": 0,
        "s:1|z,s:2|y": 1,
    }


def test_the_child_of_a_resource_is_found_by_every_spelling(suite):
    patient = suite.post(make.patient()).id
    made = suite.post(make.observation(patient)).id
    for query in (
        f"patient={patient}",
        f"patient=Patient/{patient}",
        f"subject=Patient/{patient}",
        f"subject:Patient={patient}",
        f"subject={patient}",
        f"patient={quote(suite.base, safe='')}/Patient/{patient}",
        f"patient=nobody,{patient}",
    ):
        assert suite.search(f"Observation?{query}").ids == [made], query
    assert suite.search("Observation?patient=nobody").ids == []
    assert suite.search(f"Observation?subject=Device/{patient}").ids == []


def test_a_reference_is_found_by_the_identifier_that_it_carries(suite):
    word = make.word()
    who = {"identifier": make.identifier(word)}
    made = suite.post(make.observation(performer=[who])).id
    assert suite.search(f"Observation?performer:identifier={TEST}|{word}").ids == [made]
    assert suite.search(f"Observation?performer:identifier=https://example.org/other|{word}").ids == []


def test_canonicals_are_found_below_and_above(suite):
    word = make.word()
    url = f"https://example.org/{word}/a/b"
    made = suite.post({"resourceType": "ValueSet", "status": "draft", "url": url}).id
    assert suite.search(f"ValueSet?url={url}").ids == [made]
    assert suite.search(f"ValueSet?url:below=https://example.org/{word}").ids == [made]
    assert suite.search(f"ValueSet?url:above={url}/c").ids == [made]
    assert suite.search(f"ValueSet?url=https://example.org/{word}").ids == []


# ---- order -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ordered(suite):
    """Patients with names, dates and codes in different orders, and two that have none of them."""
    tag = make.word()
    traits = [
        ("1", "Carr", "2012-01-01", "male"),
        ("2", "adams", "2010-01-01", "female"),
        ("3", "Baker", "2011-01-01", "other"),
        ("4", None, None, None),
        ("5", None, None, None),
    ]
    sent = []
    for number, family, born, gender in traits:
        known = {"name": [{"family": family}], "birthDate": born, "gender": gender} if family else {}
        sent.append({"resourceType": "Patient", "id": f"{tag}-{number}", "meta": make.tagged(tag), **known})
    for each in sent:
        assert suite.put(each).status == 201
    return tag


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("family", "231"),
        ("-family", "132"),
        ("birthdate", "231"),
        ("-birthdate", "132"),
        ("gender", "213"),
        ("-gender", "312"),
    ],
)
def test_what_has_nothing_to_be_sorted_by_comes_last_both_ways(suite, ordered, sort, order):
    found = [id[-1] for id in suite.search(f"Patient?_tag={ordered}&_sort={sort}").ids]
    assert "".join(found[:3]) == order
    assert sorted(found[3:]) == ["4", "5"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [("_id", "12345"), ("-_id", "54321"), ("_lastUpdated", "12345"), ("-_lastUpdated", "54321")],
)
def test_every_resource_has_an_id_and_a_time_to_be_sorted_by(suite, ordered, sort, order):
    assert "".join(id[-1] for id in suite.search(f"Patient?_tag={ordered}&_sort={sort}").ids) == order


def test_the_newest_comes_first_if_nothing_else_is_asked(suite, ordered):
    assert [id[-1] for id in suite.search(f"Patient?_tag={ordered}").ids] == list("54321")


def test_a_second_key_orders_what_is_alike_under_the_first(suite):
    tag = make.word()
    for number, (gender, born) in enumerate(
        [("male", "2012"), ("female", "2011"), ("male", "2010"), ("female", "2013")]
    ):
        suite.put(make.patient(id=f"{tag}-{number}", meta=make.tagged(tag), gender=gender, birthDate=born))
    for sort, order in (
        ("gender,birthdate", "1320"),
        ("gender,-birthdate", "3102"),
        ("-gender,birthdate", "2013"),
        ("-gender,-birthdate", "0231"),
    ):
        assert "".join(id[-1] for id in suite.search(f"Patient?_tag={tag}&_sort={sort}").ids) == order, sort
        pages = suite.pages(f"Patient?_tag={tag}&_sort={sort}&_count=1")
        assert "".join(id[-1] for page in pages for id in page) == order, sort


# ---- pages -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(suite):
    """Observations of one child: 5 of one day, 4 of days of their own, 4 without a date; codes with ties."""
    tag, patient = make.word(), make.word("child-")
    dates = ["2024-05-01"] * 5 + [f"2024-05-0{day}" for day in (2, 3, 4, 5)] + [None] * 4
    sent = [
        make.observation(
            patient,
            code=f"code-{at % 3}",
            id=f"{tag}-{at:02d}",
            meta=make.tagged(tag),
            **({"effectiveDateTime": date} if date else {}),
            **({"valueString": f"value {at % 4}"} if at % 5 else {}),
        )
        for at, date in enumerate(dates)
    ]
    patients = [make.put(make.patient(id=patient))]
    assert suite.post(make.bundle("transaction", *patients, *map(make.put, sent))).status == 200
    return tag, patient, {each["id"] for each in sent}


@pytest.mark.parametrize("count", [1, 4, 5, 9, 13])
@pytest.mark.parametrize(
    "sort",
    [
        "",
        "&_sort=date",
        "&_sort=-date",
        "&_sort=code",
        "&_sort=-value-string,code",
        "&_sort=-_lastUpdated",
        "&_sort=_id",
    ],
)
@pytest.mark.parametrize("by", ["_tag={tag}", "patient={patient}", "patient={patient}&_tag={tag}"])
def test_pages_neither_drop_nor_repeat(suite, many, by, sort, count):
    tag, patient, ids = many
    query = f"Observation?{by.format(tag=tag, patient=patient)}{sort}"
    pages = suite.pages(f"{query}&_count={count}")
    assert all(len(page) == count for page in pages[:-1])
    assert 0 < len(pages[-1]) <= count
    found = [id for page in pages for id in page]
    assert set(found) == ids
    assert len(found) == len(ids)
    assert found == suite.search(f"{query}&_count=100").ids


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_walk_without_criteria_drops_and_repeats_nothing(suite, count):
    type_, ids = "Medication", {make.word() for _ in range(5)}
    for id in ids:
        suite.put({"resourceType": type_, "id": id})
    for sort in ("", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=code"):
        found = [id for page in suite.pages(f"{type_}?_count={count}{sort}") for id in page]
        assert len(found) == len(set(found))
        assert ids <= set(found)


@pytest.mark.parametrize("sort", ["&_sort=-date", "&_sort=date"])
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_walk_by_date_ends_with_what_has_none(suite, sort, count):
    type_, ids = "Flag", set()
    for at in range(3):
        for date in ({"period": {"start": f"2024-01-0{at + 1}"}}, {}):
            sent = {
                "resourceType": type_,
                "status": "active",
                "code": {"text": "x"},
                "subject": make.reference("Group/x"),
            }
            ids.add(suite.post({**sent, **date}).id)
    found = [id for page in suite.pages(f"{type_}?_count={count}{sort}") for id in page]
    assert len(found) == len(set(found))
    assert ids <= set(found)


def test_names_that_begin_alike_are_paged_in_their_order(suite):
    word = make.word("n")
    names = [f"{word}{letter}" for letter in "dbca"] + [f"{word}b"]
    for at, name in enumerate(names):
        suite.put(make.patient(id=f"{word}-{at}", name=[{"family": name}, {"family": f"{word}z"}]))
    for count in (1, 2, 3, 5):
        found = [id[-1] for page in suite.pages(f"Patient?family={word}&_count={count}") for id in page]
        assert "".join(found) in ("31420", "34120"), count


def test_what_is_written_between_two_pages_moves_neither(suite):
    tag = make.word()
    first = [suite.post(make.patient(meta=make.tagged(tag))).id for _ in range(4)]
    page = suite.search(f"Patient?_tag={tag}&_count=2")
    suite.post(make.patient(meta=make.tagged(tag)))
    suite.delete(f"Patient/{page.ids[0]}")
    assert page.ids + suite.get(page.link("next")).ids == first[::-1]


def test_a_link_asks_everything_again(suite, many):
    tag, *_ = many
    page = suite.search(f"Observation?_tag={tag}&_count=5&_sort=-date")
    following = suite.get(page.link("next"))
    assert following.link("self") == page.link("next")
    assert not set(page.ids) & set(following.ids)
    assert "total" not in following.json


def test_a_page_link_of_another_client_is_refused(suite, client_with, many):
    link = suite.search(f"Observation?_tag={many[0]}&_count=5").link("next")
    for caller in (client_with("suite", other=True), client_with("inspector")):
        refused = caller.get(link)
        assert (refused.status, refused.code) == (400, "invalid")


@pytest.mark.parametrize(
    "change", [lambda link: link + "A", lambda link: link[:-4], lambda link: link[:-5] + "AAAA" + link[-1]]
)
def test_a_page_link_that_was_altered_is_refused(suite, many, change):
    link = suite.search(f"Observation?_tag={many[0]}&_count=5").link("next")
    assert suite.get(change(link)).status == 400


@pytest.mark.parametrize("token", ["", "x", "....", "AAAA", "%00", "é", "A" * 2000])
def test_what_is_no_page_link_is_refused(suite, token):
    assert suite.get(f"Observation?_page={token}").status == 400


def test_a_page_link_of_another_type_is_refused(suite, many):
    link = suite.search(f"Observation?_tag={many[0]}&_count=5").link("next")
    assert suite.get(link.replace("/Observation?", "/Patient?")).status == 400


def test_a_page_link_does_not_show_what_it_holds(suite):
    word = make.word("persephone")
    for _ in range(3):
        suite.post(make.patient(name=[{"family": word}]))
    link = suite.search(f"Patient?family={word}&_count=1&_sort=family").link("next")
    assert word not in link


# ---- counting ----------------------------------------------------------------------------------------------


def test_the_total_is_told_where_it_is_known_or_asked_for(suite, many):
    query = f"Observation?_tag={many[0]}"
    totals = {
        more: suite.search(f"{query}&{more}").json.get("total")
        for more in (
            "_count=100",
            "_count=5",
            "_count=5&_total=accurate",
            "_count=5&_total=estimate",
            "_count=5&_total=none",
            "_count=0",
            "_count=0&_total=accurate",
        )
    }
    assert totals == {
        "_count=100": 13,
        "_count=5": None,
        "_count=5&_total=accurate": 13,
        "_count=5&_total=estimate": 13,
        "_count=5&_total=none": None,
        "_count=0": 13,
        "_count=0&_total=accurate": 13,
    }


def test_a_count_of_nothing_has_no_entries(suite, many):
    assert "entry" not in suite.search(f"Observation?_tag={many[0]}&_count=0").json


@pytest.mark.parametrize("count", ["-1", "x", "1.5", "1,2"])
def test_a_count_that_is_no_number_is_refused(suite, count):
    assert suite.get(f"Patient?_count={count}").status == 400


# ---- what comes along --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def family(suite):
    """A Patient with an Organization and a general practitioner, an Encounter, two Observations of that."""
    word = make.word()
    sent = [
        make.organization(f"{word}-o"),
        {"resourceType": "Practitioner", "id": f"{word}-g"},
        make.patient(
            id=f"{word}-p",
            managingOrganization=make.reference(f"Organization/{word}-o"),
            generalPractitioner=[
                make.reference(f"Practitioner/{word}-g"),
                make.reference(f"Organization/{word}-o"),
            ],
        ),
        make.encounter(f"{word}-p", f"{word}-o", id=f"{word}-e"),
        make.observation(f"{word}-p", id=f"{word}-1", encounter=make.reference(f"Encounter/{word}-e")),
        make.observation(
            f"{word}-p",
            id=f"{word}-2",
            encounter=make.reference(f"{suite.base}/Encounter/{word}-e/_history/1"),
        ),
    ]
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return word


@pytest.mark.parametrize(
    ("query", "matches", "included"),
    [
        ("Patient?_id={w}-p&_include=Patient:organization", ["p"], ["Organization/{w}-o"]),
        (
            "Patient?_id={w}-p&_include=Patient:general-practitioner",
            ["p"],
            ["Organization/{w}-o", "Practitioner/{w}-g"],
        ),
        (
            "Patient?_id={w}-p&_include=Patient:general-practitioner:Practitioner",
            ["p"],
            ["Practitioner/{w}-g"],
        ),
        (
            "Patient?_id={w}-p&_include=Patient:organization&_include=Patient:general-practitioner",
            ["p"],
            ["Organization/{w}-o", "Practitioner/{w}-g"],
        ),
        ("Patient?_id={w}-p&_include=Patient:link", ["p"], []),
        ("Observation?patient={w}-p&_include=Observation:encounter", ["1", "2"], ["Encounter/{w}-e"]),
        ("Observation?patient={w}-p&_include=Observation:patient", ["1", "2"], ["Patient/{w}-p"]),
        ("Observation?patient={w}-p&_include=Observation:subject:Patient", ["1", "2"], ["Patient/{w}-p"]),
        ("Observation?patient={w}-p&_include=Observation:subject:Device", ["1", "2"], []),
        (
            "Patient?_id={w}-p&_revinclude=Observation:patient",
            ["p"],
            ["Observation/{w}-1", "Observation/{w}-2"],
        ),
        (
            "Patient?_id={w}-p&_revinclude=Observation:subject:Patient",
            ["p"],
            ["Observation/{w}-1", "Observation/{w}-2"],
        ),
        (
            "Patient?_id={w}-p&_revinclude=Encounter:patient&_include=Patient:organization",
            ["p"],
            ["Encounter/{w}-e", "Organization/{w}-o"],
        ),
        (
            "Encounter?_id={w}-e&_revinclude=Observation:encounter",
            ["e"],
            ["Observation/{w}-1", "Observation/{w}-2"],
        ),
        ("Organization?_id={w}-o&_revinclude=Encounter:service-provider", ["o"], ["Encounter/{w}-e"]),
        ("Organization?_id={w}-o&_revinclude=Patient:organization", ["o"], ["Patient/{w}-p"]),
        ("Patient?_id=nobody&_revinclude=Observation:patient", [], []),
    ],
)
def test_a_search_brings_along_what_it_is_asked_to(suite, family, query, matches, included):
    found = suite.search(query.format(w=family))
    assert sorted(id.removeprefix(f"{family}-") for id in found.ids) == matches
    assert sorted(found.included) == [each.format(w=family) for each in included]
    assert all(each["fullUrl"].startswith(suite.base) for each in found.entries)


def test_what_comes_along_is_not_counted(suite, family):
    found = suite.search(f"Patient?_id={family}-p&_revinclude=Observation:patient&_total=accurate")
    assert found.json["total"] == 1


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("_include=Patient:nonsense", "invalid"),
        ("_include=Patient:name", "invalid"),
        ("_include=Observation:subject", "invalid"),
        ("_include=Patient:organization:Nonsense", "invalid"),
        ("_revinclude=Observation:performer:Organization", "invalid"),
        ("_include:nonsense=Patient:organization", "invalid"),
    ],
)
def test_an_include_that_leads_nowhere_is_refused_of_who_is_strict(suite, value, code):
    refused = suite.get(f"Patient?{value}", Prefer="handling=strict")
    assert (refused.status, refused.code) == (400, code)


# ---- what is not understood --------------------------------------------------------------------------------


def test_an_unknown_parameter_is_ignored_and_left_out_of_the_link(suite, patients):
    found = suite.get(f"Patient?nonsense=1&_tag={patients}&also:nonsense=2&_sort=nonsense,family")
    assert len(found.ids) == 3
    assert found.link("self") == f"{suite.base}/Patient?_tag={patients}&_sort=family"


@pytest.mark.parametrize(
    "query", ["nonsense=1", "_nonsense=1", "_sort=nonsense", "name=", "_include=nonsense"]
)
def test_an_unknown_parameter_is_an_error_for_who_is_strict(suite, query):
    refused = suite.get(f"Patient?{query}", Prefer="handling=strict")
    assert (refused.status, refused.code) == (400, "invalid")
    assert suite.get(f"Patient?{query}&_count=1").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "Patient?name:nonsense=x",
        "Patient?birthdate:exact=2011",
        "Patient?_list=$current-problems",
        "Observation?_sort=code-value-concept",
    ],
)
@pytest.mark.parametrize("handling", ["strict", "lenient"])
def test_what_is_not_built_says_so_and_is_never_ignored(suite, query, handling):
    refused = suite.get(query, Prefer=f"handling={handling}")
    assert (refused.status, refused.code) == (400, "not-supported")


@pytest.mark.parametrize(
    "query",
    [
        "name=%25",
        "birthdate=2011-02-30",
        "birthdate=xx2011",
        "birthdate=yesterday",
        "active=perhaps",
        "active:missing=perhaps",
        "identifier=|",
        "name=%00",
        "_lastUpdated=x",
        "_total=x",
        "_summary=x",
    ],
)
def test_a_value_that_makes_no_sense_is_refused(suite, query):
    refused = suite.get(f"Patient?{query}")
    assert (refused.status, refused.code) == (400, "invalid")


def test_the_self_link_says_what_was_understood(suite, patients):
    query = f"gender=http://hl7.org/fhir/administrative-gender|female,male&_tag={patients}&_count=2&_sort=-birthdate"
    assert suite.search(f"Patient?{query}").link("self") == f"{suite.base}/Patient?{query}"
    assert suite.search("Patient?_id=nobody&_format=json").link("self") == f"{suite.base}/Patient?_id=nobody"


# ---- by POST -----------------------------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"


def test_a_search_by_post_finds_the_same(suite, patients):
    found = suite.ask("POST", "Patient/_search", f"_tag={patients}&gender=female", Content_Type=FORM)
    assert found.ids == [f"{patients}-a"]
    mixed = suite.ask("POST", f"Patient/_search?_tag={patients}", "gender=female", Content_Type=FORM)
    assert mixed.ids == found.ids
    assert suite.ask("POST", f"Patient/_search?_tag={patients}&gender=female").ids == found.ids


def test_the_pages_of_a_search_by_post_are_got(suite, patients):
    page = suite.ask("POST", "Patient/_search", f"_tag={patients}&_count=2", Content_Type=FORM)
    assert len(page.ids + suite.get(page.link("next")).ids) == 3


def test_a_search_by_post_is_a_form(suite):
    refused = suite.ask("POST", "Patient/_search", {"resourceType": "Parameters"})
    assert refused.status == 415


def test_a_search_of_an_unknown_type_is_not_found(suite):
    assert suite.get("Nonsense?name=x").status == 404
    assert suite.ask("POST", "Nonsense/_search", "x=y", Content_Type=FORM).status == 404


def test_the_present_version_alone_is_found(suite):
    word = make.word()
    made = suite.post(make.patient(name=[{"family": f"{word}old"}]))
    suite.put(make.patient(id=made.id, name=[{"family": f"{word}new"}]))
    assert suite.search(f"Patient?family={word}old").ids == []
    assert suite.search(f"Patient?family={word}").ids == [made.id]
