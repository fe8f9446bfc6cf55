"""What a client may say: headers, ids, queries, Bundles; most of it sense, some of it none."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from server.definition.library import library
from server.search.registry import Registry
from tests.soak.examples import EXAMPLES
from tests.soak.mutation import ODD, resources

FHIR_JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
_TYPES = ("Patient", "Observation", "Encounter", "EpisodeOfCare", "ValueSet", "Provenance", "Bundle", "Basic")
_REGISTRY = Registry(library())

latin = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)
"""What a header can hold."""

_etags = latin | st.sampled_from(
    ['W/"1"', '"1"', "1", "*", 'W/"2"', 'W/"999999999999999999999"', "W/1", '"', "", ","]
)
_conditions = st.sampled_from(
    [
        "identifier=a|b",
        "Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9434765919",
        "",
        "?",
        "name=a&birthdate=gt2020",
        "_id=robin",
        "_count=1",
        "_sort=name",
        "unknown=1",
        "identifier=%00",
        "date=2020-13-01",
        "_page=x",
        "identifier=" + "x" * 9000,
    ]
) | latin.map("identifier={}".format)
_HEADERS = {
    "If-Match": _etags,
    "If-None-Match": _etags,
    "If-None-Exist": _conditions,
    "If-Modified-Since": st.sampled_from(["Wed, 21 Oct 2015 07:28:00 GMT", "yesterday"]) | latin,
    "Prefer": st.sampled_from(
        ["return=minimal", "return=OperationOutcome", "handling=strict", "return=", "respond-async", "=;,="]
    )
    | latin,
    "Accept": st.sampled_from(["*/*", "application/json;q=0", "text/html", "application/fhir+xml", ",", ";"])
    | latin,
    "Accept-Encoding": latin,
    "Origin": latin,
    "X-Request-Id": latin,
    "X-Provenance": st.sampled_from(["{}", "{", '{"resourceType":"Provenance"}']) | latin,
}


@st.composite
def headers(draw: st.DrawFn) -> dict[str, str]:
    """None, most often."""
    names = draw(st.lists(st.sampled_from([*_HEADERS]), max_size=3)) if draw(st.booleans()) else []
    return {name: draw(_HEADERS[name]) for name in names}


content_types = st.sampled_from(
    [
        *[FHIR_JSON] * 25,
        "application/json",
        f"{FHIR_JSON}; charset=latin-1",
        f"{FHIR_JSON};fhirVersion=4.0",
        "application/fhir+xml",
        FORM,
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain",
        ";",
        "",
    ]
)

types = st.sampled_from(_TYPES) | st.sampled_from(library().resource_types)
ids = st.one_of(
    st.sampled_from([example["id"] for example in EXAMPLES]),
    st.sampled_from(["new", "a.b-c", "x" * 64, "x" * 65, "a b", "é", "..", "%00", "a%2Fb", "$x", "_history"]),
    st.text(max_size=10).map(lambda text: quote(text, safe="")),
)

# ---- queries -----------------------------------------------------------------------------------------------

_RESULT = """
    _sort _count _include _revinclude _total _summary _elements _contained _containedType _has _page _format
    _pretty _text _content _filter _list _query _maxresults _type code:in patient.name subject:Patient.name
    _before _since _at _has:Observation:patient:code
"""
_MODIFIERS = """
    :not :missing :exact :contains :text :in :below :above :identifier :Patient :of-type :Patient.name
    :iterate :not:not :
"""
_WORDS = r"""
    a true false final male robin smith Smi http://loinc.org|8867-4 http://loinc.org| |a a|b|c || | , ,, $
    a$b \ a\,b 2024 2024-01 ge2024-01-01 lt9999 eb9999-12-31 sa0001-01-01 ap2024-05-01T10:00:00Z
    ne2024-02-30 ge zz2024 2024-13 2024-01-01T25:00 2024-01-01T10:00:00+99:00 2016-12-31T23:59:60Z 0000 0001
    9999 10000 \| Patient/robin Patient/ Patient/robin/_history/1 http://127.0.0.1:8000/fhir/Patient/robin
    http://[ urn:uuid:1 1 -1 0 1e9 99999999999999999999 007 none estimate accurate count text -date
    date,-_lastUpdated _id -name,birthdate Observation:patient Observation:performer:Organization *
    Patient:* Observation:patient:Patient:x Patient:link json xml application/fhir+json % _ %% \%
    5.4|http://unitsofmeasure.org|mg lt5 é ß İ ' " ; --
"""
_CHARACTERS = ("\0", "a\0b", " ", "\n", "x" * 5000, "\ud800", "🙂", "a" * 300 + ",b" * 300)
_NONSENSE = ("%", "%zz", "&&&", "=", "a=%ff", "a=%00", "_id=%00", "a=b;c=d", "+=+", "_id=" + "b," * 3000)

_modifiers = st.one_of(
    st.just(""), st.just(""), st.sampled_from(_MODIFIERS.split()), st.text(max_size=5).map(":{}".format)
)
_words = st.sampled_from([*_WORDS.split(), *_CHARACTERS])
_values = st.one_of(
    _words,
    _words,
    st.lists(_words, max_size=4).map(",".join),
    st.text(max_size=20),
    st.text(alphabet="ab1|,\\$:/-.T+ %_éZ", max_size=20),
)


@st.composite
def queries(draw: st.DrawFn, type_: str) -> str:
    """The query string of a search: most names are parameters of the type."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from(_NONSENSE))
    names = st.sampled_from([*_REGISTRY.parameters(type_), *_RESULT.split()]) | st.text(max_size=12)
    pairs = draw(st.lists(st.tuples(names, _modifiers, _values), max_size=4))
    return urlencode([(name + modifier, value) for name, modifier, value in pairs], errors="surrogatepass")


# ---- Bundles -----------------------------------------------------------------------------------------------

_urls = st.one_of(
    types,
    st.builds("{}/{}".format, types, ids),
    types.flatmap(lambda type_: queries(type_).map(lambda query: f"{type_}?{query}")),
    st.sampled_from(["", "/", "?", "Patient/robin/_history", "Patient/$match", "metadata", "a" * 5000]),
    ODD,
)
_requests = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["POST", "PUT", "GET", "DELETE", "HEAD", "PATCH"]) | ODD,
        "url": _urls,
        "ifMatch": _etags | ODD,
        "ifNoneMatch": _etags | ODD,
        "ifNoneExist": _conditions | ODD,
    },
)
_full_urls = st.sampled_from(["urn:uuid:1", "urn:uuid:2", "http://a/Patient/1", "Patient/1"])
_odd_entries = st.fixed_dictionaries(
    {}, optional={"fullUrl": _full_urls | ODD, "resource": resources(2) | ODD, "request": _requests | ODD}
)


_mostly_sound = st.sampled_from(EXAMPLES) | st.sampled_from(EXAMPLES) | resources(1)


@st.composite
def _entries(draw: st.DrawFn) -> Any:
    """An entry that can be carried out, unless its resource is odd."""
    resource = draw(_mostly_sound)
    type_ = resource.get("resourceType", "Basic") if isinstance(resource, dict) else "Basic"
    id_ = resource.get("id", "x") if isinstance(resource, dict) else "x"
    urls = {"POST": type_, "PUT": f"{type_}/{id_}", "DELETE": f"{type_}/{id_}", "GET": f"{type_}?_id={id_}"}
    method = draw(st.sampled_from([*urls, "POST", "PUT"]))
    request = {"method": method, "url": urls[method]}
    if draw(st.integers(0, 4)) == 0:
        request["ifNoneExist"] = draw(_conditions)
    found = {"fullUrl": f"urn:uuid:{draw(st.integers(0, 9))}", "request": request}
    return {**found, "resource": resource} if method in ("POST", "PUT") else found


@st.composite
def bundles(draw: st.DrawFn) -> dict[str, Any]:
    """A transaction or a batch, as a rule."""
    type_ = draw(st.sampled_from(["transaction"] * 5 + ["batch"] * 5 + ["history", None]))
    odd = draw(st.integers(0, 3)) == 0
    entry = draw(
        st.lists(_odd_entries | _entries() | ODD, max_size=5) | ODD
        if odd
        else st.lists(_entries(), max_size=5)
    )
    return {"resourceType": "Bundle", "type": type_, "entry": entry}


# ---- paths -------------------------------------------------------------------------------------------------

methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
_versions = ids | st.sampled_from(["1", "2", "0", "-1", "9" * 9, "9" * 10, "%00"])
paths = st.one_of(
    st.builds("/fhir/{}/{}".format, types, ids),
    st.builds("/fhir/{}/{}/_history/{}".format, types, ids, _versions),
    st.builds("/fhir/{}/{}/_history?_count={}&_before={}".format, types, ids, _versions, _versions),
    st.builds("/fhir/{}/{}/{}".format, types, ids, types),
    st.builds(
        "/fhir/{}/{}".format, types, st.sampled_from(["$everything", "_search", "_history", "$", "", "//"])
    ),
    st.text(max_size=20).map(lambda text: f"/fhir/{quote(text)}"),
    st.sampled_from(["/fhir/metadata?mode=%00", "/fhir/metadata?_format=xml", "/fhir//", "/fhir/_history"]),
)

# ---- tokens ------------------------------------------------------------------------------------------------


def _basic(text: str) -> str:
    return "Basic " + b64encode(text.encode(errors="surrogatepass")).decode()


credentials = st.one_of(
    st.just("suite:only-in-tests").map(_basic),
    st.sampled_from(
        ["suite:only-in-tests", "suite:wrong", "nobody:x", "suite", ":", "", "a\0:b", "%zz:%"]
    ).map(_basic),
    st.text(max_size=20).map(_basic),
    latin,
    latin.map("Basic {}".format),
)
_token_form = st.fixed_dictionaries(
    {"grant_type": st.sampled_from(["client_credentials"] * 3 + ["password", "", "a\0"])},
    optional={
        "scope": st.sampled_from(
            ["system/*.cruds", "system/Observation.rs?category=a", "system/*.read launch", "\0"]
        )
        | st.text(max_size=20),
        "client_assertion_type": st.sampled_from(
            ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "x"]
        ),
        "client_assertion": st.sampled_from(["a.b.c", "eyJhbGciOiJub25lIn0.e30.", "..", "\0"])
        | st.text(max_size=20),
        "client_id": st.text(max_size=8),
    },
)
token_forms = _token_form.map(lambda form: urlencode(form, errors="surrogatepass").encode()) | st.binary(
    max_size=40
)
