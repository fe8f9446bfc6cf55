"""The ways by which a notification leaves: HTTP, a WebSocket, a mail, a message of FHIR."""
