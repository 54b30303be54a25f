"""Settings: one TOML file, overridden by `GRIDRATES_*` environment variables.

Reads `gridrates.toml` in the working directory (or the file named by `GRIDRATES_CONFIG`).
Secrets have no key in the file: they come from the environment alone.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gridrates.errors import InputError

CONFIG_VARIABLE = "GRIDRATES_CONFIG"
SECRETS = (
    "kafka_password",
    "kafka_key_password",
    "hash_key",
    "open311_api_key",
    "smtp_password",
    # The address of a webhook or a robot is its password.
    "alert_webhook_url",
    "alert_dingtalk_url",
    "alert_dingtalk_secret",
    "alert_wecom_url",
)
_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)? ?[kmgt](i?b)?", re.IGNORECASE)
_SERVER = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s,:\[\]/]+):[0-9]{1,5}")


class Settings(BaseSettings):
    """Everything an installation may choose.

    Paths that are not absolute are taken from the working directory.
    """

    model_config = SettingsConfigDict(
        env_prefix="GRIDRATES_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    home: Path = Field(Path(".gridrates"), description="Where all state lives.")
    profile: str = Field("demo-street", description="Name of a folder in profiles/, or a path.")

    kafka_bootstrap_servers: Annotated[str | None, NoDecode] = Field(
        None,
        description="host:port[,host:port]; when absent, the broker started by `gridrates dev up`.",
    )
    kafka_username: str | None = Field(None, description="SASL user name.")
    kafka_password: SecretStr | None = Field(None, description="SASL password; environment only.")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = Field(
        "SCRAM-SHA-512", description="How the password is proved: SCRAM-SHA-512 or SCRAM-SHA-256."
    )
    kafka_tls: bool = Field(
        False, description="Secure connections with TLS also without user name and certificates."
    )
    kafka_ca_file: Path | None = Field(
        None,
        description="Authorities (PEM) that may sign the broker's certificate; when absent, the system's.",
    )
    kafka_certificate_file: Path | None = Field(
        None, description="Certificate (PEM) that we show to the broker, where it asks for one (mTLS)."
    )
    kafka_key_file: Path | None = Field(
        None, description="Key (PEM) of that certificate; when absent, it is in the same file."
    )
    kafka_key_password: SecretStr | None = Field(None, description="Password of that key; environment only.")
    kafka_timeout_seconds: float = Field(10, gt=0, description="How long to wait for a broker's answer.")

    hash_key: SecretStr | None = Field(
        None,
        description="What people and households are hashed with when an export is sent; environment only.",
    )
    hash_key_id: str = Field(
        "k1", pattern="^[a-z][0-9a-z_-]{0,31}$", description="Name of that key, which its hashes carry."
    )

    topic: str = Field("case-events", description="Topic the events arrive on.")
    dead_letter_topic: str = Field("case-events.dlq", description="Topic refused events are mirrored to.")
    rates_topic: str = Field(
        "daily-rates", description="Compacted topic of the published rates; empty: none are sent."
    )
    topic_partitions: int = Field(4, ge=1, description="Partitions of a topic that we create.")
    replication_factor: int = Field(1, ge=1, description="Replicas of a topic that we create.")

    open311_api_key: SecretStr | None = Field(
        None, description="Key of an Open311 server that wants one; environment only."
    )

    land_batch_events: int = Field(
        200_000, ge=1, description="Events a landing transaction holds at the most."
    )
    land_max_event_bytes: int = Field(
        1024 * 1024, ge=1024, description="Size of the largest event that is landed; larger ones are refused."
    )
    land_memory_mb: int = Field(
        2048, ge=256, description="Memory for what was read and is not yet written; DuckDB's comes on top."
    )
    keep_free_mb: int = Field(
        256, ge=0, description="Room on the disk that landing leaves: it stops before, and goes on by itself."
    )
    keep_payload: bool = Field(True, description="Keep each event's original bytes beside its columns.")
    duckdb_memory_limit: str = Field("4GB", description="Memory ceiling of DuckDB.")
    duckdb_threads: int = Field(2, ge=1, description="Threads of DuckDB for transforms and checks.")
    lock_timeout_seconds: float = Field(0, ge=0, description="How long to wait for another writer to finish.")
    wake_settle_seconds: float = Field(
        30, ge=0, description="How old a lag must be before Airflow lands it: small arrivals land together."
    )
    wake_refire_seconds: float = Field(
        600, gt=0, description="When Airflow asks again for a landing that has not moved anything."
    )
    land_every_minutes: int = Field(
        15, ge=1, le=60, description="How often Airflow lands in any case, should its watcher be dead."
    )
    keep_generations: int = Field(5, ge=2, description="Published generations kept on disk.")
    reports_per_publication: int = Field(
        31, ge=0, description="Dates of a publication, the newest first, whose reports Airflow writes."
    )
    fresh_within_hours: float = Field(
        26,
        gt=0,
        description="Age of the published file from which `gridrates status` warns; red at twice that.",
    )

    health_lag_records: int = Field(
        100_000, ge=0, description="Records of a partition that may wait; red at five times that."
    )
    health_unlanded_minutes: float = Field(
        30, gt=0, description="Age of the oldest event that waits from which health warns; red at twice that."
    )
    health_conflicts: int = Field(
        10, ge=0, description="Ids a source may use again with other content within a day."
    )
    health_rejected_share: float = Field(
        0.01, ge=0, le=1, description="Share of a day's records that may be refused; red at ten times that."
    )
    health_restated_dates: int = Field(
        60, ge=0, description="Dates whose figures may change within a day; red at ten times that."
    )
    health_slower_than_usual: float = Field(
        3, gt=1, description="Times its usual duration a stage may take; red at four times that."
    )
    health_file_gb: float = Field(
        50, gt=0, description="Size of the live file from which health warns; red at twice that."
    )
    health_growth_gb_per_day: float = Field(
        5, gt=0, description="Growth of the live file from which health warns; red at four times that."
    )
    health_calendar_days: int = Field(
        60, ge=0, description="Days the working calendar must still reach; red at a quarter of that."
    )
    health_free_disk_share: float = Field(
        0.10, ge=0, le=1, description="Share of the disk that must be free; red at a quarter of that."
    )
    compact_free_share: float = Field(
        0.3, gt=0, le=1, description="Share of the live file that may be empty before it is compacted."
    )

    archive_payload_months: int | None = Field(
        None, ge=1, description="Months after which original bytes move to Parquet; when absent, never."
    )

    alert_email_to: str | None = Field(
        None, description="Who is told by mail when something is wrong, parted by commas."
    )
    alert_email_from: str | None = Field(
        None, description="Sender of these mails; when absent, the SMTP user name."
    )
    smtp_host: str | None = Field(None, description="Mail server; without one no mail is sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection to the mail server is secured: starttls, tls or none."
    )
    smtp_username: str | None = Field(None, description="User name at the mail server.")
    smtp_password: SecretStr | None = Field(
        None, description="Password at the mail server; environment only."
    )
    alert_webhook_url: SecretStr | None = Field(
        None, description="Address that gets alerts as JSON; environment only."
    )
    alert_dingtalk_url: SecretStr | None = Field(
        None, description="Address of a DingTalk (钉钉) robot; environment only."
    )
    alert_dingtalk_secret: SecretStr | None = Field(
        None, description="What a DingTalk robot's messages are signed with; environment only."
    )
    alert_wecom_url: SecretStr | None = Field(
        None, description="Address of a WeCom (企业微信) robot; environment only."
    )
    alert_repeat_hours: float = Field(12, gt=0, description="When an alert that is still open is told again.")
    lineage_file: Path | None = Field(
        None, description="File that OpenLineage events are written to; when absent, none are."
    )
    lineage_url: str | None = Field(
        None, description="Address that OpenLineage events are sent to; when absent, none are."
    )
    lineage_namespace: str = Field("gridrates", description="Namespace of jobs and datasets in lineage.")
    runbook_base: str = Field(
        "docs/runbooks", description="Where alerts say the runbooks are: a folder, or an address of yours."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        file = TomlConfigSettingsSource(settings_cls, _file())
        if secret := sorted(set(SECRETS) & set(file.toml_data)):
            raise InputError(
                f"The settings file {_file()} holds {', '.join(secret)}: only the environment may.",
                remedy=f"Take it out, and set GRIDRATES_{secret[0].upper()} where the program is started.",
            )
        return init_settings, env_settings, file

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _are_addresses(cls, text: str | None) -> str | None:
        servers = [server.strip() for server in text.split(",")] if text is not None else []
        if wrong := [server for server in servers if not _SERVER.fullmatch(server)]:
            raise ValueError(f"{', '.join(map(repr, wrong))} is not host:port")
        return ",".join(servers) or None

    @field_validator("duckdb_memory_limit")
    @classmethod
    def _is_a_size(cls, text: str) -> str:
        if not _MEMORY.fullmatch(text.strip()):
            raise ValueError(f"{text!r} is not a size such as 4GB")
        return text.strip()

    @property
    def home_dir(self) -> Path:
        """The absolute state directory."""
        return self.home.expanduser().absolute()

    @property
    def warehouse_path(self) -> Path:
        """The live DuckDB file: one writer, no readers."""
        return self.home_dir / "warehouse" / "live.duckdb"

    @property
    def published_dir(self) -> Path:
        """The published generations and the `current.duckdb` link."""
        return self.home_dir / "published"

    @property
    def current_path(self) -> Path:
        """What analysts open."""
        return self.published_dir / "current.duckdb"


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` that are None are left out.

    Raises InputError naming each wrong key and what is wrong with it, or why the file cannot be read.
    """
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(
            f"The settings are wrong: {wrong}.",
            remedy="Mend gridrates.toml or the GRIDRATES_* environment variable of that name.",
        ) from error
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        raise InputError(
            f"The settings file {_file()} cannot be read: {reason}.",
            remedy='Write lines such as `topic = "case-events"`, in UTF-8.',
        ) from error


def _file() -> Path:
    """The settings file. Raises InputError when one is named that is not there."""
    if not (named := os.environ.get(CONFIG_VARIABLE)):
        return Path("gridrates.toml")
    if not Path(named).is_file():
        raise InputError(
            f"There is no settings file {named}, which {CONFIG_VARIABLE} names.",
            remedy=f"Write it, name another, or unset {CONFIG_VARIABLE}.",
        )
    return Path(named)
