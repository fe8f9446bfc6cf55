"""Whatever is sent as a query is understood or refused, never an accident."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from server.definition.library import library
from server.fhir.issue import FhirError
from server.search.hash import Hasher
from server.search.query import parse
from server.search.registry import Registry, facets, where
from server.search.types import Context
from server.store.tables import partition

REGISTRY = Registry(library())
TYPES = ("Observation", "Patient", "ValueSet", "Bundle", "Provenance")

names = st.one_of(
    st.sampled_from(sorted({code for type_ in TYPES for code in REGISTRY.parameters(type_)})),
    st.sampled_from(
        ["_sort", "_count", "_include", "_revinclude", "_total", "_summary", "_has", "_contained"]
    ),
    st.text(max_size=12),
)
modifiers = st.one_of(
    st.just(""),
    st.sampled_from(
        [":not", ":missing", ":exact", ":contains", ":Patient", ":identifier", ":below", ":above", ":"]
    ),
    st.text(max_size=8).map(":{}".format),
)
values = st.one_of(
    st.text(alphabet="ab1|,\\$:/-.T+ %_éZ", max_size=24),
    st.text(max_size=24),
    st.sampled_from(
        ["true", "ge2024-01-01", "Patient/1", "http://a/b|1", "9999", "0001-01-01", "ap0001", "eb9999-12-31"]
    ),
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.lists(st.tuples(st.tuples(names, modifiers).map("".join), values), max_size=4),
    st.booleans(),
)
def test_any_query_is_understood_or_refused(type_: str, query: list[tuple[str, str]], strict: bool) -> None:
    context = Context(type_, Hasher(b"key"), "http://example.org/fhir")
    with contextlib.suppress(FhirError):
        understood = parse(type_, query, REGISTRY, strict)
        row = partition(type_)
        for condition in understood.conditions:
            facets(condition, context)
            str(select(row.c.id).where(where(row, condition, context)))
