"""The audit as AuditEvents: each line read as the resource that it stands for."""
