"""FHIR's verbs: status codes, ETags, Bundles."""
