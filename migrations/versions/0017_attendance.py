"""The marks of the register, by child, school and month: what attendance is added up from."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Bodies cannot be read here: where there are marks already, `childrecord attendance recount` counts them, and
# until then nothing is said of them. Every mark writes its child's line of the month again: there is room
# beside it, so that no index is touched.
ATTENDANCE = """
CREATE TABLE attendance (
    child BIGINT NOT NULL,
    school TEXT NOT NULL,
    month INTEGER NOT NULL,
    marks TEXT NOT NULL,
    PRIMARY KEY (child, school, month)
) WITH (fillfactor = 50);

CREATE INDEX attendance_school ON attendance (school, month);

INSERT INTO setting (name, value)
SELECT 'attendance', 'to be counted' WHERE EXISTS (SELECT FROM resource_observation)
"""


def upgrade() -> None:
    for statement in ATTENDANCE.split(";"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DELETE FROM setting WHERE name = 'attendance'")
    op.execute("DROP TABLE attendance")
