"""What each published form becomes."""

from decimal import Decimal

import pytest

from server.terminology import systems, table
from server.terminology.intake import icd_10, snomed_ct
from server.terminology.intake.recognise import read
from server.terminology.intake.release import Unreadable
from server.terminology.intake.source import sources
from server.terminology.provider import CannotTell, Filter, Query
from tests.terminology.intake import published as p
from tests.terminology.intake.conftest import quiet

SNOMED_CT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
DMD = "https://dmd.nhs.uk"
SHAPES = "https://example.org/CodeSystem/shapes"

pytestmark = pytest.mark.usefixtures("all_loaded", "tables")


def codes(url, *filters, **query):
    system = systems.known(url)
    wanted = tuple(Filter(*each) for each in filters)
    return {concept.code for concept in system.matching(Query(wanted, **query))}


@pytest.mark.parametrize(
    ("url", "version", "size"),
    [
        (SNOMED_CT, f"{SNOMED_CT}/900000000000207008/version/20260401", 12),
        (LOINC, "2.78", 6),
        (ICD_10, "2026", 9),
        (DMD, "2026-04-01", 7),
        (SHAPES, "3", 2),
    ],
)
def test_a_release_is_a_code_system_in_its_version(url, version, size):
    assert (url, version) in list(table.systems())
    assert systems.known(url).version == version
    assert systems.known(url).count(Query()) == size


@pytest.mark.parametrize(
    ("url", "code", "display"),
    [
        (SNOMED_CT, p.KNEE_PAIN, "Knee pain"),
        (LOINC, "1-8", 'Height, "standing"'),
        (LOINC, "LP1-0", "Measures"),
        (LOINC, "LA2-2", "Gloomy"),
        (ICD_10, "A00.1", "Green fever, mild"),
        (ICD_10, "A01.0", "Blue fever: With rash"),
        (ICD_10, "A02.9", "Red fever: Without rash"),
        (DMD, "301", "Restful"),
        (SHAPES, "square", "Square"),
    ],
)
def test_a_code_is_found_with_the_display_that_is_preferred(url, code, display):
    assert systems.known(url).find(code).display == display


@pytest.mark.parametrize(
    ("url", "code"), [(SNOMED_CT, "1"), (ICD_10, "A01.9"), (LOINC, "1-9"), (DMD, ""), (SHAPES, "Square")]
)
def test_a_code_that_was_not_published_does_not_exist(url, code):
    assert systems.known(url).find(code) is None


def test_all_that_a_release_says_of_a_concept_is_kept():
    concept = systems.known(SNOMED_CT).find(p.KNEE_PAIN)
    said = {each.code: each.value for each in concept.properties}
    assert said == {
        "effectiveTime": "20260401",
        "moduleId": p.CORE,
        "sufficientlyDefined": False,
        p.SITE: p.KNEE,
        p.COUNT: Decimal(2),
    }
    assert [each.value for each in concept.designations] == ["Knee pain (thing)", "Gonalgia \\ knee ache"]
    assert concept.designations[0].use["code"] == "900000000000003001"
    square = systems.known(SHAPES).find("square")
    assert [(each.code, each.value, each.type) for each in square.properties] == [("sides", 4, "integer")]
    assert [(each.language, each.value) for each in square.designations] == [("cy", "Sgwâr")]


@pytest.mark.parametrize(("url", "code"), [(SNOMED_CT, p.RETIRED), (DMD, "302"), (LOINC, "2-6")])
def test_what_is_no_longer_used_is_known_as_such(url, code):
    assert systems.known(url).find(code).inactive
    assert code in codes(url)
    assert code not in codes(url, active=True)
    assert code in codes(url, ("inactive", "=", "true"))


@pytest.mark.parametrize(
    ("url", "above", "below", "does"),
    [
        (SNOMED_CT, p.ROOT, p.KNEE_PAIN, True),
        (SNOMED_CT, p.FINDING, p.KNEE_PAIN, True),
        (SNOMED_CT, p.KNEE_PAIN, p.PAIN, False),
        (SNOMED_CT, p.PAIN, p.RETIRED, False),
        (SNOMED_CT, p.PAIN, p.PAIN, True),
        (DMD, "101", "501", True),
        (DMD, "301", "501", True),
        (DMD, "301", "401", False),
        (ICD_10, "I", "A01.0", True),
        (ICD_10, "A00", "A00.1", True),
        (LOINC, "LP1-0", "2-6", True),
        (SHAPES, "polygon", "square", True),
    ],
)
def test_what_stands_above_subsumes(url, above, below, does):
    assert systems.known(url).subsumes(above, below) is does


def test_parents_and_children_are_those_right_beside():
    system = systems.known(SNOMED_CT)
    assert set(system.parents(p.KNEE_PAIN)) == {p.PAIN, p.FINDING}
    assert set(system.children(p.FINDING)) == {p.PAIN, p.KNEE_PAIN}
    assert list(system.children(p.LEFT_KNEE)) == []


FINDINGS = {p.FINDING, p.PAIN, p.KNEE_PAIN}


@pytest.mark.parametrize(
    ("url", "filter", "found"),
    [
        (SNOMED_CT, ("concept", "is-a", p.FINDING), FINDINGS),
        (SNOMED_CT, ("concept", "descendent-of", p.FINDING), {p.PAIN, p.KNEE_PAIN}),
        (SNOMED_CT, ("concept", "generalizes", p.KNEE_PAIN), {p.ROOT, *FINDINGS}),
        (SNOMED_CT, ("concept", "child-of", p.LIMB), {p.KNEE}),
        (SNOMED_CT, ("concept", "descendent-leaf", p.LIMB), {p.LEFT_KNEE}),
        (SNOMED_CT, ("concept", "is-a", "1"), set()),
        (SNOMED_CT, ("concept", "in", p.CHECKED), {p.PAIN, p.KNEE_PAIN}),
        (SNOMED_CT, ("code", "in", f"{p.PAIN}, {p.KNEE},1"), {p.PAIN, p.KNEE}),
        (SNOMED_CT, (p.SITE, "=", p.KNEE), {p.KNEE_PAIN}),
        (SNOMED_CT, (p.SITE, "exists", "true"), {p.KNEE_PAIN}),
        (SNOMED_CT, ("code", "regex", r"100300\d"), {p.LIMB, p.KNEE, p.LEFT_KNEE}),
        (LOINC, ("PROPERTY", "=", "Mass"), {"2-6"}),
        (LOINC, ("PROPERTY", "in", "Mass,Find"), {"2-6", "3-4"}),
        (LOINC, ("PROPERTY", "regex", "M.*"), {"2-6"}),
        (LOINC, ("PROPERTY", "exists", "false"), {"LP1-0", "LA1-1", "LA2-2"}),
        (LOINC, ("PROPERTY", "not-in", "Mass"), {"1-8", "3-4", "LP1-0", "LA1-1", "LA2-2"}),
        (LOINC, ("parent", "=", "LP1-0"), {"1-8", "2-6"}),
        (LOINC, ("ancestor", "=", "LP1-0"), {"1-8", "2-6"}),
        (LOINC, ("answer-list", "=", "LL1-1"), {"LA1-1", "LA2-2"}),
        (LOINC, ("answers-for", "=", "LL1-1"), {"3-4"}),
        (DMD, ("type", "=", "AMP"), {"301", "302"}),
        (ICD_10, ("kind", "=", "subdivision"), {"A01.0", "A02.0", "A02.9"}),
        (ICD_10, ("display", "regex", ".*fever"), {"A00", "A01", "A02"}),
        (SHAPES, ("sides", "=", "4"), {"square"}),
        (SHAPES, ("concept", "is-not-a", "square"), {"polygon"}),
    ],
)
def test_a_filter_finds_and_holds_the_same(url, filter, found):
    assert codes(url, filter) == found
    system, wanted = systems.known(url), (Filter(*filter),)
    held = {concept.code for concept in system.matching(Query()) if system.holds(concept.code, wanted)}
    assert held == found
    assert system.count(Query(wanted)) == len(found)


@pytest.mark.parametrize(
    "filter", [("colour", "=", "red"), ("effectiveTime", "=", "20260401"), ("concept", "sounds-like", "x")]
)
def test_a_filter_that_there_is_not_is_refused(filter):
    with pytest.raises(CannotTell, match="filtered"):
        codes(SNOMED_CT, filter)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (p.PAIN, {p.PAIN}),
        (f"{p.PAIN} |Pain (thing)|", {p.PAIN}),
        (f"< {p.FINDING}", {p.PAIN, p.KNEE_PAIN}),
        (f"<<{p.FINDING}|x|", FINDINGS),
        (f"<!{p.ROOT}", {p.FINDING, p.SITE, p.COUNT, p.LIMB, p.SETS}),
        (f"<<! {p.LIMB}", {p.LIMB, p.KNEE}),
        (f"> {p.LEFT_KNEE}", {p.KNEE, p.LIMB, p.ROOT}),
        (f">> {p.LIMB}", {p.LIMB, p.ROOT}),
        (f">! {p.LEFT_KNEE}", {p.KNEE}),
        (f"^ {p.CHECKED}", {p.PAIN, p.KNEE_PAIN}),
        ("^ *", {p.PAIN, p.KNEE_PAIN}),
        (f"^ (< {p.SETS})", {p.PAIN, p.KNEE_PAIN}),
        (f"<< (^ {p.CHECKED})", {p.PAIN, p.KNEE_PAIN}),
        (f"< {p.FINDING} MINUS {p.PAIN}", {p.KNEE_PAIN}),
        (f"< {p.FINDING} and << {p.PAIN} /* both */", {p.PAIN, p.KNEE_PAIN}),
        (f"{p.PAIN} OR {p.KNEE} OR {p.LIMB}", {p.PAIN, p.KNEE, p.LIMB}),
        (f"({p.PAIN} OR {p.KNEE}) MINUS << {p.LIMB}", {p.PAIN}),
        (f"<< {p.FINDING} : {p.SITE} = {p.KNEE}", {p.KNEE_PAIN}),
        (f"<< {p.FINDING} : {p.SITE} = << {p.LIMB}", {p.KNEE_PAIN}),
        (f"<< {p.FINDING} : {p.SITE} = {p.LIMB}", set()),
        (f"<< {p.FINDING} : {p.SITE} != {p.LIMB}", {p.KNEE_PAIN}),
        (f"* : {{ << {p.SITE} = * }}", {p.KNEE_PAIN}),
        (f"* : {p.SITE} = {p.KNEE}, {p.SITE} = {p.LIMB}", set()),
        (f"* : {p.SITE} = {p.KNEE} OR {p.SITE} = {p.LIMB}", {p.KNEE_PAIN}),
        (f"* : {p.LIMB} = *", set()),
    ],
)
def test_an_expression_of_snomed_ct_stands_for_its_concepts(expression, found):
    assert codes(SNOMED_CT, ("constraint", "=", expression)) == found


@pytest.mark.parametrize(
    "expression",
    [
        "", "<", "pain", "< 12", "<< 1001001 AND", "(1001001", "1001001)", "1001001 AND 1001002 OR 1001003",
        "1001001 MINUS 1001002 MINUS 1001003", "< 1001001 . 1002001", "< 1001001 {{ term = \"pain\" }}",
        "* : { 1002001 = *, 1002002 = * }", "* : R 1002001 = *", "* : [1..3] 1002001 = *", "(" * 200,
    ],
)  # fmt: skip
def test_an_expression_that_is_not_understood_is_refused_and_not_guessed(expression):
    with pytest.raises(CannotTell):
        codes(SNOMED_CT, ("constraint", "=", expression))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"{SNOMED_CT}?fhir_vs=isa/{p.FINDING}", FINDINGS),
        (f"{SNOMED_CT}?fhir_vs=refset", {p.CHECKED}),
        (f"{SNOMED_CT}?fhir_vs=refset/{p.CHECKED}", {p.PAIN, p.KNEE_PAIN}),
        (f"{SNOMED_CT}?fhir_vs=ecl/%3C%20{p.LIMB}", {p.KNEE, p.LEFT_KNEE}),
        (f"{SNOMED_CT}/900000000000207008?fhir_vs=isa/{p.KNEE}", {p.KNEE, p.LEFT_KNEE}),
        (f"{SNOMED_CT}/900000000000207008/version/20260401?fhir_vs=isa/{p.LEFT_KNEE}", {p.LEFT_KNEE}),
        (f"{LOINC}/vs/LL1-1", {"LA1-1", "LA2-2"}),
        (f"{LOINC}/vs/LP1-0", {"1-8", "2-6"}),
    ],
)
def test_a_url_describes_a_value_set(url, found):
    (include,) = systems.implicit(url)["compose"]["include"]
    system = systems.known(include["system"], include.get("version"))
    filters = tuple(Filter(**each) for each in include.get("filter", ()))
    assert {concept.code for concept in system.matching(Query(filters))} == found


@pytest.mark.parametrize(
    "url",
    [f"{SNOMED_CT}?fhir_vs=isa/x", f"{SNOMED_CT}?fhir_vs=other", f"{SNOMED_CT}?fhir_cm=1", f"{LOINC}/vs/X1"],
)
def test_a_url_that_describes_none_is_no_value_set(url):
    assert systems.implicit(url) is None


def test_another_edition_or_day_is_not_taken_for_the_one_that_is_asked_for():
    assert table.system(SNOMED_CT, f"{SNOMED_CT}/900000000000207008") is not None
    assert table.system(SNOMED_CT, f"{SNOMED_CT}/83821000000107") is None
    assert table.system(SNOMED_CT, f"{SNOMED_CT}/900000000000207008/version/20250401") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("knee pa", {p.KNEE_PAIN}),
        ("KNÉE", {p.KNEE_PAIN, p.KNEE, p.LEFT_KNEE}),
        ("gonal", {p.KNEE_PAIN}),
        (p.KNEE, {p.KNEE}),
        ("nee", set()),
        ("'; \\ knee:*", {p.KNEE_PAIN, p.KNEE, p.LEFT_KNEE}),
        ("--", None),
    ],
)
def test_words_that_begin_alike_find_a_concept_by_any_of_its_names(text, found):
    assert codes(SNOMED_CT, text=text) == (codes(SNOMED_CT) if found is None else found)


def test_pages_put_together_are_the_whole_in_its_order():
    system = systems.known(SNOMED_CT)
    whole = [concept.code for concept in system.matching(Query())]
    assert whole == sorted(whole)
    pages = [
        concept.code
        for start in range(0, len(whole), 5)
        for concept in system.matching(Query(offset=start, limit=5))
    ]
    assert pages == whole
    assert list(system.matching(Query(offset=len(whole), limit=5))) == []


def test_the_table_of_the_nhs_stands_under_its_categories(tmp_path):
    release = read([p.icd_10(tmp_path)], quiet)
    assert (release.url, release.version) == (ICD_10, "5-2026-04-01")
    assert release.parents == {"A00": (), "A00.1": ("A00",), "A00.11": ("A00.1",)}
    assert release.concept("A00.1").designations[0].value == "mild"


def test_an_edition_of_the_united_kingdom_is_named_so(tmp_path):
    release = read([p.rf2(tmp_path, module=p.UK_CLINICAL)], quiet)
    assert release.version == f"{SNOMED_CT}/83821000000107/version/20260401"


@pytest.mark.parametrize("missing", ["Description", "Relationship_"])
def test_a_release_without_one_of_its_tables_is_refused(tmp_path, missing):
    with pytest.raises(Unreadable, match="has no snapshot"):
        read([p.rf2(tmp_path, without=[missing])], quiet)


def test_a_table_without_its_columns_is_refused(tmp_path):
    path = tmp_path / "Loinc.csv"
    path.write_text("LOINC,NAME\n1-8,x\n")
    with pytest.raises(Unreadable, match=r"'Loinc.csv' has no column LOINC_NUM, COMPONENT"):
        read([path], quiet)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.zip", b"PK no", "is not a zip archive"),
        ("a.txt", b"x", "files of no code system"),
        ("a.json", b"{", "is no JSON"),
        ("a.json", b'{"resourceType":"ValueSet","url":"x"}', "is no CodeSystem"),
        (
            "a.json",
            b'{"resourceType":"CodeSystem","url":"x","content":"fragment"}',
            "does not hold all codes",
        ),
        ("f_vmp2_3010426.xml", b"<a", "has no VTM file"),
        ("ICD10_Edition5_CodesAndTitles_GB_20260401.txt", b"CODE\tDESCRIPTION\nfever\tx\n", "none of ICD-10"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=told):
        read([path], quiet)


def test_an_external_entity_of_a_file_is_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    p.dmd(tmp_path / "dmd")
    path = tmp_path / "dmd" / "f_vtm2_3010426.xml"
    path.write_text(
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><x><VTM><VTMID>101</VTMID><NM>&e;</NM></VTM></x>'
    )
    release = read([tmp_path / "dmd"], quiet)
    assert "secret" not in (release.concept("101").display or "")


def test_archives_are_read_as_folders_are(tmp_path):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "release"), "zip", p.rf2(tmp_path / "rf2"))
    files = sources([tmp_path / "release.zip"])
    assert archive.endswith("release.zip")
    assert snomed_ct.is_release(files)
    assert not icd_10.is_release(files)
    assert len(snomed_ct.read(files, quiet).parents) == 12
