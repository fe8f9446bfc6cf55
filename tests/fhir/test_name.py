import pytest

from server.fhir.name import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Smith", "smith"),
        ("  Anna   Maria ", "anna maria"),
        ("O'Brien", "o brien"),
        ("O\u2019Brien", "o brien"),
        ("Smith-Jones", "smith jones"),
        ("Zoë", "zoe"),
        ("Zoe\u0308", "zoe"),
        ("Łukasz Øster", "lukasz oster"),
        ("Straße", "strasse"),
        ("Þór Æsir", "thor aesir"),
        ("İstanbul \u0131s\u0131", "istanbul isi"),
        ("ﬁona", "fiona"),
        ("St. Mary\u2019s C.E. School", "st mary s c e school"),
        ("snake_case", "snake case"),
        ("राम कुमार", "राम कुमार"),
        ("محمد", "محمد"),
        ("王小明", "王小明"),
        ("Anna\u00a0Maria", "anna maria"),
        ("--", ""),
        ("", ""),
        ("7th", "7th"),
    ],
)
def test_a_name_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded
