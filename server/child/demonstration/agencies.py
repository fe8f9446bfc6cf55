"""The agencies of the demonstration authority and of its neighbour, and the numbers they are known by.

The code of an agency is the id of its Organization and the name of its file in profiles/access.
"""

from dataclasses import dataclass

WEXSHIRE = "330"
NORTHMERE = "873"
"""Three-digit authority codes are borrowed, so that UPNs pass their checks; the places are invented."""


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation that reads and writes the record; `ages` are the year groups that a school takes."""

    code: str
    name: str
    kind: str
    authority: str
    place: str
    postcode: str
    telephone: str
    urn: str = ""
    establishment: str = ""
    ods: str = ""
    ofsted: str = ""
    ages: range = range(0)

    @property
    def reference(self) -> str:
        return f"Organization/{self.code}"


COUNCILS = (
    Agency(
        "wexshire-council", "Wexshire Council", "council", WEXSHIRE, "Wexbridge", "XW1 1AA", "01632 960100"
    ),
    Agency(
        "northmere-council", "Northmere Council", "council", NORTHMERE, "Northmere", "XN1 1AA", "01632 961100"
    ),
)

DIRECTORY = COUNCILS[0].code
"""The agency that keeps the directory of agencies and workers for all the others."""


SCHOOLS = (
    Agency(
        "ashbourne-primary",
        "Ashbourne Primary School",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW1 3AB",
        "01632 960201",
        "900101",
        "2001",
        ages=range(7),
    ),
    Agency(
        "millbrook-primary",
        "Millbrook Primary School",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW2 4CD",
        "01632 960202",
        "900102",
        "2002",
        ages=range(7),
    ),
    Agency(
        "st-aldhelms-primary",
        "St Aldhelm's Church of England Primary School",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW3 5EF",
        "01632 960203",
        "900103",
        "3001",
        ages=range(7),
    ),
    Agency(
        "harbour-lane-primary",
        "Harbour Lane Primary School",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW4 6GH",
        "01632 960204",
        "900104",
        "2004",
        ages=range(7),
    ),
    Agency(
        "kingsmead-academy",
        "Kingsmead Academy",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW1 7JK",
        "01632 960205",
        "900105",
        "4001",
        ages=range(7, 12),
    ),
    Agency(
        "northgate-school",
        "Northgate School",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW4 8LM",
        "01632 960206",
        "900106",
        "4002",
        ages=range(7, 12),
    ),
    Agency(
        "fernhill-school",
        "Fernhill Special School",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW2 9NP",
        "01632 960207",
        "900107",
        "7001",
        ages=range(1, 12),
    ),
    Agency(
        "compass-centre",
        "The Compass Centre (alternative provision)",
        "school",
        WEXSHIRE,
        "Wexbridge",
        "XW3 2QR",
        "01632 960208",
        "900108",
        "1101",
        ages=range(8, 12),
    ),
    Agency(
        "eastwick-primary",
        "Eastwick Primary School",
        "school",
        NORTHMERE,
        "Northmere",
        "XN2 3ST",
        "01632 961201",
        "900201",
        "2011",
        ages=range(7),
    ),
    Agency(
        "northmere-academy",
        "Northmere Academy",
        "school",
        NORTHMERE,
        "Northmere",
        "XN2 5UV",
        "01632 961202",
        "900202",
        "4011",
        ages=range(7, 12),
    ),
)

SETTINGS = (
    Agency(
        "little-acorns-nursery",
        "Little Acorns Nursery",
        "early-years",
        WEXSHIRE,
        "Wexbridge",
        "XW1 5WX",
        "01632 960301",
        "900301",
        ofsted="2900301",
    ),
    Agency(
        "riverside-preschool",
        "Riverside Pre-school",
        "early-years",
        WEXSHIRE,
        "Wexbridge",
        "XW3 7YZ",
        "01632 960302",
        "900302",
        ofsted="2900302",
    ),
    Agency(
        "eastwick-nursery",
        "Eastwick Nursery",
        "early-years",
        NORTHMERE,
        "Northmere",
        "XN2 3SX",
        "01632 961301",
        "900303",
        ofsted="2900303",
    ),
)

SOCIAL_CARE = Agency(
    "wexshire-social-care",
    "Wexshire Children's Social Care",
    "social-care",
    WEXSHIRE,
    "Wexbridge",
    "XW1 1AB",
    "01632 960110",
)
EARLY_HELP = Agency(
    "wexshire-early-help",
    "Wexshire Early Help",
    "early-help",
    WEXSHIRE,
    "Wexbridge",
    "XW1 1AC",
    "01632 960120",
)
EDUCATION = Agency(
    "wexshire-education",
    "Wexshire Education Service (attendance, inclusion, SEND)",
    "education-service",
    WEXSHIRE,
    "Wexbridge",
    "XW1 1AD",
    "01632 960130",
)
YOUTH_JUSTICE = Agency(
    "wexshire-youth-justice",
    "Wexshire Youth Justice Service",
    "youth-justice",
    WEXSHIRE,
    "Wexbridge",
    "XW1 1AE",
    "01632 960140",
)
NEIGHBOUR_SOCIAL_CARE = Agency(
    "northmere-social-care",
    "Northmere Children's Services",
    "social-care",
    NORTHMERE,
    "Northmere",
    "XN1 1AB",
    "01632 961110",
)
NEIGHBOUR_EDUCATION = Agency(
    "northmere-education",
    "Northmere Education and Inclusion",
    "education-service",
    NORTHMERE,
    "Northmere",
    "XN1 1AC",
    "01632 961130",
)
HEALTH = Agency(
    "wexshire-health",
    "Wexshire Community and Hospital NHS Trust",
    "health",
    WEXSHIRE,
    "Wexbridge",
    "XW2 2AA",
    "01632 960400",
    ods="X9WEX",
)
POLICE = Agency(
    "wexshire-police", "Wexshire Police", "police", WEXSHIRE, "Wexbridge", "XW1 1AF", "01632 960500"
)

SERVICES = (
    SOCIAL_CARE,
    EARLY_HELP,
    EDUCATION,
    YOUTH_JUSTICE,
    NEIGHBOUR_SOCIAL_CARE,
    NEIGHBOUR_EDUCATION,
    HEALTH,
    POLICE,
)

CONFORMANCE = Agency(
    "conformance", "Conformance suites", "suite", WEXSHIRE, "Wexbridge", "XW1 1AG", "01632 960900"
)
"""No agency at all: what a plain FHIR client or a conformance suite signs in as."""

AGENCIES = (*COUNCILS, *SCHOOLS, *SETTINGS, *SERVICES, CONFORMANCE)


def council(authority: str) -> Agency:
    """The council of a three-digit authority code."""
    return next(agency for agency in COUNCILS if agency.authority == authority)


def social_care(authority: str) -> Agency:
    """The social care service of a three-digit authority code."""
    return SOCIAL_CARE if authority == WEXSHIRE else NEIGHBOUR_SOCIAL_CARE


def education(authority: str) -> Agency:
    """The education service of a three-digit authority code."""
    return EDUCATION if authority == WEXSHIRE else NEIGHBOUR_EDUCATION
