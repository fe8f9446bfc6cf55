"""Splink with the record's comparisons: the levels, weights and thresholds come from the record's own model.

https://moj-analytical-services.github.io/splink/
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from server.child.likeness.model import Level, Parameters, Weighted
from server.child.linkage.column import LISTS, Column
from server.child.linkage.level import CONDITIONS, condition

Json = dict[str, Any]

_FETCHED = 50_000
_TABLE = "children"
_RARE = {"given_name": "given", "family_name": "family"}
"""The comparisons whose first level says more of a rare name, with the column of the name."""


class Engine:
    """A backend, with the children registered in it."""

    def __init__(self, linker: Linker, fetch: Callable[[str], Iterator[Sequence[Any]]]) -> None:
        self.linker = linker
        self._fetch = fetch

    def pairs(self, least: float) -> Iterator[tuple[int, int]]:
        """The pairs that share a blocking key and that Splink gives at least this match weight."""
        found = self.linker.inference.predict(threshold_match_weight=least, warning_mode="never")
        # The name is Splink's own, of a table it has just made.
        yield from self._fetch(f"select unique_id_l, unique_id_r from {found.physical_name}")  # type: ignore[misc]  # noqa: S608

    def learned(self) -> Mapping[str, Sequence[Json]]:
        """The levels of each comparison as Splink has learned them, the silent one left out."""
        model = self.linker.misc.save_model_to_json()
        return {
            each["output_column_name"]: [
                level for level in each["comparison_levels"] if not level.get("is_null_level")
            ]
            for each in model["comparisons"]
        }


def duckdb(
    columns: Mapping[str, Column], parameters: Parameters, memory: str, *, trained: bool = True
) -> Engine:
    """DuckDB, in memory, spilling to a folder of its own what does not fit."""
    _quiet()
    database = DuckDBAPI()
    connection = database.duckdb_con
    connection.execute(f"set memory_limit = '{_memory(memory)}'")
    connection.execute(f"set temp_directory = '{Path(mkdtemp(prefix='childrecord-')).as_posix()}'")
    table = database.register(_arrow(columns), table_name=_TABLE)

    def fetch(sql: str) -> Iterator[Sequence[Any]]:
        cursor = connection.execute(sql)
        while rows := cursor.fetchmany(_FETCHED):
            yield from rows

    return Engine(Linker(table, settings(parameters, "duckdb", trained=trained), log_level=None), fetch)


def spark(columns: Mapping[str, Column], parameters: Parameters, memory: str) -> Engine:
    """Spark, of the session that there is or else on this machine: for the size of a nation."""
    from pyspark.sql import SparkSession
    from splink import SparkAPI
    from splink.internals.spark.jar_location import similarity_jar_location

    _quiet()
    session = (
        SparkSession.builder.appName("childrecord identity link")
        .config("spark.jars", similarity_jar_location())
        .config("spark.driver.memory", _memory(memory).lower().removesuffix("b"))
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    # The levels make more code than a method of Java may have: Spark does without, and says so at length.
    session.sparkContext.setLogLevel("OFF")
    session.sparkContext.setCheckpointDir(mkdtemp(prefix="childrecord-"))
    database = SparkAPI(spark_session=session)
    table = database.register(session.createDataFrame(_arrow(columns)), table_name=_TABLE)

    def fetch(sql: str) -> Iterator[Sequence[Any]]:
        return iter(session.sql(sql).toLocalIterator())

    return Engine(Linker(table, settings(parameters, "spark"), log_level=None), fetch)


BACKENDS: Mapping[str, Callable[[Mapping[str, Column], Parameters, str], Engine]] = {
    "duckdb": duckdb,
    "spark": spark,
}


def settings(parameters: Parameters, dialect: str, *, trained: bool = True) -> SettingsCreator:
    """The model as Splink has it; not `trained`: only its comparisons and levels."""
    return SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=parameters.prior.same,
        comparisons=[_comparison(each, dialect, trained=trained) for each in parameters.comparison],
        blocking_rules_to_generate_predictions=[block_on("key", arrays_to_explode=["key"])],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
        max_iterations=50,
    )


def _comparison(weighted: Weighted, dialect: str, *, trained: bool) -> Json:
    silent, stated = CONDITIONS[weighted.name]
    levels: list[Json] = [
        {"sql_condition": condition(silent, dialect), "label_for_charts": "silent", "is_null_level": True}
    ]
    for at, (level, sql) in enumerate(zip(weighted.level, [*stated, "ELSE"], strict=True)):
        told: Json = {"sql_condition": condition(sql, dialect), "label_for_charts": level.name}
        if at == 0 and weighted.name in _RARE:
            told["tf_adjustment_column"] = _RARE[weighted.name]
        levels.append(told | (_probabilities(level) if trained else {}))
    return {"output_column_name": weighted.name, "comparison_levels": levels}


def _probabilities(level: Level) -> Json:
    return {"m_probability": level.m, "u_probability": level.u}


def _arrow(columns: Mapping[str, Column]) -> Any:
    import pyarrow as pa

    types = {"unique_id": pa.int64(), "key": pa.list_(pa.int64()), "given_known": pa.bool_()}
    types |= {name: pa.list_(pa.string()) for name in LISTS}
    return pa.table({name: pa.array(held, types.get(name, pa.string())) for name, held in columns.items()})


def _memory(text: str) -> str:
    """A size such as 3GB, and nothing else: it is put into a statement."""
    number, unit = text[:-2], text[-2:].upper()
    if not number.isdigit() or unit not in {"MB", "GB"}:
        raise ValueError(f"'{text}' is not a size such as 3GB.")
    return number + unit


def _quiet() -> None:
    """Splink tells a scientist at a notebook what it does; the command tells it in its own words."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="splink")
