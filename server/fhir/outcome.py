"""What went well or wrong, as FHIR says it.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable

from server.fhir import Json
from server.fhir.issue import Issue
from server.fhir.primitive import legible

SOURCE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-source"
"""The extension that says where the rule stands: a definition and its element."""


def outcome(issues: Iterable[Issue]) -> Json:
    """The OperationOutcome of these issues."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _issue(issue: Issue) -> Json:
    found: Json = {}
    if issue.source:
        found["extension"] = [{"url": SOURCE, "valueString": issue.source}]
    found |= {"severity": issue.severity, "code": issue.code}
    if issue.rule:
        # The key of a rule is a code of the definition that has the rule.
        coding = {"system": issue.source.partition("#")[0], "code": issue.rule}
        found["details"] = {"coding": [{name: value for name, value in coding.items() if value}]}
    found["diagnostics"] = legible(issue.diagnostics)
    if expression := [path for path in issue.expression if path]:
        found["expression"] = expression
    return found
