import pytest

from server.child.intake import date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("14/02/2025", "2025-02-14"),
        ("1/2/2025", "2025-02-01"),
        ("29/02/2024", "2024-02-29"),
        ("14/02/2025 00:00:00", "2025-02-14"),
        ("14/02/2025 00:00", "2025-02-14"),
        ("2025-02-14", "2025-02-14"),
        ("2025-02-14T00:00:00", "2025-02-14"),
        ("2025-02-14Z", "2025-02-14"),
        ("2025-02-14+01:00", "2025-02-14"),
        ("2025-Feb-14 00:00:00", "2025-02-14"),
        ("2025-FEB-14", "2025-02-14"),
    ],
)
def test_a_day_in_any_of_the_formats_is_a_fhir_date(text: str, day: str) -> None:
    assert date.day(text) == day


@pytest.mark.parametrize(
    "text",
    [
        *("31/02/2025", "29/02/2023", "2025-02-30", "2025-13-01", "2025-Fab-14", "00/01/2025", "14/02/25"),
        *("14.02.2025", "yesterday", "2025-02-14 09:30:00", "20250214", "14/02/2025x", "zz/02/2025"),
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|calendar"):
        date.day(text)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("14/02/2025", "2025-02-14"),
        ("zz/02/2025", "2025-02"),
        ("ZZ/zz/2025", "2025"),
        ("zz/zz/zzzz", None),
    ],
)
def test_of_a_partial_date_what_is_known_is_kept(text: str, known: str | None) -> None:
    assert date.partial(text) == known


@pytest.mark.parametrize("text", ["zz/13/2025", "zz/02/zzzz", "14/zz/2025", "zz"])
def test_a_partial_date_without_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="zz"):
        date.partial(text)


@pytest.mark.parametrize(("day", "year"), [("2017-03-31", 2016), ("2017-04-01", 2017), ("2018-01-01", 2017)])
def test_the_collection_year_begins_in_april(day: str, year: int) -> None:
    assert date.collection_year(day) == year


@pytest.mark.parametrize(
    ("born", "birthday"),
    [("2001-03-30", "2018-03-30"), ("2001-04-01", "2017-04-01"), ("2000-02-29", "2018-03-01")],
)
def test_a_birthday_falls_into_the_collection_year(born: str, birthday: str) -> None:
    assert date.birthday(born, 2017) == birthday


@pytest.mark.parametrize(("year", "day"), [(2023, "2023-04-09"), (2024, "2024-03-31"), (2025, "2025-04-20")])
def test_easter_is_known(year: int, day: str) -> None:
    assert date.easter(year).isoformat() == day
