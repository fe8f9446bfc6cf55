"""HL7's published examples that R4 itself refuses, each with the rule or the element that says so."""

BROKEN = {
    "codesystem-example": "CodeSystem",  # two concepts have one code (csd-1)
    "devicemetric-example": "DeviceMetric.parent",  # a DeviceDefinition is no Device
    "deviceusestatement-example": "DeviceUseStatement.reasonReference[0]",
    "medicationrequest0301": "MedicationRequest.dispenseRequest.performer",
    "patient-example-period": "Patient.identifier[0].period",  # from a day to a moment of it (per-1)
}

SECRET = {"subscription-example": "secret-token-abc-123"}
"""What examples hold that is told to nobody again: the headers that a listener is asked with."""
