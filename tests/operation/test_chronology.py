"""Patient/[id]/$chronology: what happened in a child's life, in one order, for one reader."""

import random
from base64 import b64decode, b64encode
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from time import perf_counter, process_time

import pytest
from pypdf import PdfReader

from server.child.chronology import pdf
from server.child.chronology.entry import dates
from server.child.chronology.rule import endings, of
from server.fhir.period import HIGHEST, interval
from tests import make

CODES = f"{make.B}/CodeSystem"


def entries(answer):
    """(words, what the chronology says of it) of each entry."""
    return [(told["words"][0], told) for told in map(said, answer.entries)]


def said(entry):
    [extension] = entry["extension"]
    found = {}
    for each in extension["extension"]:
        value = next((v for k, v in each.items() if k.startswith("value")), each.get("extension"))
        found.setdefault(each["url"], []).append(value)
    return found


def words(answer):
    return [each for each, _ in entries(answer)]


def chronology(caller, child, query=""):
    return caller.get(f"Patient/{child}/$chronology{query}")


def contact(child, by, day, code="home-visit", **more):
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [make.concept(f"{CODES}/encounter-type", code)],
        "subject": make.reference(f"Patient/{child}"),
        "period": {"start": day},
        "serviceProvider": make.reference(f"Organization/{by}"),
        **more,
    }


def pages(caller, child, query=""):
    """All entries, page by page."""
    found, url = [], f"Patient/{child}/$chronology{query}"
    while url:
        answer = caller.get(url)
        found += answer.entries
        url = answer.link("next")
    return found


def whole(entry):
    told = said(entry)
    return told["point"][0], told.get("of", [{"reference": entry["fullUrl"].split("/fhir/")[-1]}])[0][
        "reference"
    ]


# ---- equal to a sort of everything that the reader may see -------------------------------------------------

OF_NO_EVENT = {
    "Patient", "RelatedPerson", "Person", "Provenance", "Linkage", "List", "Group", "Basic", "Flag", "Task",
}  # fmt: skip


def expected(caller, child):
    """(point, reference) of each event, and its time: from $everything, sorted here."""
    found = []
    url = f"Patient/{child}/$everything?_count=1000"
    while url:
        answer = caller.get(url)
        found += [each["resource"] for each in answer.entries if each["search"]["mode"] == "match"]
        url = answer.link("next")
    told = []
    for each in found:
        if each["resourceType"] == "Patient" and "birthDate" in each:
            told.append(("event", f"Patient/{each['id']}", interval(each["birthDate"])[0]))
        if each["resourceType"] in OF_NO_EVENT:
            continue
        began, ended = dates(each)
        at = interval(began or ended)[0] if began or ended else HIGHEST
        told.append(("event", f"{each['resourceType']}/{each['id']}", at))
        if ended and of(each).end and each["resourceType"] in endings():
            high = interval(ended)[1] - timedelta(microseconds=1)
            told.append(("end", f"{each['resourceType']}/{each['id']}", high))
    return told


def lived(suite, child, seed, size):  # noqa: C901 - a table of cases
    """Events of many sorts, by several agencies, with dates of every precision."""
    chance = random.Random(seed)
    kinds = ("registration", "child-in-need", "child-protection-plan", "looked-after", "health-service")
    agencies = ("school", "social-care", "health")

    def day():
        on = date(2019, 9, 1) + timedelta(days=chance.randrange(2000))
        text = on.isoformat()
        return chance.choice([text] * 6 + [text[:7], text[:4], f"{text}T10:15:00Z", f"{text}T00:30:00+01:00"])

    def made():
        match chance.randrange(7):
            case 0:
                start = day()
                end = f"{min(int(start[:4]) + 1, 2026)}-{chance.randrange(1, 13):02d}-03"
                more = {"period": {"start": start, **({"end": end} if chance.random() < 0.5 else {})}}
                return make.episode(child, chance.choice(agencies), chance.choice(kinds), **more)
            case 1 | 2:
                code = chance.choice(("home-visit", "emergency-attendance", "contact"))
                return contact(child, chance.choice(agencies), day(), code)
            case 3:
                return make.observation(child, effectiveDateTime=day())
            case 4:
                more = {"recordedDate": day()} if chance.random() < 0.7 else {}
                return {"resourceType": "Condition", "subject": make.reference(f"Patient/{child}"), **more}
            case 5:
                return {
                    "resourceType": "ServiceRequest", "status": "active", "intent": "order",
                    "authoredOn": day(), "subject": make.reference(f"Patient/{child}"),
                }  # fmt: skip
        return make.mark(child, "school", f"2020-{chance.randrange(1, 13):02d}-{chance.randrange(1, 28):02d}")

    sent = []
    claimed = set()
    for _ in range(size):
        one = made()
        key = one.get("effectiveDateTime") if "performer" in one else None
        if key is None or key not in claimed:
            claimed.add(key)
            sent.append(make.posted(one))
    for at in range(0, len(sent), 150):
        assert suite.post(make.bundle("transaction", *sent[at : at + 150])).status == 200


@pytest.mark.soak
@pytest.mark.parametrize(("seed", "label"), [(0, None), (1, "R")])
def test_it_is_a_sort_of_everything_that_the_reader_may_see(
    client_with, suite, child, school, social_care, health, seed, label, is_soak
):
    lived(suite, child, seed, 800 if is_soak else 60)
    if label:
        patient = suite.get(f"Patient/{child}").json
        assert suite.put(patient | {"meta": make.labelled(label)}).status == 200
    for reader in (suite, school, social_care, health, client_with("glimpse"), client_with("inspector")):
        if reader.get(f"Patient/{child}").status != 200:
            assert chronology(reader, child).status == 404
            continue
        told = expected(reader, child)
        at = {(point, reference): when for point, reference, when in told}
        for query, reverse in (("?", False), ("?_count=19&", False), ("?order=newest&_count=23&", True)):
            found = list(map(whole, pages(reader, child, f"{query}attendance=mark&gap=0")))
            assert sorted(found) == sorted(at), reader.client
            dated = [at[each] for each in found if at[each] < HIGHEST]
            assert dated == sorted(dated, reverse=reverse)
            assert all(at[each] == HIGHEST for each in found[len(dated) :])
        weeks = [said(each) for each in pages(reader, child, "?_count=9&gap=0")]
        counted = sum(int(each["detail"][0].split()[0]) for each in weeks if each["point"] == ["attendance"])
        marks = [each for each in expected(reader, child) if each[1] in _marks(reader, child)]
        assert counted == len(marks)


def _marks(reader, child):
    found, url = set(), f"Observation?patient=Patient/{child}&category={make.CATEGORY}|attendance&_count=500"
    while url:
        answer = reader.get(url)
        if answer.status == 403:
            return set()
        found |= {f"Observation/{each}" for each in answer.ids}
        url = answer.link("next")
    return found


@pytest.mark.soak
def test_a_first_page_costs_what_is_on_it(suite, social_care, child, is_soak):
    """Whatever else is known of the child; the best of many, for others work here too."""
    lived(suite, child, 7, 6000 if is_soak else 300)
    took = []
    for _ in range(25):
        begun = perf_counter()
        assert chronology(social_care, child).status == 200
        took.append(perf_counter() - begun)
    # Reading the answer for the test is not the server's.
    assert min(took) < 0.1


# ---- what an entry says ------------------------------------------------------------------------------------


def test_an_end_is_an_entry_of_its_own_where_it_ended(suite, child):
    period = {"start": "2019-03-05", "end": "2020-06"}
    plan = suite.post(make.episode(child, "social-care", "child-protection-plan", period=period)).id
    found = [each for each in chronology(suite, child, "?kind=social-care").entries if plan in str(each)]
    assert [said(each)["words"] for each in found] == [
        ["Child protection plan began"], ["Child protection plan ended"]
    ]  # fmt: skip
    assert said(found[1])["ended"] == ["2020-06"]
    assert [each["resource"]["resourceType"] for each in found] == ["EpisodeOfCare", "Basic"]
    assert said(found[1])["of"] == [{"reference": f"EpisodeOfCare/{plan}"}]


def test_weeks_of_marks_are_lines_and_absence_is_named(suite, child):
    for day, code in (("2025-09-08", "/"), ("2025-09-09", "O"), ("2025-09-16", "I")):
        suite.post(make.mark(child, "school", day, code=code))
    weeks = [
        each for each in entries(chronology(suite, child, "?gap=0")) if each[1]["kind"] == ["attendance"]
    ]
    assert [(words, told["significance"]) for words, told in weeks] == [
        ("Attendance, week from 8 September 2025 to 9 September 2025", ["notable"]),
        ("Attendance, week from 16 September 2025 to 16 September 2025", ["routine"]),
    ]
    assert "9 September 2025 morning O" in weeks[0][1]["detail"][1]
    assert len(weeks[0][1]["mark"]) == 1
    terms = chronology(suite, child, "?attendance=term&kind=attendance&gap=0")
    assert [told["detail"][0].split(".")[0] for _, told in entries(terms)] == ["3 sessions"]
    assert words(chronology(suite, child, "?attendance=none&kind=attendance&gap=0")) == []


def test_a_gap_is_told_of_and_is_no_resource(suite, child):
    suite.post(contact(child, "health", "2018-01-05"))
    gaps = [each for each in chronology(suite, child).entries if said(each)["point"] == ["gap"]]
    assert all(each["search"]["mode"] == "include" for each in gaps)
    assert ["2018-01-05"] in [said(each)["ended"] for each in gaps]
    assert not [1 for each in chronology(suite, child, "?gap=0").entries if said(each)["point"] == ["gap"]]


def test_a_correction_says_what_was_known_before(suite, child):
    made = suite.post(contact(child, "health", "2020-05-05", "home-visit")).json
    corrected = made | {"period": {"start": "2020-05-06"}}
    assert suite.put(corrected).status == 200
    [told] = [each for _, each in entries(chronology(suite, child)) if each["words"] == ["Home visit"]]
    assert told["began"] == ["2020-05-06"]
    [[when, before]] = told["earlier"]
    assert before["valueString"] == "5 May 2020. Home visit"
    assert when["valueInstant"] == told["firstRecorded"][0] == made["meta"]["lastUpdated"]
    suite.put(corrected | {"status": "entered-in-error"})
    [told] = [each for _, each in entries(chronology(suite, child)) if each["words"] == ["Home visit"]]
    assert told["enteredInError"] == [True]


def test_what_was_known_on_a_past_day_is_what_was_recorded_by_then(suite, social_care, child):
    made = suite.post(contact(child, "health", "2020-05-05", "home-visit")).json
    before = suite.get(f"Encounter/{made['id']}").json["meta"]["lastUpdated"]
    suite.put(made | {"period": {"start": "2020-05-06"}})
    suite.post(contact(child, "health", "2020-07-01", "assessment"))
    for reader in (suite, social_care):
        then = entries(chronology(reader, child, f"?asOf={before}&kind=contact&gap=0"))
        assert [(words, told["began"]) for words, told in then] == [("Home visit", ["2020-05-05"])]
        assert "earlier" not in then[0][1]
        now = entries(chronology(reader, child, "?kind=contact&gap=0"))
        assert [told["began"] for _, told in now] == [["2020-05-06"], ["2020-07-01"]]
    assert chronology(suite, child, "?asOf=2020-01-01").status == 404
    assert chronology(suite, child, "?asOf=2100").status == 400


def test_who_was_not_involved_then_is_shown_nothing_of_then(suite, client_with, child):
    before = suite.post(contact(child, "social-care", "2020-05-05")).json["meta"]["lastUpdated"]
    suite.post(make.episode(child, "academy"))
    academy = client_with("academy")
    assert chronology(academy, child).status == 200
    assert chronology(academy, child, f"?asOf={before}").status == 404


def test_the_other_clock_goes_by_when_it_was_recorded(suite, child):
    days = ("2020-05-05", "2018-05-05", "2022-05-05")
    for day in days:
        suite.post(contact(child, "health", day))
    recorded = entries(chronology(suite, child, "?clock=recorded&kind=contact"))
    assert tuple(told["began"][0] for _, told in recorded) == days


# ---- need to know ------------------------------------------------------------------------------------------


def test_of_what_only_exists_it_tells_no_more_than_that(suite, client_with, child):
    glimpse = client_with("glimpse")
    suite.post(make.episode(child, "glimpse"))
    plan = make.episode(child, "social-care", "child-protection-plan", "2023-01-05")
    ours = f"{make.B}/StructureDefinition/latest-category-of-abuse"
    plan["extension"] = [
        {"url": ours, "valueCodeableConcept": make.concept(f"{CODES}/cin-category-of-abuse", "NEG")}
    ]
    suite.post(plan)
    [told] = [t for w, t in entries(chronology(glimpse, child)) if w == "Child protection plan began"]
    assert told["withheld"] == ["existence"]
    assert "detail" not in told
    [whole] = [t for w, t in entries(chronology(suite, child)) if w == "Child protection plan began"]
    assert "NEG" not in str(told)
    assert whole["detail"]


def test_whose_it_is_goes_with_the_whereabouts_of_a_restricted_child(suite, health, child):
    patient = suite.get(f"Patient/{child}").json
    suite.put(patient | {"meta": make.labelled("R")})
    found = chronology(health, child)
    told = [each for _, each in entries(found) if each["kind"] != ["other"]]
    assert told
    assert all("recordedBy" not in each and "saidBy" not in each for each in told)
    assert "Organization/school" not in found.text
    assert words(chronology(health, child, "?agency=school&gap=0")) == []
    assert words(chronology(suite, child, "?agency=Organization/school&gap=0&kind=school")) == [
        "Joined the roll"
    ]


def test_the_account_names_the_child_and_what_was_shown(suite, child):
    chronology(suite, child)
    found = suite.search(f"AuditEvent?patient=Patient/{child}&_count=50").matches
    queries = [one.get("query", "") for each in found for one in each.get("entity", ())]
    assert any("$chronology" in b64decode(each).decode() for each in queries)


@pytest.mark.parametrize(
    "query",
    ["?clock=sideways", "?kind=nothing", "?gap=-1", "?order=up", "?output=doc", "?attendance=day",
     "?_count=0", "?start=yesterday", "?_page=x"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(suite, child, query):
    assert chronology(suite, child, query).status == 400


def test_a_page_link_is_good_for_its_caller_alone(suite, health, child):
    link = chronology(suite, child, "?_count=1").link("next")
    assert suite.get(link).status == 200
    assert health.get(link).status == 400


# ---- for people --------------------------------------------------------------------------------------------


@pytest.fixture
def ask(app):
    """The answer as it is, which is no FHIR."""

    def asked(caller, path, **headers):
        authorization = {"Authorization": f"Bearer {caller._token}"}
        return app.test_client().get(f"/fhir/{path}", headers=authorization | headers)

    return asked


def test_a_page_is_escaped_and_runs_nothing(suite, ask):
    made = suite.post(make.child() | {"name": [{"text": "<script>alert(1)</script>"}]}).id
    suite.post(contact(made, "health", "2020-05-05", reasonCode=[{"text": "<b>&'\""}]))
    for query, accept in (("?output=html", ""), ("?_format=text/html", ""), ("", "text/html,*/*;q=0.8")):
        answer = ask(suite, f"Patient/{made}/$chronology{query}", Accept=accept)
        text, policy = answer.get_data(as_text=True), answer.headers["Content-Security-Policy"]
        assert answer.content_type == "text/html; charset=utf-8"
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert "&lt;b&gt;&amp;&#x27;&quot;" in text
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        style = text.split("<style>")[1].split("</style>")[0]
        assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        for told in ("Made for", "Suite", "Made on", "Known as of", "By right", "Recorded"):
            assert told in text
    assert ask(suite, f"Patient/{made}/$chronology", Accept="application/fhir+json").is_json
    assert ask(suite, f"Patient/{made}/$chronology?_format=text/plain").status_code == 406


def test_a_document_marks_what_is_withheld(suite, client_with, ask, child):
    school = client_with("glimpse")
    suite.post(make.episode(child, "glimpse"))
    suite.post(make.episode(child, "social-care", "child-protection-plan", "2023-01-05"))
    assert "WITHHELD: only" in ask(school, f"Patient/{child}/$chronology?output=html").get_data(as_text=True)
    assert "WITHHELD: only" not in ask(suite, f"Patient/{child}/$chronology?output=html").get_data(
        as_text=True
    )


NAMES = (
    "Zażółć", "Χρήστος", "Олена", "علي", "שרה", "अनिल", "বীণা",
    "ਗੁਰਪ੍ਰੀਤ", "தமிழ்", "ไทย", "小明", "김민지", "ሰላም",
)  # fmt: skip


def test_a_pdf_says_of_whom_it_is_and_holds_every_name(suite, ask):
    made = suite.post(make.child() | {"name": [{"text": f"Ana {' '.join(NAMES)} \U0001f9a9"}]}).id
    suite.post(contact(made, "health", "2020-05-05"))
    answer = ask(suite, f"Patient/{made}/$chronology?output=pdf")
    assert answer.content_type == "application/pdf"
    read = PdfReader(BytesIO(answer.get_data()))
    assert read.metadata.title.startswith("Chronology: Ana")
    assert read.root_object["/Lang"] == "en-GB"
    assert "2020" in [each.title for each in read.outline]
    text = "".join(each.extract_text() for each in read.pages)
    assert "Page 1 of 1" in text
    assert "Made for" in text
    assert "[U+1F9A9]" in text
    needed = pdf._needed("".join(NAMES))
    assert {ord(each) for name in NAMES for each in name} <= pdf._held(needed)


def test_a_pdf_of_three_hundred_entries_takes_three_seconds_at_most(suite, ask):
    made = suite.post(make.child()).id
    sent = [
        make.posted(contact(made, "health", f"20{15 + at % 10}-0{1 + at % 9}-{10 + at % 18}", "home-visit"))
        for at in range(300)
    ]
    for at in (0, 150):
        assert suite.post(make.bundle("transaction", *sent[at : at + 150])).status == 200
    path = f"Patient/{made}/$chronology?output=pdf&gap=0&_count=300"
    ask(suite, path)
    begun = process_time()
    answer = ask(suite, path)
    assert process_time() - begun < 3
    assert len(PdfReader(BytesIO(answer.get_data())).pages) > 8
