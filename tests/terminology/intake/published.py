"""Small code systems in the forms in which the large ones are published; all content is invented.

Only what the format itself is made of (its root, the types of descriptions, is-a, dialects) has its real
identifiers.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT, SETS = "138875005", "900000000000455006"
FINDING, PAIN, KNEE_PAIN, RETIRED = "1001001", "1001002", "1001003", "1001009"
SITE, COUNT, LIMB, KNEE, LEFT_KNEE, CHECKED = "1002001", "1002002", "1003001", "1003002", "1003003", "1004001"
CORE, UK_CLINICAL = "900000000000207008", "999000011000000103"

_CONCEPTS = {
    ROOT: "SNOMED CT Concept",
    FINDING: "Clinical finding",
    PAIN: "Pain",
    KNEE_PAIN: "Knee pain",
    SITE: "Finding site",
    LIMB: "Limb structure",
    KNEE: "Knee structure",
    LEFT_KNEE: "Structure of left knee",
    RETIRED: "Pain of old",
    SETS: "Reference set",
    CHECKED: "Pains that schools report",
    COUNT: "Count of pains",
}
_IS_A = {
    FINDING: (ROOT,),
    PAIN: (FINDING,),
    KNEE_PAIN: (PAIN, FINDING),
    SITE: (ROOT,),
    COUNT: (ROOT,),
    LIMB: (ROOT,),
    KNEE: (LIMB,),
    LEFT_KNEE: (KNEE,),
    SETS: (ROOT,),
    CHECKED: (SETS,),
}


def rf2(folder: Path, *, module: str = CORE, without: Iterable[str] = ()) -> Path:
    """A release of SNOMED CT. `without`: tables that are left out."""
    terminology, refset = folder / "Snapshot" / "Terminology", folder / "Snapshot" / "Refset"
    day = "20260401"
    tables: dict[Path, tuple[str, list[tuple[str, ...]]]] = {
        terminology / f"sct2_Concept_Snapshot_INT_{day}.txt": (
            "id effectiveTime active moduleId definitionStatusId",
            [
                (code, day, "0" if code == RETIRED else "1", module, "900000000000074008")
                for code in _CONCEPTS
            ],
        ),
        terminology / f"sct2_Description_Snapshot-en_INT_{day}.txt": (
            "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
            [line for code in _CONCEPTS for line in _descriptions(code, day, module)],
        ),
        terminology / f"sct2_Relationship_Snapshot_INT_{day}.txt": (
            "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId "
            "characteristicTypeId modifierId",
            list(_relationships(day, module)),
        ),
        terminology / f"sct2_RelationshipConcreteValues_Snapshot_INT_{day}.txt": (
            "id effectiveTime active moduleId sourceId value relationshipGroup typeId characteristicTypeId "
            "modifierId",
            [("5", day, "1", module, KNEE_PAIN, "#2", "0", COUNT, "900000000000011006", "0")],
        ),
        refset / "Language" / f"der2_cRefset_LanguageSnapshot-en_INT_{day}.txt": (
            "id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId",
            [
                ("a", day, "1", module, "900000000000508004", f"{KNEE_PAIN}12", "900000000000548007"),
                ("b", day, "1", module, "900000000000509007", f"{KNEE_PAIN}13", "900000000000548007"),
            ],
        ),
        refset / "Content" / f"der2_Refset_SimpleSnapshot_INT_{day}.txt": (
            "id effectiveTime active moduleId refsetId referencedComponentId",
            [
                ("c", day, "1", module, CHECKED, PAIN),
                ("d", day, "1", module, CHECKED, KNEE_PAIN),
                ("e", day, "0", module, CHECKED, FINDING),
            ],
        ),
    }
    for path, (header, rows) in tables.items():
        if not any(part in path.name for part in without):
            _write(path, "\t".join(header.split()), ("\t".join(row) for row in rows))
    return folder


def _descriptions(code: str, day: str, module: str) -> list[tuple[str, ...]]:
    term = _CONCEPTS[code]
    found = [
        (f"{code}11", "900000000000003001", f"{term} (thing)"),
        (f"{code}12", "900000000000013009", term),
    ]
    if code == KNEE_PAIN:
        # Before the preferred one, so that its order decides nothing.
        found.insert(0, (f"{code}13", "900000000000013009", "Gonalgia \\ knee ache"))
    return [(id, day, "1", module, code, "en", type, text, "0") for id, type, text in found]


def _relationships(day: str, module: str) -> Iterable[tuple[str, ...]]:
    inferred, stated = "900000000000011006", "900000000000010007"
    for code, above in _IS_A.items():
        for each in above:
            yield ("1", day, "1", module, code, each, "0", "116680003", inferred, "0")
    yield ("2", day, "1", module, KNEE_PAIN, KNEE, "1", SITE, inferred, "0")
    yield ("3", day, "0", module, PAIN, LIMB, "1", SITE, inferred, "0")
    yield ("4", day, "1", module, PAIN, LIMB, "1", SITE, stated, "0")


def dmd(folder: Path) -> Path:
    """A week of dm+d."""
    day = "3010426"
    files = {
        "vtm": "<VIRTUAL_THERAPEUTIC_MOIETIES><VTM><VTMID>101</VTMID><NM>Calmine</NM></VTM>"
        "</VIRTUAL_THERAPEUTIC_MOIETIES>",
        "vmp": "<VIRTUAL_MED_PRODUCTS><VMPS><VMP><VPID>201</VPID><VTMID>101</VTMID>"
        "<NM>Calmine 5mg tablets</NM><ABBREVNM>Calm 5</ABBREVNM><PRES_STATCD>0001</PRES_STATCD></VMP></VMPS>"
        "</VIRTUAL_MED_PRODUCTS>",
        "amp": "<ACTUAL_MEDICINAL_PRODUCTS><AMPS><AMP><APID>301</APID><VPID>201</VPID><NM>Restful</NM>"
        "<DESC>Restful 5mg tablets (Maker)</DESC><SUPPCD>901</SUPPCD></AMP>"
        "<AMP><APID>302</APID><INVALID>1</INVALID><VPID>201</VPID><NM>Gone</NM><DESC>Gone</DESC></AMP></AMPS>"
        "</ACTUAL_MEDICINAL_PRODUCTS>",
        "vmpp": "<VIRTUAL_MED_PRODUCT_PACK><VMPPS><VMPP><VPPID>401</VPPID><NM>Calmine 5mg x28</NM>"
        "<VPID>201</VPID></VMPP></VMPPS></VIRTUAL_MED_PRODUCT_PACK>",
        "ampp": "<ACTUAL_MEDICINAL_PROD_PACKS><AMPPS><AMPP><APPID>501</APPID><NM>Restful x28</NM>"
        "<VPPID>401</VPPID><APID>301</APID></AMPP></AMPPS></ACTUAL_MEDICINAL_PROD_PACKS>",
        "ingredient": "<INGREDIENT_SUBSTANCES><ING><ISID>601</ISID><NM>Calminol</NM></ING>"
        "</INGREDIENT_SUBSTANCES>",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"f_{name}2_{day}.xml").write_text(f'<?xml version="1.0"?>{text}', encoding="utf-8")
    return folder


def claml(folder: Path) -> Path:
    """A classification with a chapter, a block, categories, and a modifier that subdivides one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "icd10.xml"
    classes = (
        ("I", "chapter", (), "Certain invented conditions", ""),
        ("A00-A09", "block", ("I",), "Invented infections", ""),
        ("A00", "category", ("A00-A09",), "Green fever", ""),
        ("A00.1", "category", ("A00",), "Green fever, mild", ""),
        ("A01", "category", ("A00-A09",), "Blue fever", '<ModifiedBy code="M4" all="false">'
         '<ValidModifierClass code=".0"/></ModifiedBy>'),
        ("A02", "category", ("A00-A09",), "Red fever", '<ModifiedBy code="M4"/>'),
    )  # fmt: skip
    text = "".join(
        f'<Class code="{code}" kind="{kind}">{"".join(f"<SuperClass code={one!r}/>" for one in above)}{more}'
        f'<Rubric kind="preferred"><Label xml:lang="en">{label}</Label></Rubric></Class>'
        for code, kind, above, label, more in classes
    )
    modifiers = "".join(
        f'<ModifierClass modifier="M4" code="{code}"><SuperClass code="M4"/>'
        f'<Rubric kind="preferred"><Label>{label}</Label></Rubric></ModifierClass>'
        for code, label in ((".0", "With rash"), (".9", "Without <Reference>rash</Reference>"))
    )
    title = '<Title name="ICD-10" version="2026">Invented</Title>'
    path.write_text(f'<ClaML version="2.0.0">{title}{text}{modifiers}</ClaML>', encoding="utf-8")
    return path


def icd_10(folder: Path) -> Path:
    """The table of the NHS."""
    rows = (
        ("A00", "A00X", "DEFAULT", "3", "Green fever", ""),
        ("A00.1", "A001", "DEFAULT", "3", "Green fever, mild", "mild"),
        ("A00.11", "A0011", "DEFAULT", "1", "Green fever, very mild", ""),
    )
    path = folder / "ICD10_Edition5_CodesAndTitlesAndMetadata_GB_20260401.txt"
    header = "\t".join(("CODE", "ALT_CODE", "USAGE", "USAGE_UK", "DESCRIPTION", "TREE_DESCRIPTION"))
    _write(path, header, ("\t".join(row) for row in rows))
    return path


def loinc(folder: Path) -> Path:
    """The tables of terms, of the hierarchy and of answers."""
    root = folder / "Loinc_2.78"
    _csv(
        root / "LoincTable" / "Loinc.csv",
        ("LOINC_NUM", "COMPONENT", "PROPERTY", "SCALE_TYP", "STATUS", "LONG_COMMON_NAME", "SHORTNAME"),
        [
            ("1-8", "Height", "Len", "Qn", "ACTIVE", 'Height, "standing"', "Hgt"),
            ("2-6", "Weight", "Mass", "Qn", "DEPRECATED", "Weight", ""),
            ("3-4", "Mood", "Find", "Ord", "ACTIVE", "Mood of the day", ""),
        ],
    )
    _csv(
        root / "AccessoryFiles" / "ComponentHierarchyBySystem" / "ComponentHierarchyBySystem.csv",
        ("PATH_TO_ROOT", "SEQUENCE", "IMMEDIATE_PARENT", "CODE", "CODE_TEXT"),
        [
            ("", "1", "", "LP1-0", "Measures"),
            ("LP1-0", "1", "LP1-0", "1-8", "Height"),
            ("LP1-0", "2", "LP1-0", "2-6", "Weight"),
        ],
    )
    _csv(
        root / "AccessoryFiles" / "AnswerFile" / "AnswerList.csv",
        ("AnswerListId", "AnswerListName", "AnswerStringId", "DisplayText"),
        [("LL1-1", "Moods", "LA1-1", "Merry"), ("LL1-1", "Moods", "LA2-2", "Gloomy")],
    )
    _csv(
        root / "AccessoryFiles" / "AnswerFile" / "LoincAnswerListLink.csv",
        ("LoincNumber", "AnswerListId"),
        [("3-4", "LL1-1")],
    )
    return folder


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    def line(cells: Sequence[str]) -> str:
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)

    _write(path, line(header), map(line, rows))


def _write(path: Path, header: str, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\r\n" for line in (header, *lines)), encoding="utf-8")


CODE_SYSTEM: Mapping[str, object] = {
    "resourceType": "CodeSystem",
    "url": "https://example.org/CodeSystem/shapes",
    "version": "3",
    "title": "Shapes",
    "status": "active",
    "content": "complete",
    "property": [{"code": "sides", "type": "integer"}],
    "concept": [
        {
            "code": "polygon",
            "display": "Polygon",
            "concept": [
                {
                    "code": "square",
                    "display": "Square",
                    "designation": [{"language": "cy", "value": "Sgwâr"}],
                    "property": [{"code": "sides", "valueInteger": 4}],
                }
            ],
        }
    ],
}
