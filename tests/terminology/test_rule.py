"""Code systems whose codes follow a rule.

https://hl7.org/fhir/R4/terminologies-systems.html
"""

import pytest

from server.terminology.provider import CannotTell, Filter, Query
from server.terminology.systems import held, known, system

BCP_47, ISO_3166, ISO_4217 = "urn:ietf:bcp:47", "urn:iso:std:iso:3166", "urn:iso:std:iso:4217"
UCUM, MIME, URI = "http://unitsofmeasure.org", "urn:ietf:bcp:13", "urn:ietf:rfc:3986"


@pytest.mark.parametrize(
    ("url", "code", "display"),
    [
        (BCP_47, "en", "English"),
        (BCP_47, "en-GB", "English (United Kingdom)"),
        (BCP_47, "EN-gb", "English (United Kingdom)"),
        (BCP_47, "sr-Latn-RS", "Serbian (Latin, Serbia)"),
        (BCP_47, "es-419", "Spanish (Latin America and the Caribbean)"),
        (BCP_47, "de-1901", "German (Traditional German orthography)"),
        (BCP_47, "zh-cmn", "Chinese (Mandarin Chinese)"),
        (BCP_47, "i-klingon", "Klingon"),
        (BCP_47, "x-ours", "Private use"),
        (BCP_47, "en-u-co-phonebk", "English"),
        (BCP_47, "qab", "Private use"),
        (BCP_47, "zz", None),
        (BCP_47, "en-XQ1", None),
        (BCP_47, "en_GB", None),
        (BCP_47, "english", None),
        (BCP_47, "", None),
        (ISO_3166, "GB", "United Kingdom"),
        (ISO_3166, "GBR", "United Kingdom"),
        (ISO_3166, "826", "United Kingdom"),
        (ISO_3166, "UK", None),
        (ISO_3166, "EU", None),
        ("urn:iso:std:iso:3166:-2", "GB-ENG", "GB-ENG"),
        ("urn:iso:std:iso:3166:-2", "UK-ENG", None),
        (ISO_4217, "GBP", "British Pound"),
        (ISO_4217, "GBX", None),
        (MIME, "application/pdf", "application/pdf"),
        (MIME, "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        (MIME, "pdf", None),
        (URI, "urn:uuid:1", "urn:uuid:1"),
        (URI, "no uri", None),
        (UCUM, "mg/dL", "mg/dL"),
        (UCUM, "[pH]", "[pH]"),
        (UCUM, "dB[SPL]", "dB[SPL]"),
        (UCUM, "10*3/uL", "10*3/uL"),
        (UCUM, "{score}", "{score}"),
        (UCUM, "mmHg", None),
        (UCUM, "mg/", None),
        (UCUM, "[pH]x", None),
        (UCUM, "k[in_i]", None),
        (UCUM, "", None),
    ],
)
def test_a_code_follows_the_rule_or_does_not_exist(url, code, display):
    found = known(url).find(code)
    assert (found and found.display) == display


@pytest.mark.parametrize("url", [UCUM, BCP_47, MIME, URI])
def test_what_follows_a_rule_cannot_be_listed_and_stands_in_no_hierarchy(url):
    ruled = known(url)
    for ask in (ruled.matching, ruled.count):
        with pytest.raises(CannotTell):
            ask(Query())
    with pytest.raises(CannotTell):
        ruled.holds("en", (Filter("code", "=", "en"),))
    assert ruled.subsumes("m", "m")
    assert not ruled.subsumes("m", "s")
    assert (ruled.parents("m"), ruled.children("m")) == ((), ())


def test_countries_are_those_of_the_three_value_sets_of_r4():
    letters = known(ISO_3166).count(Query((Filter("code", "regex", "[A-Z]{3}"),)))
    digits = known(ISO_3166).count(Query((Filter("code", "regex", "[0-9]{3}"),)))
    assert letters == digits == 249


def test_every_system_that_is_declared_is_found():
    declared = dict(held())
    assert {UCUM, BCP_47, "http://hl7.org/fhir/administrative-gender"} <= declared.keys()
    assert len(declared) > 1000
    for url in list(declared)[::50]:
        assert system(url) is not None, url
    assert system("http://example.org/none") is None
