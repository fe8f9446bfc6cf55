"""The dictionary of medicines and devices of the NHS, as its weekly release in XML.

https://www.nhsbsa.nhs.uk/pharmacies-gp-practices-and-appliance-contractors/dictionary-medicines-and-devices-dmd
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from server.terminology.intake.markup import Element, elements, text
from server.terminology.intake.release import Declared, Progress, Release, Unreadable
from server.terminology.intake.source import Source, named
from server.terminology.provider import Concept, Designation, Property

DMD = "https://dmd.nhs.uk"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the files. `parents`: which elements name what a product is one of; `labels`: further names."""

    pattern: str
    element: str
    type: str
    id: str
    parents: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


# A pack is of its product, an actual one of the virtual one that it may be dispensed for.
_KINDS = (
    _Kind(r"f_vtm2_.*\.xml", "VTM", "VTM", "VTMID", (), ("ABBREVNM",)),
    _Kind(r"f_vmp2_.*\.xml", "VMP", "VMP", "VPID", ("VTMID",), ("ABBREVNM", "NMPREV")),
    _Kind(r"f_amp2_.*\.xml", "AMP", "AMP", "APID", ("VPID",), ("DESC", "ABBREVNM", "NM_PREV")),
    _Kind(r"f_vmpp2_.*\.xml", "VMPP", "VMPP", "VPPID", ("VPID",), ("ABBREVNM",)),
    _Kind(r"f_ampp2_.*\.xml", "AMPP", "AMPP", "APPID", ("VPPID", "APID"), ("ABBREVNM",)),
    _Kind(r"f_ingredient2_.*\.xml", "ING", "ING", "ISID"),
)
_PRODUCTS = r"f_vmp2_.*\.xml"
_DAY = re.compile(r"(?P<kind>\d)(?P<day>\d\d)(?P<month>\d\d)(?P<year>\d\d)\.xml$")


def is_release(files: Sequence[Source]) -> bool:
    """Whether there are files of dm+d among them."""
    return bool(named(files, _PRODUCTS))


def read(files: Sequence[Source], progress: Progress, version: str | None = None) -> Release:
    """The release.

    Raises:
        Unreadable: a file is missing, or not what its name says.
    """
    concepts: dict[str, Concept] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for kind in _KINDS:
        for element in _all(files, kind, progress):
            code = text(element, kind.id)
            concepts[code] = _concept(element, kind, code)
            above = (text(element, name) for name in kind.parents)
            parents[code] = tuple(each for each in above if each)
    return Release(
        url=DMD,
        version=version or _version(files),
        title="NHS dictionary of medicines and devices (dm+d)",
        parents=parents,
        concept=concepts.__getitem__,
        properties=_PROPERTIES,
    )


_PROPERTIES = (
    Declared("type", "code", "VTM, VMP, AMP, VMPP, AMPP or ING: what kind of product it is."),
    Declared("supplier", "code", "The organisation that supplies it."),
    Declared("prescribing-status", "code", "Whether and how it may be prescribed."),
)
_SAID: Mapping[str, str] = {"SUPPCD": "supplier", "PRES_STATCD": "prescribing-status"}


def _all(files: Sequence[Source], kind: _Kind, progress: Progress) -> Iterator[Element]:
    found = named(files, kind.pattern)
    if not found:
        raise Unreadable(f"The release has no {kind.type} file: name its archive, or its whole folder.")
    done = 0
    for file in found:
        for element in elements(file, kind.element):
            # The same word stands for the list and, inside it, for what is listed.
            if element.find(kind.id) is not None:
                done += 1
                if done % 5000 == 0:
                    progress(f"Reading {kind.type}", done, None)
                yield element
    progress(f"Reading {kind.type}", done, done)


def _concept(element: Element, kind: _Kind, code: str) -> Concept:
    display = text(element, "NM")
    labels = dict.fromkeys(text(element, name) for name in kind.labels)
    said = ((name, text(element, tag)) for tag, name in _SAID.items())
    return Concept(
        code=code,
        display=display,
        designations=tuple(Designation(each, "en") for each in labels if each and each != display),
        properties=(
            Property("type", kind.type, "code"),
            *(Property(name, value, "code") for name, value in said if value),
        ),
        inactive=text(element, "INVALID") == "1",
    )


def _version(files: Sequence[Source]) -> str:
    """The day in the file's name, as `f_vmp2_3070324.xml`: of 7 March 2024."""
    match = _DAY.search(named(files, _PRODUCTS)[0].name)
    if match is None:
        raise Unreadable("The names of the files do not tell the day of the release: give it with --version.")
    return f"20{match['year']}-{match['month']}-{match['day']}"
