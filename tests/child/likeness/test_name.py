import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.child.likeness.name import (
    Resemblance,
    differs_plainly,
    distance,
    family_resemblance,
    family_words,
    given_resemblance,
    given_words,
    name_keys,
    sound,
)

LETTERS = st.text("abcdeéłñ'- ", max_size=12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mary-Jane Ann", ("mary-jane", "ann")),
        ("Zoë D\u2019Arcy", ("zoe", "darcy")),
        ("Łukasz", ("lukasz",)),
        ("Наталія", ("nataliya",)),
        ("محمد", ("mhmd",)),
        ("Ελένη", ("eleni",)),
        ("Baby", ()),
        ("Twin 2", ()),
        ("Infant of Alex", ("alex",)),
        ("", ()),
    ],
)
def test_given_names_are_folded_into_latin_words_and_placeholders_left_out(
    text: str, words: tuple[str, ...]
) -> None:
    assert given_words(text) == words


@pytest.mark.parametrize(
    "written",
    [
        ["O'Brien", "O Brien", "OBRIEN", "O\u2019Brien", "Obrien"],
        ["Smith-Jones", "Smith Jones", "SMITH\u2013JONES", "Smith - Jones"],
        ["Al-Hassan", "Al Hassan", "Hassan", "El Hassan"],
        ["MacDonald", "Mac Donald", "Macdonald"],
        ["de la Cruz", "Cruz", "De La Cruz"],
        ["St. John", "St John"],
    ],
)
def test_a_family_name_is_the_same_however_it_is_joined(written: list[str]) -> None:
    assert len({family_words(each) for each in written}) == 1


def test_a_family_name_of_a_particle_alone_is_kept() -> None:
    assert family_words("Da") == ("da",)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("maryjane", "mary-jane", "SAME"),
        ("mohammed", "muhammad", "VARIANT"),
        ("catherine", "kathryn", "VARIANT"),
        ("sophie", "sofie", "VARIANT"),
        ("harry", "harrie", "VARIANT"),
        ("aleksander", "alexander", "VARIANT"),
        ("nataliya", "natalia", "VARIANT"),
        ("aisha", "ayesha", "VARIANT"),
        ("william", "bill", "SHORT"),
        ("alexandra", "sasha", "SHORT"),
        ("oleksandr", "alex", "SHORT"),
        ("kate", "katie", "SHORT"),
        ("frederick", "freddie", "SHORT"),
        ("amina", "aminah", "SHORT"),
        ("jermaine", "jermane", "SOUND"),
        ("robin", "robni", "SOUND"),
        ("oliver", "olivef", "SLIP"),
        ("florence", "florenc", "SLIP"),
        ("mohammed", "omhammed", "SLIP"),
        ("christopher", "chirstophre", "SLIP"),
        ("j", "james", "INITIAL"),
        ("anne-marie", "anne", "INITIAL"),
        ("oluwaseyifunmi", "oluwas", "INITIAL"),
        ("jayden", "hayden", "DIFFER"),
        ("ella", "emma", "DIFFER"),
        ("hassan", "hussain", "DIFFER"),
        ("tyler", "kyler", "DIFFER"),
        ("inaya", "anaya", "DIFFER"),
        ("hassan", "hussaain", "DIFFER"),
        ("daniel", "danielle", "DIFFER"),
        ("oliver", "olivia", "DIFFER"),
        ("beth", "elsie", "DIFFER"),
        ("mia", "maya", "DIFFER"),
        ("anne-marie", "anne-louise", "DIFFER"),
    ],
)
def test_given_names_resemble_each_other_as_people_write_them(one: str, other: str, expected: str) -> None:
    assert given_resemblance(one, other) == given_resemblance(other, one) == Resemblance[expected]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("hussain", "hussein", "VARIANT"),
        ("kowalski", "kowalska", "SOUND"),
        ("thompson", "thomson", "SLIP"),
        ("macdonald", "mcdonald", "SOUND"),
        ("philips", "fillips", "SOUND"),
        ("patel", "patle", "SOUND"),
        ("patel", "pate", "SLIP"),
        ("patel", "parker", "DIFFER"),
        ("ali", "khan", "DIFFER"),
        ("khan", "kahn", "SOUND"),
    ],
)
def test_family_names_resemble_each_other(one: str, other: str, expected: str) -> None:
    assert family_resemblance(one, other) == family_resemblance(other, one) == Resemblance[expected]


@pytest.mark.parametrize(
    ("one", "other"),
    [("muhammad", "mohamed"), ("nowak", "novak"), ("philip", "filip"), ("kowalski", "kovalska")],
)
def test_what_sounds_alike_has_one_key(one: str, other: str) -> None:
    assert sound(one) == sound(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bill", "william"),
        ("oleksandr", "alex"),
        ("kasia", "katarzyna"),
        ("yusuf", "yousef"),
        ("izzy", "isobel"),
    ],
)
def test_a_name_and_what_it_is_shortened_to_have_a_key_in_common(one: str, other: str) -> None:
    assert set(name_keys(one)) & set(name_keys(other))


@pytest.mark.parametrize(
    ("one", "other", "plainly"),
    [
        ("oliver", "jack", True),
        ("jayden", "kayden", True),
        ("arthuur", "arthue", False),
        ("ava", "aa", False),
        ("mohammed", "zayd", False),
        ("mohammed", "mohamed", False),
    ],
)
def test_only_what_nobody_would_confuse_differs_plainly(one: str, other: str, plainly: bool) -> None:
    assert differs_plainly(one, other) is plainly


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", 0),
        ("ab", "ba", 1),
        ("abc", "abc", 0),
        ("abc", "abd", 1),
        ("abcd", "acd", 1),
        ("abcd", "efgh", 3),
    ],
)
def test_distance_counts_slips(one: str, other: str, expected: int) -> None:
    assert distance(one, other, 2) == expected


@given(LETTERS, LETTERS)
def test_distance_is_symmetric_and_nought_for_the_same(one: str, other: str) -> None:
    assert distance(one, one, 2) == 0
    assert distance(one, other, 3) == distance(other, one, 3)


@given(st.text(max_size=20))
def test_any_text_has_words_and_keys(text: str) -> None:
    for word in (*given_words(text), *family_words(text)):
        assert word
        assert name_keys(word)
        assert given_resemblance(word, word) == Resemblance.SAME
