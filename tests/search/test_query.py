"""The query string, understood."""

from urllib.parse import parse_qsl

import pytest

from server.definition.library import library
from server.fhir.issue import Invalid, NotSupported
from server.search.query import MAX_COUNT, Query, parse
from server.search.registry import Registry


def understood(type_: str, query: str, *, strict: bool = False) -> Query:
    return parse(type_, parse_qsl(query, keep_blank_values=True), Registry(library()), strict)


@pytest.mark.parametrize(
    ("type_", "query", "modifier", "values"),
    [
        ("Observation", "code=a", None, ("a",)),
        ("Observation", "code=a,b", None, ("a", "b")),
        ("Observation", "code=a,,b,", None, ("a", "b")),
        ("Observation", r"code=a\,b,c", None, (r"a\,b", "c")),
        ("Observation", "code:not=a", "not", ("a",)),
        ("Observation", "code:missing=true", "missing", ("true",)),
        ("Observation", "subject:Patient=1", "Patient", ("1",)),
        ("Observation", "subject:identifier=s|v", "identifier", ("s|v",)),
        ("Observation", "date=ge2024-01-01", None, ("ge2024-01-01",)),
        ("Observation", "_tag=a|b", None, ("a|b",)),
        ("Observation", "_lastUpdated=gt2024", None, ("gt2024",)),
        ("Observation", "_id=1", None, ("1",)),
        ("Patient", "name:contains=ann", "contains", ("ann",)),
        ("Patient", "name:exact=Ann", "exact", ("Ann",)),
        ("Patient", "active=true", None, ("true",)),
        ("ValueSet", "url:below=http://a", "below", ("http://a",)),
    ],
)
def test_a_criterion_is_read(type_: str, query: str, modifier: str | None, values: tuple[str, ...]) -> None:
    (condition,) = understood(type_, query, strict=True).conditions
    assert (condition.modifier, condition.values) == (modifier, values)


@pytest.mark.parametrize(
    ("type_", "query"),
    [
        ("Observation", "nonsense=1"),
        ("Observation", "nonsense:not=1"),
        ("Observation", "nonsense.chained=1"),
        ("Observation", "code="),
        ("Observation", "code=,"),
        ("Observation", "_sort=nonsense"),
        ("Observation", "_include=Observation:nonsense"),
        ("Observation", "_include=Observation:code"),
        ("Observation", "_include=Nonsense:subject"),
        ("Observation", "_include=Encounter:subject"),
        ("Observation", "_include=Observation:subject:Nonsense"),
        ("Observation", "_include=nonsense"),
        ("Patient", "_revinclude=Observation:subject:Group"),
    ],
)
def test_what_is_unknown_is_left_out_of_the_self_link_or_under_strict_handling_refused(
    type_: str, query: str
) -> None:
    lenient = understood(type_, f"{query}&_id=1")
    assert lenient.self_parameters == (("_id", "1"),)
    assert len(lenient.ignored) == 1
    with pytest.raises(Invalid):
        understood(type_, query, strict=True)


@pytest.mark.parametrize(
    ("type_", "query"),
    [
        ("Observation", "_sort=code-value-concept"),
        ("Location", "_sort=near"),
        ("Observation", "_sort=_text"),
        ("Observation", "_list=$current-problems"),
        ("Observation", "code:Patient=a"),
        ("Observation", "code:exact=a"),
        ("Observation", "date:not=2024"),
        ("Observation", "value-quantity:above=5"),
        ("Observation", "code-value-quantity:not=a$5"),
        ("Observation", "_filter:not=status eq final"),
        ("Patient", "name:text=ann"),
        ("Patient", "name:equal=ann"),
        ("Patient", "birthdate:overlap=2024"),
        ("Patient", "identifier:in=http://x"),
        ("Patient", "gender:nonsense=male"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_not_built_is_refused_by_name(type_: str, query: str, strict: bool) -> None:
    with pytest.raises(NotSupported, match=r"'[\w:.*=-]+'|Sorting by"):
        understood(type_, query, strict=strict)


@pytest.mark.parametrize(
    ("type_", "query"),
    [
        ("Observation", "date=yesterday"),
        ("Observation", "date=2011-02-30"),
        ("Observation", "date=xx2011"),
        ("Observation", "date=ge"),
        ("Observation", "date=2024-01-01,nonsense"),
        ("Observation", "_lastUpdated=nonsense"),
        ("Observation", "code=|"),
        ("Observation", "code:missing=maybe"),
        ("Observation", "code:missing=true,false"),
        ("Observation", "subject:Encounter=1"),
        ("Observation", "subject:identifier=|"),
        ("Observation", "_count=-1"),
        ("Observation", "_count=many"),
        ("Observation", "_total=some"),
        ("Observation", "_summary=nonsense"),
        ("Observation", "code=a%00b"),
        ("Patient", "active=yes"),
        ("Patient", "deceased=2020"),
        ("Patient", "name=-"),
        ("Patient", "name:contains=!"),
    ],
)
def test_a_value_that_makes_no_sense_is_invalid_in_a_sentence(type_: str, query: str) -> None:
    with pytest.raises(Invalid) as refusal:
        understood(type_, query)
    assert str(refusal.value).endswith(".")
    assert not isinstance(refusal.value, NotSupported)


def test_half_a_surrogate_pair_is_invalid() -> None:
    with pytest.raises(Invalid):
        parse("Patient", [("name", "\ud800")], Registry(library()), strict=False)


def test_the_order_is_kept_in_the_self_link_and_only_what_was_understood_is_there() -> None:
    query = understood(
        "Observation", "_sort=-date,nonsense,code&code=a&x=1&_count=5&_format=json&_total=none"
    )
    assert query.self_parameters == (
        ("_sort", "-date,code"),
        ("code", "a"),
        ("_count", "5"),
        ("_total", "none"),
    )
    assert [(key.parameter.code, key.descending) for key in query.sort] == [("date", True), ("code", False)]
    assert (query.count, query.total, query.ignored) == (5, "none", ("_sort", "x"))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("7", 7),
        ("007", 7),
        ("1000", 1000),
        ("1001", MAX_COUNT),
        ("9" * 5000, MAX_COUNT),
        ("0" * 99, 0),
    ],
)
def test_a_page_has_an_upper_limit(text: str, count: int) -> None:
    assert understood("Patient", f"_count={text}").count == count


def test_includes_are_read() -> None:
    query = understood(
        "Observation",
        "_include=Observation:encounter&_include=Observation:performer:Organization&_include=Observation:encounter",
        strict=True,
    )
    assert [(each.source, each.parameter.code, each.target) for each in query.include] == [
        ("Observation", "encounter", None),
        ("Observation", "performer", "Organization"),
    ]
    (back,) = understood("Patient", "_revinclude=Observation:subject:Patient", strict=True).revinclude
    assert (back.source, back.parameter.code, back.target) == ("Observation", "subject", "Patient")


@pytest.mark.parametrize(
    "code",
    ["code", "subject", "date", "identifier", "_id", "_lastUpdated", "_profile", "_tag", "value-string",
     "value-quantity", "combo-code"],
)  # fmt: skip
def test_every_kind_that_is_built_can_be_sorted_by(code: str) -> None:
    (key,) = understood("Observation", f"_sort={code}", strict=True).sort
    assert key.parameter.code == code


@pytest.mark.parametrize("type_", library().resource_types)
def test_every_parameter_is_supported(type_: str) -> None:
    registry = Registry(library())
    found = registry.parameters(type_)
    without_elements = {"_text", "_content", "_filter"} & found.keys()
    wanted = {code for code, each in found.items() if each.expression} | without_elements
    assert set(registry.supported(type_)) == wanted
    assert {"_id", "_lastUpdated", "_tag", "_profile", "_security"} <= wanted
