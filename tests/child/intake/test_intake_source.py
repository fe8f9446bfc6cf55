from decimal import Decimal
from pathlib import Path

import pytest

from server.child.intake.source import Refused, Row, Unreadable, in_order, table
from server.child.intake.xml import Document


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_whatever_the_encoding_and_the_line_ends(
    tmp_path: Path, encoding: str, end: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(end.join(("CHILD,NAME", "1,Zoë", "")).encode(encoding))
    (row,) = table(file, str.upper).rows()
    assert isinstance(row, Row)
    assert (row.text("CHILD"), row.text("NAME"), row.number) == ("1", "Zoë", 2)


def test_a_bad_line_costs_its_own_row_and_none_below(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('CHILD,NAME\n1,"open\n2,B\n3\n4,D,E\n\n,\n5,"F, G"\n')
    rows = list(table(file, str.upper).rows())
    assert [(one.number, one.text("NAME")) for one in rows if isinstance(one, Row)] == [(3, "B"), (8, "F, G")]
    refused = [(one[0], str(one[1])) for one in rows if not isinstance(one, Row)]
    assert [number for number, _ in refused] == [2, 4, 5]
    assert "1 cells" in refused[1][1]


@pytest.mark.parametrize(("content", "why"), [("", "empty"), ("\n\n", "empty"), ("A,B,a\n1,2,3", "twice")])
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content)
    with pytest.raises(Unreadable, match=why):
        table(file, str.upper)


def test_a_row_remembers_what_was_never_asked_for() -> None:
    row = Row("a.csv", 2, {"A": "1", "B": "2", "C": " "})
    row.text("A")
    row.peek("B")
    assert row.unread() == ["B"]


@pytest.mark.parametrize(
    ("cell", "flag"),
    [("1", True), ("0", False), ("true", True), ("False", False), ("Y", True), ("no", False), ("", None)],
)
def test_yes_and_no_have_several_spellings(cell: str, flag: bool | None) -> None:
    assert Row("a.csv", 2, {"A": cell}).flag("A") is flag


@pytest.mark.parametrize(
    ("cell", "number"), [("139.0", 139), ("7", 7), ("7.50", Decimal("7.50")), ("", None)]
)
def test_a_number_is_exact(cell: str, number: int | Decimal | None) -> None:
    found = Row("a.csv", 2, {"A": cell}).quantity("A")
    assert (found, str(found)) == (number, str(number))


@pytest.mark.parametrize("cell", ["x", "-1", "NaN", "Infinity", "1e999999999x"])
def test_what_counts_nothing_is_refused(cell: str) -> None:
    with pytest.raises(Refused) as refused:
        Row("a.csv", 2, {"A": cell}).quantity("A")
    assert refused.value.column == "A"


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(Refused, match="lies before") as refused:
        in_order(Row("a.csv", 2, {"S": "02/01/2025", "E": "01/01/2025"}), "S", "E")
    assert refused.value.column == "E"


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
        "<a><b></a>",
        "",
    ],
)
def test_xml_that_reaches_outside_or_is_broken_is_not_read(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.xml"
    file.write_text(content)
    with pytest.raises(Unreadable):
        Document(file)


def test_what_no_cell_can_hold_has_a_name_in_the_row(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text('<r><c n="1">stray<x>1</x><x>2</x><y z="3">4</y></c><c/><deep><er>5</er></deep></r>')
    document = Document(file)
    row = document.row(document.root[0])
    assert row.place == "c[1]"
    assert row.cells == {"x": "1", "x[2]": "2", "y": "4", "y/@z": "3", "@n": "1", "text()": "stray"}
    assert list(document.unseen()) == ["r/deep/er"]
