"""FHIR's operations: one file for each code, beside the OperationDefinition that says what it takes."""
