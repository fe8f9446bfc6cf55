"""What people do to a name, a date, a postcode, when they type it, hear it or half know it."""

from collections.abc import Callable
from datetime import date
from random import Random

from names import short, written
from population import Child, rates

_NEAR = dict(zip("qwertyuiopasdfghjklzxcvbnm", (
    "wa qes wrd etf ryg tuh yij uok ipl o qsz adwx sfec dgrv fhtb gjyn hkum jli k xa zcs xvd cbf vng bmh nj"
).split(), strict=False))  # fmt: skip
_ACCENTS = str.maketrans(
    "łąćęńóśźżŁŚŻăâîșțĂÂÎȘȚéíóáãçêúñüöşğıÇŞÖÜİáÁÉ", "lacenoszzLSZaaistAAISTeioaaceunuosgiCSOUIaAE"
)
_ABBREVIATED = {
    "Road": "Rd", "Street": "St", "Avenue": "Ave", "Close": "Cl", "Lane": "Ln", "Drive": "Dr", "Crescent": "Cres",
    "Grove": "Gr", "Terrace": "Terr", "Court": "Ct", "Gardens": "Gdns", "Place": "Pl", "Flat": "Apt",
}  # fmt: skip


def happens(dice: Random, what: str) -> bool:
    return dice.random() < rates()[what]["of"]


def kind(dice: Random, what: str) -> str:
    kinds = rates()[what]["kinds"]
    return dice.choices(list(kinds), list(kinds.values()))[0]


def misspelt(dice: Random, text: str) -> str:
    """One slip of the hand: a letter left out, doubled, beside the right one, or two exchanged."""
    letters = [at for at, letter in enumerate(text) if letter.isalpha()]
    if len(letters) < 3:
        return text
    at = dice.choice(letters[1:])
    letter = text[at]
    match dice.randrange(4):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + letter + text[at:]
        case 2:
            return text[:at] + dice.choice(_NEAR.get(letter.lower(), "e")) + text[at + 1 :]
        case _:
            return text[: at - 1] + letter + text[at - 1] + text[at + 1 :]


def otherwise(dice: Random, name: str) -> str:
    """As others write it; a name that has no other way is misheard."""
    ways = written().get(name)
    return dice.choice(ways) if ways else _misheard(dice, name)


def familiar(dice: Random, name: str) -> str:
    ways = short().get(name)
    return dice.choice(ways) if ways else name


def given(dice: Random, child: Child, names: tuple[str, ...], family: str) -> tuple[tuple[str, ...], str]:
    """Given names and surname with one slip in the given names."""
    first, rest = names[0], names[1:]
    match kind(dice, "given"):
        case "misspelt":
            return (misspelt(dice, first), *rest), family
        case "written otherwise":
            return (otherwise(dice, first), *rest), family
        case "short":
            return (familiar(dice, first), *rest), family
        case "middle name used" if rest:
            return rest, family
        case "compound cut" if "-" in first:
            return (first.split("-")[0], *rest), family
        case "swapped with surname":
            return (family,), first
        # Where two were born at once, nobody writes an initial.
        case "initial" if child.twin is None:
            return (first[0], *rest), family
    return (misspelt(dice, first), *rest), family


def family(dice: Random, child: Child, name: str) -> str:
    """The surname with one slip."""
    parts = name.replace("-", " ").split()
    match kind(dice, "family"):
        case "written otherwise":
            return otherwise(dice, name)
        case "other parent's" if child.house.parents[0].family != child.family:
            return child.house.parents[0].family
        case "half of a double" if len(parts) > 1:
            return dice.choice(parts)
        case "joined" if len(parts) > 1:
            return dice.choice(("", " ", "-")).join(parts)
    return misspelt(dice, name)


def born(dice: Random, day: date) -> date:
    """The birth date with one slip; what would be no date is tried again."""
    for _ in range(20):
        try:
            return _born(dice, day)
        except ValueError:
            continue
    return day


def postcode(dice: Random, code: str) -> str:
    match kind(dice, "postcode"):
        case "missing":
            return ""
        case "two swapped":
            at = len(code) - dice.choice((1, 2))
            return code[: at - 1] + code[at] + code[at - 1] + code[at + 1 :]
    at = len(code) - dice.choice((1, 2, 3))
    instead = dice.choice("123456789" if code[at].isdigit() else "ABDEFGHJLNPQRSTUWXYZ")
    return code[:at] + instead + code[at + 1 :]


def line(dice: Random, text: str) -> str:
    """A line of an address with one slip."""
    match kind(dice, "line"):
        case "abbreviated":
            return " ".join(_ABBREVIATED.get(word, word) for word in text.split())
        case "flat left out" if ", " in text:
            return text.split(", ")[1]
        case "number left out":
            return text.split(" ", 1)[1] if text[0].isdigit() else text
    head, _, street = text.partition(" ")
    return f"{head} {misspelt(dice, street)}"


def plain(text: str) -> str:
    return text.translate(_ACCENTS)


def _misheard(dice: Random, name: str) -> str:
    for heard, instead in dice.sample(
        [("ph", "f"), ("ie", "y"), ("ey", "y"), ("ck", "k"), ("ee", "i"), ("oo", "u"), ("s", "ss"), ("nn", "n"),
         ("ll", "l"), ("l", "ll"), ("c", "k"), ("th", "t"), ("ei", "ie"), ("e", "a"), ("y", "ie"), ("t", "tt")], 16
    ):  # fmt: skip
        if heard in name[1:]:
            at = name.index(heard, 1)
            return name[:at] + instead + name[at + len(heard) :]
    return misspelt(dice, name)


def _born(dice: Random, day: date) -> date:
    match kind(dice, "birth"):
        case "day and month swapped":
            return day.replace(month=day.day, day=day.month)
        case "year":
            return day.replace(year=day.year + dice.choice((-1, 1)))
        case "first of January":
            return date(day.year, 1, 1)
    text = f"{day:%d%m}"
    at = dice.randrange(4)
    digit = str((int(text[at]) + dice.choice((-1, 1, 3, 5))) % 10)
    slipped = text[:at] + digit + text[at + 1 :]
    return day.replace(month=int(slipped[2:]), day=int(slipped[:2]))
