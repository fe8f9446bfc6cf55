"""Who is to be told of what: subscriptions, their numbered events, and how far readers of the outbox are."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store.tables.metadata import INSTANT, metadata

consumer = Table(
    "consumer",
    metadata,
    Column("name", Text, primary_key=True),
    # Every row of the outbox that this snapshot sees has been read.
    Column("snapshot", Text, nullable=False),
    # Of those that this later one sees, the rows up to this place in their order.
    Column("target", Text),
    Column("after_at", INSTANT),
    Column("after_rid", BigInteger),
    Column("after_version", Integer),
    Column("at", INSTANT, nullable=False),
)

_NONE = text("'{}'::text[]")

subscription = Table(
    "subscription",
    metadata,
    # That of the resource, and its id.
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    # Whose it is: what its rights are worked out from, whenever something is told.
    Column("agency", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("account", Text),
    Column("scopes", ARRAY(Text), nullable=False, server_default=_NONE),
    Column("patient", Text),
    Column("purpose", Text),
    Column("granted", INSTANT, nullable=False),
    # What was written before is none of its events.
    Column("started", INSTANT, nullable=False),
    # What it is about: a topic with filters, or else criteria.
    Column("topic", Text, nullable=False),
    Column("criteria", Text, nullable=False),
    Column("filters", ARRAY(Text), nullable=False, server_default=_NONE),
    # Where to.
    Column("channel", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    # Its headers and the key that signs, sealed (`subscription.secret`).
    Column("secrets", Text),
    Column("mime", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("heartbeat", Integer),
    Column("timeout", Integer),
    Column("max_count", Integer),
    Column("ends", INSTANT),
    # How far it is: events are numbered without gaps from 1, and told in that order.
    Column("state", Text, nullable=False),
    Column("numbered", BigInteger, nullable=False, server_default=text("0")),
    Column("sent", BigInteger, nullable=False, server_default=text("0")),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("next_try", INSTANT),
    Column("told", INSTANT),
    # Since when nothing arrives, and why.
    Column("since", INSTANT),
    Column("error", Text),
    Column("error_code", Text),
    # Rows that change all the time are changed where they are.
    postgresql_with={"fillfactor": 50},
)
Index("subscription_state", subscription.c.state)

subscription_event = Table(
    "subscription_event",
    metadata,
    Column("subscription", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    # The version of what; no id: it was taken out for good, and its number stays.
    Column("type", SmallInteger, nullable=False),
    Column("id", Text),
    Column("version", Integer, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    PrimaryKeyConstraint("subscription", "number"),
)
Index("subscription_event_id", subscription_event.c.id)

websocket_token = Table(
    "websocket_token",
    metadata,
    # Of a token that binds a WebSocket to subscriptions, once.
    Column("hash", Text, primary_key=True),
    Column("subscriptions", ARRAY(Text), nullable=False),
    Column("expires", INSTANT, nullable=False),
)
