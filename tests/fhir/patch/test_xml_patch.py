"""XML Patch: HL7's own cases, and what RFC 5261 says beyond them."""

from pathlib import Path

import pytest
from lxml import etree

from server.fhir.issue import Inapplicable, Malformed
from server.fhir.patch.xml_patch import patched

SUITE = Path(__file__).parents[2] / "data/fhir-test-cases/patch/xml-patch-tests.xml"
CASES = etree.parse(SUITE).findall("case")

WITHOUT_A_DOCUMENT = "Missing target document"
"""Not applicable: what is patched here is always a resource."""


def alone(element):
    element.tail = None
    return etree.tostring(element)


def normal(document):
    """Without the white space between elements."""
    return etree.canonicalize(document.decode(), strip_text=True, with_comments=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.get("name"))
def test_hl7s_own_cases(case):
    if case.get("name") == WITHOUT_A_DOCUMENT:
        pytest.skip("a resource is always there")
    document, patch = alone(case.find("target")[0]), alone(case.find("{*}patch"))
    if case.find("error") is not None:
        with pytest.raises((Inapplicable, Malformed)):
            patched(document, patch)
    else:
        assert normal(patched(document, patch)) == normal(alone(case.find("patched")[0]))


PATIENT = (
    '<Patient xmlns="http://hl7.org/fhir"><id value="p"/><text><status value="generated"/>'
    '<div xmlns="http://www.w3.org/1999/xhtml">a<b>c</b>d</div></text><active value="true"/>'
    '<telecom><system value="phone"/><value value="1"/></telecom>\n'
    '<telecom><system value="email"/><value value="2"/></telecom><gender value="male"/></Patient>'
)


def diff(operations, root="diff"):
    return f'<{root} xmlns="http://hl7.org/fhir">{operations}</{root}>'.encode()


@pytest.mark.parametrize(
    ("operation", "old", "new"),
    [
        ('<replace sel="f:Patient/f:active/@value">false</replace>',
         'active value="true"', 'active value="false"'),
        ('<replace sel="/Patient/active/@value">false</replace>',
         'active value="true"', 'active value="false"'),
        ('<replace sel="*/*[2]/h:div/h:b/text()">e</replace>', "<b>c</b>", "<b>e</b>"),
        ('<replace sel="f:Patient/f:text/h:div/text()[2]">e</replace>', "</b>d", "</b>e"),
        ('<remove sel="f:Patient/f:text/h:div/h:b"/>', "<b>c</b>", ""),
        ("<replace sel=\"f:Patient/f:telecom[f:system/@value='email']/f:value/@value\">3</replace>",
         'value="2"', 'value="3"'),
        ("<replace sel='Patient/telecom[system/@value=\"email\" and value/@value=\"2\"]/value/@value'>3"
         "</replace>",
         'value="2"', 'value="3"'),
        ('<remove sel="f:Patient/f:telecom[2]" ws="before"/>',
         '\n<telecom><system value="email"/><value value="2"/></telecom>', ""),
        ('<remove sel="f:Patient/f:telecom[1]" ws="after"/>',
         '<telecom><system value="phone"/><value value="1"/></telecom>\n', ""),
        ('<add sel="f:Patient/f:gender" pos="after"><birthDate value="2014"/></add>',
         '<gender value="male"/>', '<gender value="male"/><birthDate value="2014"/>'),
        ('<add sel="f:Patient/f:active" pos="before"><language value="en"/></add>',
         "<active", '<language value="en"/><active'),
        ('<add sel="f:Patient/f:telecom[1]" pos="prepend"><id value="x"/></add>',
         "<telecom><system value=\"phone\"", '<telecom><id value="x"/><system value="phone"'),
        ('<add sel="f:Patient/f:text/h:div" pos="prepend">x</add>', ">a<b>", ">xa<b>"),
        ('<add sel="f:Patient"><birthDate value="2014"/></add>',
         "</Patient>", '<birthDate value="2014"/></Patient>'),
    ],
)  # fmt: skip
def test_an_operation_changes_what_it_names_and_nothing_else(operation, old, new):
    assert old in PATIENT
    found = patched(PATIENT.encode(), diff(operation))
    assert etree.canonicalize(found.decode()) == etree.canonicalize(PATIENT.replace(old, new, 1))


@pytest.mark.parametrize(
    "operation",
    [
        '<remove sel="f:Patient"/>',
        '<remove sel="f:Patient/f:telecom"/>',
        '<remove sel="f:Patient/f:photo"/>',
        '<remove sel="f:Patient/f:active" ws="before"/>',
        '<remove sel="x:Patient/x:active"/>',
        '<remove sel="//f:active"/>',
        '<remove sel="f:Patient/f:active | f:Patient/f:gender"/>',
        '<remove sel="f:Patient/f:telecom[last()]"/>',
        '<remove sel="f:Patient/f:telecom[count(//*) > 0]"/>',
        "<remove sel=\"document('/etc/passwd')\"/>",
        '<remove sel="f:Patient/../f:Patient/f:active"/>',
        '<remove sel=""/>',
        '<add sel="f:Patient/f:active/@value">x</add>',
        '<add sel="f:Patient/f:active" type="@value">x</add>',
        '<add sel="f:Patient/f:active" type="@a b">x</add>',
        '<add sel="f:Patient/f:active" type="@x:a">x</add>',
        '<add sel="f:Patient/f:active" type="namespace::a b">x</add>',
        '<add sel="f:Patient/f:active" type="text">x</add>',
        '<add sel="f:Patient/f:active" pos="inside"><id value="x"/></add>',
        '<add sel="f:Patient" pos="after"><Patient/></add>',
        '<replace sel="f:Patient/f:active"><active value="false"/><gender value="male"/></replace>',
        '<replace sel="f:Patient/f:active">false</replace>',
        '<replace sel="f:Patient/f:active"/>',
        '<replace sel="f:Patient/f:active"><!-- x --></replace>',
    ],
)
def test_what_does_not_fit_says_which_operation_it_was(operation):
    harmless = '<replace sel="f:Patient/f:active/@value">true</replace>'
    with pytest.raises(Inapplicable, match="Operation 1 of the patch"):
        patched(PATIENT.encode(), diff(harmless + operation))


@pytest.mark.parametrize(
    "patch",
    [
        b"",
        b"x",
        b"<diff>",
        diff(""),
        diff("<move sel='f:Patient'/>"),
        diff("<remove/>"),
        b'<!DOCTYPE diff [<!ENTITY e "x">]><diff><add sel="f:Patient">&e;</add></diff>',
        b'<!DOCTYPE diff SYSTEM "file:///etc/passwd"><diff><remove sel="f:Patient/f:active"/></diff>',
        diff("<remove sel='f:Patient/f:active'/>" * 1001),
    ],
)
def test_what_is_no_patch_is_refused_before_anything_is_done(patch):
    with pytest.raises(Malformed):
        patched(PATIENT.encode(), patch)
