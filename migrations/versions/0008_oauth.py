"""Who signs in and what they granted: clients of every kind, accounts, sessions, grants, keys."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

GRANTS = """
CREATE TABLE authorization_request (
    id TEXT NOT NULL PRIMARY KEY,
    browser TEXT NOT NULL,
    client TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    state TEXT,
    scope TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    nonce TEXT,
    prompt TEXT,
    max_age INTEGER,
    login_hint TEXT,
    dpop_jkt TEXT,
    launch TEXT,
    context JSONB DEFAULT '{}' NOT NULL,
    created TIMESTAMPTZ NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    account TEXT,
    session TEXT,
    authenticated TIMESTAMPTZ,
    patient TEXT,
    granted TEXT,
    refused BOOLEAN DEFAULT false NOT NULL
);

CREATE TABLE app_grant (
    id TEXT NOT NULL PRIMARY KEY,
    client TEXT NOT NULL,
    agency TEXT NOT NULL,
    account TEXT NOT NULL,
    session TEXT,
    scope TEXT NOT NULL,
    patient TEXT,
    purpose TEXT,
    context JSONB DEFAULT '{}' NOT NULL,
    authenticated TIMESTAMPTZ NOT NULL,
    nonce TEXT,
    dpop_jkt TEXT,
    created TIMESTAMPTZ NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    ended TIMESTAMPTZ
);

CREATE INDEX app_grant_account ON app_grant (account);

CREATE INDEX app_grant_client ON app_grant (client);

CREATE INDEX app_grant_session ON app_grant (session);

CREATE TABLE authorization_code (
    hash TEXT NOT NULL PRIMARY KEY,
    "grant" TEXT NOT NULL REFERENCES app_grant (id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    used TIMESTAMPTZ
);

CREATE INDEX authorization_code_grant ON authorization_code ("grant");

CREATE TABLE refresh_token (
    hash TEXT NOT NULL PRIMARY KEY,
    "grant" TEXT NOT NULL REFERENCES app_grant (id) ON DELETE CASCADE,
    created TIMESTAMPTZ NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    used TIMESTAMPTZ
);

CREATE INDEX refresh_token_grant ON refresh_token ("grant");

CREATE TABLE launch (
    hash TEXT NOT NULL PRIMARY KEY,
    agency TEXT NOT NULL,
    client TEXT,
    account TEXT,
    context JSONB NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    used TIMESTAMPTZ
);

CREATE TABLE revoked_token (
    jti TEXT NOT NULL PRIMARY KEY,
    expires TIMESTAMPTZ NOT NULL
);

CREATE TABLE used_proof (
    hash TEXT NOT NULL PRIMARY KEY,
    expires TIMESTAMPTZ NOT NULL
);

CREATE INDEX used_proof_expires ON used_proof (expires);

CREATE SEQUENCE ended
"""


CLIENTS = """
ALTER TABLE agency ADD COLUMN suspended TIMESTAMPTZ, ADD COLUMN revoked TIMESTAMPTZ;

ALTER TABLE client
    ADD COLUMN kind TEXT NOT NULL DEFAULT 'confidential',
    ADD COLUMN auth_method TEXT NOT NULL DEFAULT 'client_secret_basic',
    ADD COLUMN grant_types TEXT[] NOT NULL DEFAULT '{client_credentials}',
    ADD COLUMN redirect_uris TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN launch_url TEXT,
    ADD COLUMN jwks_uri TEXT,
    ADD COLUMN client_uri TEXT,
    ADD COLUMN logo_uri TEXT,
    ADD COLUMN policy_uri TEXT,
    ADD COLUMN tos_uri TEXT,
    ADD COLUMN contacts TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN software_id TEXT,
    ADD COLUMN software_version TEXT,
    ADD COLUMN dpop_bound BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN suspended TIMESTAMPTZ,
    ADD COLUMN revoked TIMESTAMPTZ,
    ADD COLUMN registration_hash TEXT;

UPDATE client SET auth_method = 'private_key_jwt' WHERE jwks IS NOT NULL;

CREATE TABLE registration_token (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    agency TEXT NOT NULL,
    scope TEXT NOT NULL,
    uses_left INTEGER NOT NULL,
    created TIMESTAMPTZ NOT NULL,
    expires TIMESTAMPTZ NOT NULL,
    revoked TIMESTAMPTZ
)
"""

CLIENTS_BEFORE = """
DROP TABLE registration_token;

ALTER TABLE client
    DROP COLUMN kind, DROP COLUMN auth_method, DROP COLUMN grant_types, DROP COLUMN redirect_uris,
    DROP COLUMN launch_url, DROP COLUMN jwks_uri, DROP COLUMN client_uri, DROP COLUMN logo_uri,
    DROP COLUMN policy_uri, DROP COLUMN tos_uri, DROP COLUMN contacts, DROP COLUMN software_id,
    DROP COLUMN software_version, DROP COLUMN dpop_bound, DROP COLUMN suspended,
    DROP COLUMN revoked, DROP COLUMN registration_hash;

ALTER TABLE agency DROP COLUMN suspended, DROP COLUMN revoked
"""

PEOPLE = """
CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    agency TEXT NOT NULL,
    username TEXT UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT,
    provisional BOOLEAN NOT NULL DEFAULT false,
    totp TEXT,
    totp_step BIGINT NOT NULL DEFAULT 0,
    fhir_user TEXT NOT NULL,
    roles TEXT[] NOT NULL,
    caseload TEXT NOT NULL,
    teams TEXT[] NOT NULL,
    "references" TEXT[] NOT NULL,
    provider TEXT,
    subject TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    locked_until TIMESTAMPTZ,
    suspended TIMESTAMPTZ,
    created TIMESTAMPTZ NOT NULL,
    demonstration BOOLEAN NOT NULL DEFAULT false,
    UNIQUE (agency, provider, subject)
);

CREATE TABLE recovery_code (
    account TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    PRIMARY KEY (account, code_hash)
);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    created TIMESTAMPTZ NOT NULL,
    seen TIMESTAMPTZ NOT NULL,
    ends TIMESTAMPTZ NOT NULL,
    authenticated TIMESTAMPTZ,
    ended TIMESTAMPTZ,
    device TEXT NOT NULL,
    address TEXT NOT NULL
);

CREATE INDEX session_account ON session (account);

CREATE INDEX session_ends ON session (ends);

CREATE TABLE sign_in (
    state_hash TEXT NOT NULL PRIMARY KEY,
    agency TEXT NOT NULL,
    request TEXT NOT NULL,
    browser_hash TEXT NOT NULL,
    created TIMESTAMPTZ NOT NULL
);

CREATE INDEX sign_in_created ON sign_in (created);

CREATE TABLE approval (
    account TEXT NOT NULL,
    client TEXT NOT NULL,
    asked TEXT NOT NULL,
    scope TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, client, asked)
);

CREATE TABLE refused_sign_in (
    origin TEXT NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    since TIMESTAMPTZ NOT NULL
);

CREATE INDEX refused_sign_in_since ON refused_sign_in (since)
"""


def upgrade() -> None:
    _clients()
    _grants()
    _people()


def _people() -> None:
    for statement in PEOPLE.split(";"):
        op.execute(statement)


def _grants() -> None:
    for statement in GRANTS.split(";"):
        op.execute(statement)


def _clients() -> None:
    for statement in CLIENTS.split(";"):
        op.execute(statement)


def downgrade() -> None:
    for statement in CLIENTS_BEFORE.split(";"):
        op.execute(statement)
    for table in ("used_proof", "revoked_token", "launch", "refresh_token", "authorization_code"):
        op.drop_table(table)
    op.drop_table("app_grant")
    op.drop_table("authorization_request")
    op.execute("DROP SEQUENCE ended")
    for table in ("account", "recovery_code", "session", "sign_in", "approval", "refused_sign_in"):
        op.drop_table(table)
