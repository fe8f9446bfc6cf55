"""Single Child Record: a FHIR R4 server in which every agency shares one record of each child."""

__version__ = "0.1.0"
