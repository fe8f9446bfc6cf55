"""Names, streets and the communities they come from: ordinary words, put together by dice."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Community:
    """A heritage: the codes that returns ask for, and names to draw from."""

    ethnicity: str
    language: str
    girls: tuple[str, ...]
    boys: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BRITISH = Community(
    "WBRI",
    "ENG",
    _words(
        "Amelia Isla Ava Ivy Lily Freya Willow Florence Poppy Elsie Evelyn Rosie Martha Harriet Nell Bethan"
    ),
    _words(
        "Oliver George Arthur Leo Alfie Theo Archie Joshua Freddie Jude Albie Ralph Toby Callum Rory Dylan"
    ),
    _words("Gemma Laura Kelly Stacey Hannah Rachel Joanne Leanne Claire Emma Charlotte Zoe"),
    _words("Darren Craig Lee Scott Matthew Gareth Stephen Ryan Luke Adam Daniel Ross"),
    _words(
        "Ashdown Barlow Cartwright Dunmore Eastwood Fairley Garside Holroyd Ingleby Jessop Kershaw Langdale "
        "Merrick Netherton Oakes Pemberton Ransome Sedgwick Thackeray Underhill Verity Whitlock Yardley"
    ),
)
_ROMANY = Community(
    "WROM",
    "ENG",
    _words("Scarlett Crystal Mercy Rosanna"),
    _words("Levi Nelson Job Jesse"),
    _words("Delilah Charmaine Athalia"),
    _words("Elias Henry Noah"),
    _words("Boswell Lovell Heron"),
)
_POLISH = Community(
    "WOTH",
    "POL",
    _words("Zofia Hanna Maja Lena Oliwia"),
    _words("Kacper Jakub Szymon Antoni Filip"),
    _words("Agnieszka Katarzyna Monika Joanna"),
    _words("Piotr Marcin Tomasz Rafał"),
    _words("Zieliński Wrona Kalinowski Błaszczyk"),
)
_MIXED_CARIBBEAN = Community(
    "MWBC",
    "ENG",
    _words("Aaliyah Tia Kiara Naomi Jasmine"),
    _words("Marley Kai Tyrese Isaiah Zion"),
    _words("Danielle Natasha Simone"),
    _words("Marcus Jermaine Andre"),
    _words("Marlowe Beckford Hartley Gayle"),
)
_INDIAN = Community(
    "AIND",
    "PNJ",
    _words("Simran Jasleen Anaya Harleen Diya"),
    _words("Arjan Rohan Gurveer Ishaan Jeevan"),
    _words("Manpreet Harjit Sunita Kiran"),
    _words("Gurdeep Rajesh Balvinder Anil"),
    _words("Bhandal Sehmi Gandhara Virk"),
)
_PAKISTANI = Community(
    "APKN",
    "URD",
    _words("Aisha Zainab Maryam Hafsa Inaya"),
    _words("Yusuf Ibrahim Hamza Bilal Zakariya"),
    _words("Nasreen Shazia Saima Rukhsana"),
    _words("Tariq Imran Nadeem Asif"),
    _words("Mirza Qureshi Chaudhry Malik Raja"),
)
_BANGLADESHI = Community(
    "ABAN",
    "BNG",
    _words("Tahmina Nusrat Sadia Anika"),
    _words("Rafi Tanvir Samir Naeem"),
    _words("Shirin Farida Rehana"),
    _words("Kamal Rashed Jamal"),
    _words("Talukdar Miah Sarkar Uddin"),
)
_AFRICAN = Community(
    "BAFR",
    "SOM",
    _words("Hodan Ifrah Sagal Amina"),
    _words("Abdirahman Liban Ayub Zubeyr"),
    _words("Halima Sahra Fadumo"),
    _words("Mahad Farah Yasin"),
    _words("Warsame Jama Nur Egal"),
)
_CARIBBEAN = Community(
    "BCRB",
    "ENG",
    _words("Destiny Shanice Imani Renee"),
    _words("Malachi Jayden Elijah Andrae"),
    _words("Marcia Yvonne Sharon"),
    _words("Winston Delroy Leroy"),
    _words("Braithwaite Cumberbatch Pinnock Lindo"),
)
_CHINESE = Community(
    "CHNE",
    "CHI",
    _words("Mei Xinyi Jia Lan"),
    _words("Haoran Zixuan Wei Jun"),
    _words("Ling Hui Fang"),
    _words("Jian Bo Ming"),
    _words("Cheung Lau Tsang Yip"),
)
_ARAB = Community(
    "OOTH",
    "ARA",
    _words("Salma Nour Rima Dalia"),
    _words("Karim Omar Ziad Anas"),
    _words("Hanan Rania Samira"),
    _words("Khaled Bassam Walid"),
    _words("Haddad Nasser Darwish Sabbagh"),
)

UNKNOWN = Community("NOBT", "ENG", BRITISH.girls, BRITISH.boys, BRITISH.women, BRITISH.men, BRITISH.families)
"""A family that was not asked yet."""

_SHARES = (
    (BRITISH, 58),
    (_PAKISTANI, 8),
    (_POLISH, 6),
    (_INDIAN, 6),
    (_AFRICAN, 5),
    (_MIXED_CARIBBEAN, 5),
    (_BANGLADESHI, 3),
    (_CARIBBEAN, 3),
    (_ARAB, 2),
    (_CHINESE, 2),
    (_ROMANY, 1),
    (UNKNOWN, 1),
)

_STREETS = _words("Cobbler Foxglove Granary Heron Juniper Lantern Mallard Orchard Quarry Saffron Tanner Weir")
_ENDINGS = _words("Close Lane Mews Rise Road Street Walk Way")


def community(dice: Random) -> Community:
    """A community, as often as its share of the authority's families."""
    return dice.choices([c for c, _ in _SHARES], [share for _, share in _SHARES])[0]


def street(dice: Random) -> str:
    """A house in a street that is on no map."""
    return f"{dice.randint(1, 140)} {dice.choice(_STREETS)} {dice.choice(_ENDINGS)}"
