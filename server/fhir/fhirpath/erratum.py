"""Invariants of R4 that say something else than they mean, as later versions of FHIR say them.

Most come to nothing where an element is missing, and nothing is not true. Where two dates are too vague to
be in an order (`2024 <= 2024-05`) the reference validator lets nothing stand, and so do we.
"""

_PART = r"""[^\\s\\.,:;\\\'"\\/|?!@#$%&*()\\[\\]{}]{1,64}"""
_PATH = rf"{_PART}(\\.{_PART}(\\[x\\])?(\\:[^\\s\\.]+)?)*"
_PLAIN_PATH = r"[A-Za-z][A-Za-z0-9]*(\\.[a-z][A-Za-z0-9]*(\\[x])?)*"
_IS_CONTAINED = "reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids')"
_IS_LIKELY = "probability is decimal implies (probability as decimal) <= 100"

_CORRECTED = {
    # adf-0, csd-0, vsd-0, …
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": (
        "name.exists() implies name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')"
    ),
    # bdl-8
    "fullUrl.contains('/_history/').not()": "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    # eld-19, eld-20: the whole path is meant
    f"path.matches('{_PATH}')": f"path.matches('^{_PATH}$')",
    f"path.matches('{_PLAIN_PATH}')": f"path.matches('^{_PLAIN_PATH}$')",
    # que-7: FHIR's boolean is none of FHIRPath's own
    "operator = 'exists' implies (answer is Boolean)": "operator = 'exists' implies (answer is boolean)",
    # que-12
    "enableWhen.count() > 2 implies enableBehavior.exists()": (
        "enableWhen.count() > 1 implies enableBehavior.exists()"
    ),
    # ras-2
    _IS_LIKELY: f"probability.exists() implies ({_IS_LIKELY})",
    # ref-1
    f"reference.startsWith('#').not() or ({_IS_CONTAINED})": (
        f"reference.exists() implies (reference.startsWith('#').not() or ({_IS_CONTAINED}) "
        "or (reference = '#' and %rootResource != %resource))"
    ),
    # rng-2: only what can be compared
    "low.empty() or high.empty() or (low <= high)": "iif(low > high, false, true)",
    # vs-1
    "($this as dateTime).toString().length() >= 8": (
        "$this is dateTime implies $this.toString().length() >= 10"
    ),
}


def corrected(expression: str) -> str:
    """The expression as it is meant."""
    return _CORRECTED.get(expression, expression)
