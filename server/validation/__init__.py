"""Is it FHIR? Functions compiled from the definitions."""
