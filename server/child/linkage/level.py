"""The levels of `server.child.likeness.comparison` as conditions that a database can answer.

They come to the same level but for rare forms of names, and are what Splink learns and looks by; who is
one child is
then said by the record's own model. `test_level.py` holds the two together.
"""

from collections.abc import Mapping, Sequence

# What is spelt otherwise where: {any} tells whether two lists meet, {common} how many they share.
SPELLING: Mapping[str, Mapping[str, str]] = {
    "duckdb": {
        "any": "list_has_any",
        "common": "len(list_intersect",
        "starts": "starts_with",
        "has": "list_contains",
        "days": "abs(date_diff('day', try_cast({0} as date), try_cast({1} as date)))",
    },
    "spark": {
        "any": "arrays_overlap",
        "common": "size(array_intersect",
        "starts": "startswith",
        "has": "array_contains",
        "days": "abs(datediff(try_cast({0} as date), try_cast({1} as date)))",
    },
}

_SLIP = (
    "damerau_levenshtein({0}_l, {0}_r) <= case when least(length({0}_l), length({0}_r)) >= 7 then 2 "
    "else 1 end and least(length({0}_l), length({0}_r)) >= 3"
)
_CUT = "(least(length({0}_l), length({0}_r)) <> 2 and (<starts>({0}_l, {0}_r) or <starts>({0}_r, {0}_l)))"

CONDITIONS: Mapping[str, tuple[str, Sequence[str]]] = {
    "given_name": (
        "given_l is null or given_r is null",
        (
            "given_l = given_r",
            "<any>(given_spelling_l, given_spelling_r)",
            "<any>(given_group_l, given_group_r)",
            "(<has>(given_every_l, given_r) or <has>(given_every_r, given_l)) "
            f"and given_sound_l <> given_sound_r and not ({_SLIP.format('given')})",
            "given_sound_l = given_sound_r and not (given_known_l and given_known_r) and "
            "damerau_levenshtein(given_l, given_r) <= "
            "greatest(1, greatest(length(given_l), length(given_r)) / 3)",
            f"not (given_known_l and given_known_r) and {_SLIP.format('given')}",
            _CUT.format("given"),
        ),
    ),
    "middle_name": (
        "middle_l is null or middle_r is null or <has>(given_every_l, given_r) and given_l <> given_r",
        ("<any>(middle_l, middle_r)", "<any>(middle_key_l, middle_key_r)"),
    ),
    "family_name": (
        "family_l is null or family_r is null",
        (
            "family_l = family_r",
            "<any>(family_part_l, family_part_r)",
            "<any>(family_key_l, family_key_r) or <any>(family_sound_l, family_sound_r)",
            _SLIP.format("family"),
            "<any>(family_part_l, given_every_r) and <any>(family_part_r, given_every_l)",
        ),
    ),
    "birth_date": (
        "born_l is null or born_r is null",
        (
            "born_l = born_r and length(born_l) = 10 and substr(born_l, 5) <> '-01-01'",
            "born_l = born_swapped_r",
            "length(born_l) = 10 and length(born_r) = 10 and damerau_levenshtein(born_l, born_r) = 1 "
            "or substr(born_l, 5) = substr(born_r, 5) and "
            "abs(cast(born_year_l as int) - cast(born_year_r as int)) = 1",
            "case when length(born_l) < 10 or length(born_r) < 10 "
            "then <starts>(born_l, born_r) or <starts>(born_r, born_l) "
            "else born_year_l = born_year_r and "
            "(substr(born_l, 5) = '-01-01' or substr(born_r, 5) = '-01-01' "
            "or substr(born_l, 1, 7) = substr(born_r, 1, 7) "
            "and (substr(born_l, 9) = '01' or substr(born_r, 9) = '01')) end",
            "length(born_l) = 10 and length(born_r) = 10 and <days> <= 31",
        ),
    ),
    "sex": ("sex_l is null or sex_r is null", ("sex_l = sex_r",)),
    "address": (
        "(postcode_l is null or postcode_r is null) and not coalesce(<any>(place_l, place_r), false)",
        (
            "<any>(home_l, home_r)",
            "<any>(place_l, place_r) and (postcode_l is null or postcode_r is null or "
            "damerau_levenshtein(postcode_l[0], postcode_r[0]) <= 2)",
            "<any>(postcode_l, postcode_r)",
            "<any>(district_l, district_r)",
        ),
    ),
    "parent": (
        "parent_given_l is null or parent_given_r is null",
        (
            "<common>(parent_first_l, parent_first_r)) >= 2",
            "<any>(parent_family_l, parent_family_r)",
            "<any>(parent_given_l, parent_given_r)",
        ),
    ),
    "sibling": ("sibling_l is null or sibling_r is null", ("<any>(sibling_l, sibling_r)",)),
    "school": ("school_l is null or school_r is null", ("<any>(school_l, school_r)",)),
    "identifier": (
        "identifier_l is null or identifier_r is null",
        ("<any>(identifier_l, identifier_r)", "false"),
    ),
}
"""When a comparison is silent, and each level but the last, which is the rest; in the order of the model."""


def condition(text: str, dialect: str) -> str:
    """A condition in the words of a dialect."""
    for name, spelt in SPELLING[dialect].items():
        text = text.replace(f"<{name}>", spelt.format("born_l", "born_r") if name == "days" else spelt)
    # Lists begin at one in DuckDB, at nought in Spark.
    return text.replace("_l[0]", "_l[1]").replace("_r[0]", "_r[1]") if dialect == "duckdb" else text
