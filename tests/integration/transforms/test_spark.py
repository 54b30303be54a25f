"""One SQL, two engines: every case file of tests/sql, and Boston's half year, give the same rows on Spark.

Needs pyspark 4 (`uv pip install pyspark`, or the extra `gridrates[spark]`) and a Java 17 or newer. Run it
in one process: in a worker of pytest-xdist pyspark takes itself for its own doctests, and ends the worker
when Great Expectations imports it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from gridrates import pipeline
from gridrates.profile import Profile, folder_of, load_profile
from gridrates.settings import Settings
from producers.csv_export.sending import send_exports
from producers.mapping import load_mapping
from tests.derived import AS_OF, derive, profile
from tests.sql.conftest import as_of, events_of
from transforms.models import Model, load_models
from transforms.runner import Runner, business_date
from transforms.spark import spark_sql
from warehouse.live import open_live

pyspark_sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install pyspark")
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17 or newer (`java`)"),
    # pyspark's own use of what newer Pythons and pandas call deprecated.
    pytest.mark.filterwarnings("ignore"),
]
CASES = sorted((Path(__file__).parents[2] / "sql").rglob("*.yaml"))
# Columns that only order events, and those of the bytes an event came in.
INTERNAL = ("event_order",)
RAW_WITHOUT = ("payload", "id_hash", "payload_hash")
# What runs once over a few rows is sooner interpreted than compiled.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
COMPILED = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = pyspark_sql.SparkSession.builder.master("local[2]").appName("gridrates")
    for name, value in {
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_spark_gives_the_rows_that_duckdb_gives(spark: Any, path: Path, tmp_path: Path) -> None:
    case = yaml.safe_load(path.read_text("utf-8"))
    chosen = profile(**case.get("profile", {}))
    connection = derive(events_of(case, chosen), chosen, **as_of(case))
    models = models_of(chosen, **as_of(case))
    run_as(spark, INTERPRETED)
    give_inputs(spark, connection, {model.name for model in models}, tmp_path)
    compared = 0
    for model in models:
        made = spark.sql(spark_sql(model.sql))
        # Cut off what was computed: plans of plans would grow without end.
        made.write.parquet(str(tmp_path / model.name))
        spark.read.parquet(str(tmp_path / model.name)).createOrReplaceTempView(model.name)
        if model.table.replace_by != "passing":
            ours, theirs = of_duckdb(connection, model), of_spark(spark, model)
            assert theirs == ours, model.name
            compared += len(ours)
    assert compared


def test_spark_gives_bostons_figures(
    spark: Any, kafka_settings: Settings, boston_csv: Path, tmp_path: Path
) -> None:
    """58,251 real cases: on both engines each model reads what that engine made of the models before it."""
    settings = kafka_settings.model_copy(update={"profile": "boston-311"})
    chosen = load_profile(settings.profile)
    rules = load_mapping(folder_of(settings.profile) / "mapping.yaml", time_zone=chosen.time_zone)
    send_exports(settings, [boston_csv], rules)
    pipeline.land(settings)
    with open_live(settings, command="test") as connection:
        runner = Runner(connection, chosen, AS_OF)
        runner.fold()
        runner.compute(runner.stale_dates())
        models = models_of(chosen)
        run_as(spark, COMPILED)
        give_inputs(spark, connection, {model.name for model in models}, tmp_path)
        for model in models:
            spark.sql(spark_sql(model.sql)).write.parquet(str(tmp_path / model.name))
            spark.read.parquet(str(tmp_path / model.name)).createOrReplaceTempView(model.name)
            if model.table.replace_by != "passing":
                assert differences(connection, model, tmp_path / model.name) == 0, model.name
        counted = connection.execute("SELECT count(*), count(closed_at), count_if(is_on_time) FROM core_case")
        assert counted.fetchone() == (58251, 54570, 46340)


def differences(connection: duckdb.DuckDBPyConnection, model: Model, made: Path) -> int:
    """Rows that only one of the engines has; doubles without the digits that engines may add up otherwise."""
    plainly = {"TIMESTAMPTZ": "epoch_us({})", "DOUBLE": "round({}, 9)"}
    columns = ", ".join(plainly.get(type_, "{}").format(name) for name, type_ in columns_of(model).items())
    ours, theirs = f"SELECT {columns} FROM {model.name}", f"SELECT {columns} FROM '{made}/*.parquet'"
    row = connection.execute(
        f"SELECT count(*) FROM (({ours} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {ours}))"
    ).fetchone()
    assert row is not None
    return int(row[0])


def models_of(chosen: Profile, as_of: Any = AS_OF) -> list[Model]:
    return load_models(chosen, as_of=as_of, as_of_date=business_date(chosen, as_of))


def run_as(spark: Any, way: dict[str, str]) -> None:
    """Let the session run what follows in a way."""
    for name, value in way.items():
        spark.conf.set(name, value)


def give_inputs(spark: Any, connection: duckdb.DuckDBPyConnection, made: set[str], folder: Path) -> None:
    """The landed events and the reference tables, which no model makes."""
    names = connection.execute("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'core_%'")
    for name in ["raw_event", *(row[0] for row in names.fetchall() if row[0] not in made)]:
        without = f"EXCLUDE ({', '.join(RAW_WITHOUT)})" if name == "raw_event" else ""
        file = folder / f"{name}.parquet"
        connection.execute(f"COPY (SELECT * {without} FROM {name}) TO '{file}'")
        spark.read.parquet(str(file)).createOrReplaceTempView(name)


def of_duckdb(connection: duckdb.DuckDBPyConnection, model: Model) -> list[tuple[Any, ...]]:
    columns = columns_of(model)
    chosen = (f"epoch_us({name})" if type_ == "TIMESTAMPTZ" else name for name, type_ in columns.items())
    return in_order(connection.execute(f"SELECT {', '.join(chosen)} FROM {model.name}").fetchall())


def of_spark(spark: Any, model: Model) -> list[tuple[Any, ...]]:
    columns = columns_of(model)
    chosen = (f"unix_micros({name})" if type_ == "TIMESTAMPTZ" else name for name, type_ in columns.items())
    return in_order(
        tuple(row) for row in spark.sql(f"SELECT {', '.join(chosen)} FROM {model.name}").collect()
    )


def columns_of(model: Model) -> dict[str, str]:
    return {name: column.type for name, column in model.columns.items() if name not in INTERNAL}


def in_order(rows: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(plain(value) for value in row) for row in rows), key=repr)


def plain(value: Any) -> Any:
    """Lists alike, dates as text, and numbers without the last digits, which engines may add up otherwise."""
    if isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(value, float):
        return round(value, 9)
    return str(value) if isinstance(value, date) else value
