"""What all tables have in common."""

from sqlalchemy import DateTime, MetaData

metadata = MetaData()

INSTANT = DateTime(timezone=True)
