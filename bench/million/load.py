"""Fills a database with children as the record would keep them, many at a time.

Their rows are made by the code that a write goes through, and copied into the tables; of their other resources
there is nothing but what a Patient says of its parents. One child in ten has all that finds it; of the others
there is what they are compared by, read by and claimed by. Indexes are made when all is there.
"""

import io
import multiprocessing
import sys
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import psycopg2

sys.path.insert(0, str(Path(__file__).parent.parent / "identity"))

import population  # noqa: E402

from server.fhir import json  # noqa: E402
from server.fhir.meta import stamped  # noqa: E402
from server.interaction.opening import door  # noqa: E402
from server.record import likeness  # noqa: E402
from server.record.hook import Act  # noqa: E402
from server.search.extract import extract  # noqa: E402
from server.search.types import Index  # noqa: E402
from server.settings import read  # noqa: E402
from server.store import tables as t  # noqa: E402
from server.store import writing  # noqa: E402
from server.store.database import Database  # noqa: E402
from server.store.row import Row  # noqa: E402

ACCESS = Path(__file__).parent / "access"
INDEX_KEY = "0f" * 32
AT_ONCE = 10_000
WHOLE = 10
"""One part in so many has all that finds its children."""
LOADED = datetime(2026, 1, 1, tzinfo=UTC)
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"


def settings(url, folder):
    return {
        "DATABASE_URL": url,
        "CHILDRECORD_DATA": str(folder),
        "CHILDRECORD_ACCESS": str(ACCESS),
        "CHILDRECORD_INDEX_KEY": INDEX_KEY,
        "CHILDRECORD_STATEMENT_TIMEOUT": "60",
        "CHILDRECORD_TOKEN_LIFETIME": "3600",
    }


def load(url, folder, children, processes=2):
    """So many children: each seed of the generator is a part of the authority."""
    seeds = range(children // AT_ONCE)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT nextval('rid')")
    first = cursor.fetchone()[0]
    cursor.execute("SELECT setval('rid', %s)", (first + children + 64,))
    indexes = _without_indexes(cursor, folder / "indexes.sql")
    part = partial(_part, url, folder, first)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for done, _ in enumerate(pool.imap_unordered(part, seeds), 1):
            print(f"{done * AT_ONCE} children", file=sys.stderr, flush=True)
    cursor.execute("SET maintenance_work_mem = '1GB'")
    cursor.execute(indexes)
    cursor.execute("VACUUM (ANALYZE)")
    cursor.execute("CHECKPOINT")
    connection.close()


def _without_indexes(cursor, kept):
    """What makes them again: those of the tables that are filled, save what a key is made of.

    It is kept in a file too: who is interrupted has none of them when it begins again.
    """
    if kept.exists():
        return kept.read_text()
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i "
        "JOIN pg_class c ON c.oid = i.indrelid WHERE NOT indisunique AND NOT c.relispartition "
        "AND c.relkind = 'r' AND c.relname = ANY (%s)",
        (list(_FILLED),),
    )
    found = cursor.fetchall()
    made = ";\n".join(definition.replace(" INDEX ", " INDEX IF NOT EXISTS ", 1) for _, definition in found)
    kept.write_text(made)
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return made


_FILLED = (
    "locator", "resource", "facet", "string_index", "date_index", "number_index", "text_index", "identifier",
    "likeness", "blocking", "sight", "presence", "identity",
)  # fmt: skip


def _part(url, folder, first, seed):
    opened = _opened(url, folder)
    children = population.children(AT_ONCE, seed + 1)
    number = opened.library.type_number("Patient")
    pairs = []
    for at, child in enumerate(children):
        rid = first + seed * AT_ONCE + at
        resource = stamped(_known(rid, child, seed + 1), f"m{rid}", 1, LOADED)
        pairs.append((resource, _row(opened, number, rid, resource, found=seed % WHOLE == 0)))
    likeness.fill(opened, None, pairs, {row.child for _, row in pairs})
    agency = opened.agencies["school"].number
    rows = [row for _, row in pairs]
    for resource, row in pairs:
        if row.rid % 100 == 0:
            act = Act(agency, LOADED, None, True, (), row.rid)
            row.sights = opened.hooks.sightings(resource, act)
    tables = {
        "locator": [{"type": r.type, "id": r.id, "child": r.child, "rid": r.rid} for r in rows],
        "resource": [writing.resource(r) for r in rows],
        "facet": [facet for r in rows for facet in writing.facets(r)],
        **writing.beside(rows),
        **writing.seeing(rows),
        "presence": [{"child": r.child, "type": r.type, "kind": r.kind} for r in rows],
        "identity": [
            {"system": system, "value": value, "child": row.child, "rid": row.rid}
            for resource, row in pairs
            for system, value in opened.hooks.identity(resource)
        ],
    }
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        for name, some in tables.items():
            if some:
                _copy(cursor, t.metadata.tables[name], some)
    connection.close()


@cache
def _opened(url, folder):
    found = read(settings(url, folder))
    return door(found, Database(found.database_url, pool_size=1))


def patient(child, seed, **more):
    """A child of a part of the authority, whose postcodes are no other part's."""
    homes = dict.fromkeys((child.house.homes[-1], child.house.homes[0]))
    return {
        "resourceType": "Patient",
        "name": [{"family": child.family, "given": list(child.given)}],
        "gender": {"F": "female", "M": "male"}[child.sex],
        "birthDate": child.born.isoformat(),
        "address": [{"line": [each.line], "postalCode": _postcode(each.postcode, seed)} for each in homes],
        "contact": [{"name": {"family": each.family, "given": [each.given]}} for each in child.house.parents],
        **more,
    }


def _postcode(made, seed):
    district, inward = made.split()
    return f"{district[:2]}{(int(district[2:]) + 4 * seed) % 100}{_LETTERS[4 * seed // 100]} {inward}"


_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def _known(rid, child, seed):
    return patient(child, seed, identifier=[{"system": NHS_NUMBER, "value": _nhs_number(rid)}])


def _nhs_number(n):
    """A number with the right check digit."""
    digits = 400_000_000 + n
    while True:
        rest = 11 - sum(int(digit) * (10 - at) for at, digit in enumerate(str(digits))) % 11
        if rest != 10:
            return str(digits) + str(rest % 11)
        digits += 100_000_000 if digits < 900_000_000 else 1


def _row(opened, number, rid, resource, *, found):
    index = extract(resource, opened.hasher, opened.base_url) if found else Index()
    return Row(
        type=number, id=resource["id"], rid=rid, child=rid, version=1, author=opened.agencies["school"].number,
        last_updated=LOADED, body=json.encode(resource).decode(), restriction=0,
        kind=opened.hooks.kind("Patient", index), date=index.date, tokens=index.tokens, sorts=index.sorts,
        facets=index.facets, strings=index.strings, dates=index.dates, numbers=index.numbers,
        words=index.words, identifiers=index.identifiers,
    )  # fmt: skip


def _copy(cursor, table, rows):
    columns = [name for name in rows[0] if name in table.c]
    text = io.StringIO()
    for row in rows:
        text.write("\t".join(_text(row[name]) for name in columns))
        text.write("\n")
    text.seek(0)
    cursor.copy_expert(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN", text)


def _text(value):
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | tuple):
        return "{" + ",".join(map(str, value)) + "}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return str(value)
