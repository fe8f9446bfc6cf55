"""https://hl7.org/fhir/R4/xml.html"""

import re
from decimal import Decimal
from itertools import islice, permutations
from pathlib import Path
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from server.definition.xml import from_xml, to_xml
from server.definition.xml_writer import write
from server.fhir import json
from server.fhir.issue import Malformed
from server.validation.validate import validate
from tests.published import BROKEN

FOLDER = Path(__file__).parent.parent / "data" / "fhir-test-cases"
JSON = sorted(FOLDER.glob("*.json"))
XML = sorted((FOLDER / "xml").glob("*.xml"))
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
FHIR = 'xmlns="http://hl7.org/fhir"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def named(path: Path) -> str:
    return path.name


def bare(text: bytes) -> bytes:
    """A document without comments, which the published ones are full of."""
    return re.sub(rb"<!--.*?-->", b"", text, flags=re.DOTALL)


def patient(inside: str) -> bytes:
    return f"<Patient {FHIR}>{inside}</Patient>".encode()


def canonical(text: bytes) -> bytes:
    """The document without space between elements, attributes in one order, and numbers in one form."""
    root = etree.fromstring(text, etree.XMLParser(remove_blank_text=True))
    # Where a schema may be found is not about the resource, and is not kept.
    root.attrib.pop("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation", None)
    etree.cleanup_namespaces(root)
    for number in root.iterfind(".//{*}valueQuantity/{*}value"):
        number.set("value", str(Decimal(number.get("value"))))
    return etree.tostring(root, method="c14n2")


# ---- there and back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", JSON, ids=named)
@pytest.mark.parametrize("pretty", [False, True], ids=["compact", "pretty"])
def test_what_json_says_comes_back_from_xml_unchanged(path: Path, pretty: bool) -> None:
    resource = json.decode(path.read_bytes())
    assert json.identical(from_xml(to_xml(resource, pretty)), resource)


@pytest.mark.parametrize("path", XML, ids=named)
def test_what_xml_says_comes_back_from_json_unchanged(path: Path) -> None:
    text = bare(path.read_bytes())
    resource = json.decode(json.encode(from_xml(text)))
    written = to_xml(resource)
    assert canonical(written) == canonical(text)
    assert json.identical(from_xml(written), resource)


@pytest.mark.parametrize("name", ["patient-example", "observation-decimal", "organization-1"])
def test_the_published_forms_of_one_example_say_the_same(name: str) -> None:
    ours = from_xml(bare((FOLDER / "xml" / f"{name}.xml").read_bytes()))
    theirs = json.decode((FOLDER / f"{name}.json").read_bytes())
    # Their narratives differ in space, and were made at different times.
    assert json.identical(ours | {"text": None}, theirs | {"text": None})


@pytest.mark.parametrize("path", XML, ids=named)
def test_the_published_documents_are_valid_when_read(path: Path) -> None:
    found = validate(from_xml(bare(path.read_bytes())))
    broken = [BROKEN[path.stem]] if path.stem in BROKEN else []
    assert [issue.expression[0] for issue in found] == broken


# ---- writing -----------------------------------------------------------------------------------------------


def test_elements_are_in_the_order_of_the_definition_whatever_the_order_of_json() -> None:
    resource = {
        "birthDate": "1970-03-30",
        "name": [{"given": ["A", "B"], "family": "C", "id": "n"}],
        "resourceType": "Patient",
        "_birthDate": {"extension": [{"valueString": "v", "url": "u"}], "id": "b"},
        "id": "1",
    }
    assert to_xml(resource).decode() == (
        f'{HEAD}<Patient {FHIR}><id value="1"/>'
        '<name id="n"><family value="C"/><given value="A"/><given value="B"/></name>'
        '<birthDate id="b" value="1970-03-30"><extension url="u"><valueString value="v"/></extension>'
        "</birthDate></Patient>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "plain", "a & b", "&amp;", "&quot;", "<b>", "a > b", 'say "so"', "it's", "two\nlines", "tab\there",
        "cr\r\n", "back\\slash", "\\n", '\\"', "\\\\", "\\u0041", "\\b", "%s %d %%", "{}", "ünï ☃ 𝄞",
        "  space  ", "]]>", "null", "\x7f", "\x85\u2028",
    ],
)  # fmt: skip
def test_any_string_goes_there_and_back(text: str) -> None:
    resource = {"resourceType": "Patient", "name": [{"text": text, "given": [text, text]}]}
    assert from_xml(to_xml(resource)) == resource
    assert from_xml(to_xml(json.encode(resource), pretty=True)) == resource


def test_any_escape_that_json_knows_is_understood() -> None:
    body = rb'{"resourceType":"Patient","name":[{"text":"\u003cb\u003E \u00e9 \/ \u0026"}]}'
    assert from_xml(to_xml(body))["name"] == [{"text": "<b> é / &"}]


def test_a_character_that_xml_has_not_is_replaced() -> None:
    told = {"resourceType": "OperationOutcome", "issue": [{"diagnostics": "a\x01\x1f\x0c\\f"}]}
    assert from_xml(to_xml(told))["issue"] == [{"diagnostics": "a\ufffd\ufffd\ufffd\\f"}]


@pytest.mark.parametrize(
    "number",
    ["0", "1.50", "0.00", "100", "-0.0", "1E+3", "1E-22", "1.0E-10", "12345678901234567890.123456789"],
)
def test_a_decimal_keeps_its_digits(number: str) -> None:
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{number}}}}}'.encode()
    written = to_xml(body)
    assert f'<value value="{number}"/>'.encode() in written
    assert json.encode(from_xml(written)) == json.encode(json.decode(body))


def test_an_unknown_element_is_never_left_out_in_silence() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        to_xml({"resourceType": "Patient", "nonsense": 1})


def test_more_shapes_than_are_kept_are_written_no_worse() -> None:
    name = {"use": "usual", "text": "t", "family": "f", "given": ["g"], "prefix": ["p"], "suffix": ["s"]}
    for order in islice(permutations(name), 1200):
        names = [{key: name[key] for key in order}]
        assert from_xml(to_xml({"resourceType": "Patient", "name": names}))["name"] == [name]


def test_the_pretty_form_has_an_element_a_line_and_leaves_narratives_alone() -> None:
    div = f"<div {XHTML}><p>one <b>two</b></p>\n <p/></div>"
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}, "active": True}
    assert to_xml(resource, pretty=True).decode() == (
        f'{HEAD}\n<Patient {FHIR}>\n  <text>\n    <status value="generated"/>\n    {div}\n  </text>\n'
        '  <active value="true"/>\n</Patient>\n'
    )


# ---- narratives --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "div",
    [
        f"<div {XHTML}>text</div>",
        f"<div {XHTML}><div>a</div><div><br/>b</div></div>",
        f"<div {XHTML}>&lt;&amp;&#160;&quot;'\" é\n\t x<!-- kept --><![CDATA[<div>]]></div>",
        f"<div {XHTML} title='it > that' id=\"x\">a</div >",
        f"<div\n  {XHTML}>a\r\nb</div>",
        f"<div title='a' {XHTML} xml:lang=\"en\">\\ \\n &#10;</div>",
    ],
)
def test_a_narrative_is_kept_letter_by_letter(div: str) -> None:
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert from_xml(to_xml(resource)) == resource
    assert from_xml(to_xml(resource, pretty=True)) == resource


@pytest.mark.parametrize(
    ("root", "div", "read"),
    [
        (' xmlns:h="http://www.w3.org/1999/xhtml"', '<h:div><h:p class="a">x &amp; y</h:p></h:div>',
         f'<div {XHTML}><p class="a">x &amp; y</p></div>'),
        (' xmlns:h="http://www.w3.org/1999/xhtml"', f"<div {XHTML}><h:b>x</h:b></div>",
         f"<div {XHTML}><b>x</b></div>"),
        (' xmlns:x="urn:x"', f'<div {XHTML} xml:lang="en">a<!-- b --></div>',
         f'<div {XHTML} xml:lang="en">a<!-- b --></div>'),
        (' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"',
         f"<div {XHTML}>a&#160;</div>", f"<div {XHTML}>a&#160;</div>"),
    ],
    ids=["prefixed", "prefixed inside", "prefix that is not used", "schema location"],
)  # fmt: skip
def test_a_narrative_stands_on_its_own(root: str, div: str, read: str) -> None:
    document = f'<Patient {FHIR}{root}><text><status value="generated"/>{div}</text></Patient>'.encode()
    resource = from_xml(document)
    assert resource["text"]["div"] == read
    assert not validate(resource)


def test_a_narrative_has_one_line_end_as_all_xml_has() -> None:
    document = patient(f'<text><status value="generated"/><div {XHTML}>a\r\nb\rc&#13;d</div></text>')
    assert from_xml(document)["text"]["div"] == f"<div {XHTML}>a\nb\nc\rd</div>"


# ---- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "read"),
    [
        ("", {}),
        ('<active value="true"/>', {"active": True}),
        ('<id value="a"/> <active value="false"></active>\n', {"id": "a", "active": False}),
        ('<active id="i" value="true"/>', {"active": True, "_active": {"id": "i"}}),
        ('<active value="true" id="i"/>', {"active": True, "_active": {"id": "i"}}),
        ('<birthDate><extension url="u"><valueCode value="c"/></extension></birthDate>',
         {"_birthDate": {"extension": [{"url": "u", "valueCode": "c"}]}}),
        ('<name><given value="a"/><given id="i" value="b"/><given value="c"/></name>',
         {"name": [{"given": ["a", "b", "c"], "_given": [None, {"id": "i"}]}]}),
        ('<name><given><extension url="u"><valueCode value="c"/></extension></given><given value="b"/>'
         "</name>",
         {"name": [{"given": [None, "b"], "_given": [{"extension": [{"url": "u", "valueCode": "c"}]}]}]}),
        ('<name><given><extension url="u"><valueCode value="c"/></extension></given></name>',
         {"name": [{"_given": [{"extension": [{"url": "u", "valueCode": "c"}]}]}]}),
        ('<contained><Basic><id value="b"/></Basic></contained>',
         {"contained": [{"resourceType": "Basic", "id": "b"}]}),
        ('<multipleBirthInteger value="-0"/>', {"multipleBirthInteger": 0}),
        ('<name><text value="a&#10;b&amp;&lt;&#x1F600;"/></name>', {"name": [{"text": "a\nb&<😀"}]}),
        ("<name><text value='a\nb'/></name>", {"name": [{"text": "a b"}]}),
    ],
)  # fmt: skip
def test_xml_is_read_as_json_would_say_it(inside: str, read: dict[str, object]) -> None:
    assert from_xml(patient(inside)) == {"resourceType": "Patient", **read}


@pytest.mark.parametrize(
    "document",
    [
        b"\xef\xbb\xbf" + patient(""),
        f'{HEAD}\n<f:Patient xmlns:f="http://hl7.org/fhir"></f:Patient>\n'.encode(),
        b"<?xml version='1.0' encoding='utf-8' standalone='yes'?>" + patient(""),
    ],
)
def test_the_same_may_be_written_in_other_ways(document: bytes) -> None:
    assert from_xml(document) == {"resourceType": "Patient"}


def test_numbers_are_what_json_makes_of_them() -> None:
    read = from_xml(
        f'<Observation {FHIR}><component><valueQuantity><value value="185"/></valueQuantity></component>'
        '<component><valueQuantity><value value="1.50"/></valueQuantity></component></Observation>'.encode()
    )
    whole, part = (each["valueQuantity"]["value"] for each in read["component"])
    assert (type(whole), whole) == (int, 185)
    assert (type(part), str(part)) == (Decimal, "1.50")


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("<Patient>\n\n ¦<!-- a --></Patient>", "a comment has no place"),
        ("<Patient>¦<?php echo ?></Patient>", "a processing instruction"),
        ("¦<!DOCTYPE Patient><Patient/>", "a document type"),
        ('<!DOCTYPE P ¦[<!ENTITY a "b">]><Patient><id value="&a;"/></Patient>', "a document type"),
        ('<!DOCTYPE P SYSTEM "file:///etc/passwd"¦><Patient/>', "a document type"),
        ("<Patient>text¦</Patient>", "text stands between elements"),
        ('<Patient><active value="true">yes¦</active></Patient>', "text stands between elements"),
        ('<Patient>¦<active value="yes"/></Patient>', "the value of 'active' has to be 'true' or 'false'"),
        ('<Patient>¦<active value=""/></Patient>', "'active' is empty"),
        ("<Patient><active/>¦</Patient>", "'active' has neither a value nor an extension"),
        ('<Patient><active id="a">¦</active></Patient>', "'active' has neither a value nor an extension"),
        ('<Patient>¦<active value="true" lang="en"/></Patient>', "an attribute 'lang'"),
        ('<Patient>¦<name value="x"/></Patient>', "an attribute 'value'"),
        ("<Patient>¦<nonsense/></Patient>", "an element 'nonsense' does not belong here"),
        ('<Patient>¦<active xmlns="urn:x" value="true"/></Patient>', "'active' is not in the namespace"),
        ('<Patient><gender value="male"/>\n ¦<active value="true"/></Patient>', "comes after one"),
        ('<Patient><active value="true"/>¦<active value="true"/></Patient>', "stands there once already"),
        ('<Patient><name/><gender value="male"/>¦<name/></Patient>', "comes after one"),
        (
            '<Patient><deceasedBoolean value="true"/>¦<deceasedDateTime value="2020"/></Patient>',
            "another type",
        ),
        ('<Patient>¦<multipleBirthInteger value="1.0"/></Patient>', "has to be a whole number"),
        ('<Patient>¦<multipleBirthInteger value="07"/></Patient>', "has to be a whole number"),
        ("<Patient><contained/>¦</Patient>", "'contained' holds no resource"),
        ("<Patient><contained><Basic/>¦<Basic/></contained></Patient>", "stands there once already"),
        ("<Patient><contained>¦<HumanName/></contained></Patient>", "'HumanName' does not belong here"),
        ('¦<Patient xmlns="urn:x"/>', "'Patient' is not in the namespace"),
        ("¦<Nonsense/>", "'Nonsense' is no resource type"),
        ('¦<Patient id="a"/>', "an attribute 'id'"),
        ('¦<?xml version="1.0" encoding="ISO-8859-1"?><Patient/>', "an encoding other than UTF-8"),
        ("<Patient>¦", "no element found"),
        ('<Patient>¦<id value="&nbsp;"/></Patient>', "undefined entity"),
        ('<Patient><id value="1" ¦value="2"/></Patient>', "duplicate attribute"),
        ('<Patient><id value="¦\x01"/></Patient>', "not well-formed"),
        ("<Patient/>¦<Patient/>", "junk after document element"),
        ('¦{"resourceType":"Patient"}', "not well-formed"),
        ("<Patient><id value=¦1/></Patient>", "not well-formed"),
    ],
)
def test_what_is_no_resource_is_refused_with_its_place(document: str, what: str) -> None:
    """The place is where ¦ stands."""
    document = re.sub(r"^(¦?)<(Patient|Nonsense)\b(?! xmlns)", rf"\1<\2 {FHIR}", document)
    before, _, after = document.partition("¦")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with pytest.raises(Malformed) as refused:
        from_xml((before + after).encode())
    told = str(refused.value)
    assert what in told
    assert f"line {line}, column {column}" in told


def test_a_body_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(Malformed, match=r"not well-formed \(invalid token\) at line 1"):
        from_xml(f'<Patient {FHIR}><language value="é"/></Patient>'.encode("latin-1"))
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        with pytest.raises(Malformed, match="not UTF-8"):
            from_xml(f"<Patient {FHIR}/>".encode(encoding))


def test_an_empty_body_is_refused() -> None:
    with pytest.raises(Malformed, match="is empty"):
        from_xml(b" \n")


def test_a_refusal_quotes_no_value() -> None:
    for inside in (
        '<active value="Robin Sample"/>',
        "Robin Sample",
        "<Robin.Sample/>",
        '<active Robin.Sample=""/>',
    ):
        with pytest.raises(Malformed) as refused:
            from_xml(patient(inside))
        assert "Robin" not in str(refused.value)


@pytest.mark.parametrize(
    "number", ["1e5000", "1E-5000", "1" * 1001, "0." + "1" * 1000, "NaN", "+1", ".5", "5.", "0x1", "1 ", "٣"]
)
def test_a_number_that_json_could_not_say_is_refused(number: str) -> None:
    document = f'<Observation {FHIR}><valueQuantity><value value="{number}"/></valueQuantity></Observation>'
    with pytest.raises(Malformed, match="decimal number"):
        from_xml(document.encode())


def test_elements_nest_only_so_deep() -> None:
    def nested(depth: int) -> bytes:
        item = "<item>"
        questions = item * depth + '<linkId value="1"/>' + "</item>" * depth
        return f"<Questionnaire {FHIR}>{questions}</Questionnaire>".encode()

    assert from_xml(nested(98))["resourceType"] == "Questionnaire"
    with pytest.raises(Malformed, match="more than 100 deep"):
        from_xml(nested(100))
    with pytest.raises(Malformed):
        from_xml(nested(100_000))


def test_the_writer_makes_what_a_parser_takes() -> None:
    for path in JSON:
        expat.ParserCreate().Parse(write(path.read_bytes()), True)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1))
def test_no_text_is_changed_on_the_way(text: str) -> None:
    resource = {"resourceType": "Patient", "name": [{"text": text, "given": ["\\" + text, text + "\\"]}]}
    assert from_xml(to_xml(resource)) == resource
