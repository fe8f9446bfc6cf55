"""The marks of the register, as attendance is added up from them."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from server.store.tables.metadata import metadata

attendance = Table(
    "attendance",
    metadata,
    Column("child", BigInteger, nullable=False),
    # As the performer of the marks says it: `Organization/[id]`, or a URL elsewhere.
    Column("school", Text, nullable=False),
    # Twelve times the year, and the month from 0.
    Column("month", Integer, nullable=False),
    # A letter for each session of 31 days, as `store.attendance` reads them.
    Column("marks", Text, nullable=False),
    PrimaryKeyConstraint("child", "school", "month"),
    postgresql_with={"fillfactor": 50},
)
Index("attendance_school", attendance.c.school, attendance.c.month)
