"""What an act is called in AuditEvents: type, subtypes and action, as DICOM, FHIR and IHE BALP have them.

https://profiles.ihe.net/ITI/BALP/ · https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html
"""

from dataclasses import dataclass

from server.fhir import Json

DICOM = "http://dicom.nema.org/resources/ontology/DCM"
TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
REST = "http://hl7.org/fhir/restful-interaction"
OWN = "https://w3id.org/single-child-record/CodeSystem/audit-act"

Coding = tuple[str, str, str]
"""System, code, display."""


@dataclass(frozen=True, slots=True)
class Act:
    """`action`: create, read, update, delete, or execute."""

    type: Coding
    subtypes: tuple[Coding, ...]
    action: str
    words: str


_RESTFUL: Coding = (TYPE, "rest", "RESTful Operation")
_AUTHENTICATION: Coding = (DICOM, "110114", "User Authentication")
_SECURITY: Coding = (DICOM, "110113", "Security Alert")
_EXPORT: Coding = (DICOM, "110106", "Export")
_LOGIN: Coding = (DICOM, "110122", "Login")
_LOGOUT: Coding = (DICOM, "110123", "Logout")
_EMERGENCY: Coding = (DICOM, "110127", "Emergency Override Started")
_ATTRIBUTES: Coding = (DICOM, "110137", "User Security Attributes Changed")
_CONFIGURATION: Coding = (DICOM, "110131", "Security Configuration")


def _restful(code: str, action: str, words: str) -> Act:
    return Act(_RESTFUL, ((REST, code, code),), action, words)


def _own(code: str, type_: Coding, action: str, words: str, *further: Coding) -> Act:
    return Act(type_, ((OWN, code, words), *further), action, words)


_ACTS = {
    "read": _restful("read", "R", "looked at"),
    "vread": _restful("vread", "R", "looked at a former version of"),
    "history": _restful("history", "R", "looked at the history of"),
    "search": _restful("search", "E", "searched"),
    "create": _restful("create", "C", "wrote"),
    "update": _restful("update", "U", "changed"),
    "patch": _restful("patch", "U", "changed"),
    "delete": _restful("delete", "D", "deleted"),
    "operation": _restful("operation", "E", "carried out an operation on"),
    "include": _own("include", _RESTFUL, "R", "was shown beside what was searched"),
    "trace": _own("trace", _RESTFUL, "R", "asked by identifier whether there is a record of"),
    "match": _own("match", _RESTFUL, "R", "looked for a child, and was shown"),
    "repeat": _own("repeat", _RESTFUL, "E", "sent again"),
    "who-looked": _own("who-looked", _RESTFUL, "R", "asked who looked at"),
    "sign-in": _own("sign-in", _AUTHENTICATION, "E", "signed in", _LOGIN),
    "sign-out": _own("sign-out", _AUTHENTICATION, "E", "signed out", _LOGOUT),
    "sign-in-refused": _own("sign-in-refused", _AUTHENTICATION, "E", "was not let in", _LOGIN),
    "token": _own("token", _AUTHENTICATION, "E", "was given a token"),
    "token-refused": _own("token-refused", _AUTHENTICATION, "E", "was refused a token"),
    "consent": _own("consent", _SECURITY, "E", "let an app act for them"),
    "revoke": _own("revoke", _SECURITY, "E", "took an app's or a person's access away"),
    "launch": _own("launch", _SECURITY, "E", "opened an app"),
    "break-glass": _own("break-glass", _SECURITY, "E", "broke the glass", _EMERGENCY),
    "expunge": _own("expunge", _SECURITY, "D", "took out for good"),
    "retention": _own("retention", _SECURITY, "D", "took out at the end of its time"),
    "hold": _own("hold", _SECURITY, "E", "put or lifted a legal hold on"),
    "merge": _own("merge", _SECURITY, "U", "found to be one child"),
    "unmerge": _own("unmerge", _SECURITY, "U", "found to be two children"),
    "export": _own("export", _EXPORT, "R", "exported"),
    "confirm-new": _own(
        "confirm-new", _SECURITY, "E", "said that this is another child than those it resembles"
    ),
    "identity-decision": _own(
        "identity-decision", _SECURITY, "E", "decided whether two records are of one child"
    ),
    "notification": _own("notification", _EXPORT, "R", "was told of a change to"),
    "websocket-token": _own("websocket-token", _SECURITY, "E", "was given a token for a WebSocket"),
    "why": _own("why", _SECURITY, "R", "asked who may see"),
}

_KINDS = {
    "client": _own("client", _SECURITY, "E", "registered, changed or suspended an app", _CONFIGURATION),
    "agency": _own("agency", _SECURITY, "E", "suspended an agency or ended its access", _CONFIGURATION),
    "administration": _own("administration", _SECURITY, "R", "looked at who has access, or was refused to"),
    "subscription": _own("subscription", _SECURITY, "E", "had a subscription told again", _CONFIGURATION),
    "account": _own("account", _SECURITY, "E", "made, changed or suspended an account", _ATTRIBUTES),
}
"""By what stands before the hyphen: `client-rotate`, `account-suspend`."""

OTHER = _own("other", _SECURITY, "E", "acted on")
"""What has no words of its own."""


def act(interaction: str) -> Act:
    """What is said of an act."""
    return _ACTS.get(interaction) or _KINDS.get(interaction.partition("-")[0]) or OTHER


def interactions(codes: tuple[str, ...]) -> tuple[str, ...] | None:
    """The acts that have one of these codes (`system|code` or `code`) as type, subtype or action; None: some
    may be others than are listed here."""
    wanted = {code.rpartition("|")[2] for code in codes}
    if any(_said(each) & wanted for each in (*_KINDS.values(), OTHER)):
        return None
    return tuple(name for name, each in _ACTS.items() if _said(each) & wanted)


def _said(each: Act) -> set[str]:
    return {code for _, code, _ in (each.type, *each.subtypes)} | {each.action}


def coding(found: Coding) -> Json:
    """As FHIR writes it."""
    system, code, display = found
    return {"system": system, "code": code, "display": display}
