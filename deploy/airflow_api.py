"""What we ask of Airflow's REST API: its health, its DAGs, their runs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from gridrates.errors import GridratesError, ServiceUnavailable

ANSWER_SECONDS = 30
FINISHED = ("success", "failed")


class AirflowApi:
    """A client of one Airflow. Every method raises ServiceUnavailable when it does not answer or refuses."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._credentials = {"username": user, "password": password}
        self._token = ""
        # It is on loopback: a proxy of the office must not come in between.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def health(self) -> dict[str, str]:
        """A component's name → `healthy` or not; empty when there is no answer. Never raises."""
        try:
            report = self._call("GET", "/api/v2/monitor/health", token="")
        except GridratesError:
            return {}
        return {name: str((part or {}).get("status")) for name, part in report.items()}

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG was parsed and is known."""
        found = self._get("/api/v2/dags", dag_id_pattern=dag_id, limit=100)["dags"]
        return any(dag["dag_id"] == dag_id for dag in found)

    def import_errors(self) -> dict[str, str]:
        """File name → why it could not be parsed."""
        errors = self._get("/api/v2/importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in errors}

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run by hand; its run id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self._authorised("POST", f"/api/v2/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str, *, limit: int = 20) -> list[dict[str, Any]]:
        """The latest runs, newest first: `dag_run_id`, `state`, `start_date`, `end_date`, `run_type`, …"""
        path = f"/api/v2/dags/{quote(dag_id)}/dagRuns"
        return list(self._get(path, order_by="-run_after", limit=limit)["dag_runs"])

    def wait(self, dag_id: str, run_id: str, *, timeout_seconds: float) -> str:
        """Wait until a run is finished; its state. Raises ServiceUnavailable when it takes longer."""
        path = _run_path(dag_id, run_id)
        until = time.monotonic() + timeout_seconds
        while (state := str(self._get(path)["state"])) not in FINISHED:
            if time.monotonic() > until:
                raise ServiceUnavailable(
                    f"Run {run_id} of {dag_id} is still {state} after {timeout_seconds:.0f} s.",
                    remedy=f"Look at it in Airflow: {self.url}/dags/{dag_id}",
                )
            time.sleep(1)
        return state

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run: `task_id`, `state`, `start_date`, `end_date`, `try_number`, …"""
        return list(self._get(f"{_run_path(dag_id, run_id)}/taskInstances")["task_instances"])

    def failed_tasks(self, dag_id: str, run_id: str) -> Iterator[tuple[str, str]]:
        """Each failed task of a run with its error, or with the end of its log."""
        for task in self.tasks(dag_id, run_id):
            if task["state"] == "failed":
                log = f"{quote(task['task_id'])}/logs/{task['try_number']}"
                yield task["task_id"], self._log(f"{_run_path(dag_id, run_id)}/taskInstances/{log}")

    def _log(self, path: str) -> str:
        content = self._get(path)["content"]
        errors = [error for entry in content for error in entry.get("error_detail") or ()]
        if errors:
            return f"{errors[-1]['exc_type']}: {errors[-1]['exc_value']}"
        return "\n".join(str(entry.get("event", "")) for entry in content[-10:])

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._authorised("GET", f"{path}?{urlencode(query)}" if query else path)

    def _authorised(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        if not self._token:
            self._token = self._call("POST", "/auth/token", self._credentials, token="")["access_token"]
        return self._call(method, path, body, token=self._token)

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, token: str
    ) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Accept", "application/json")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with self._open(request, timeout=ANSWER_SECONDS) as answer:
                content: dict[str, Any] = json.load(answer)
                return content
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(500).decode(errors="replace")
            raise self._refused(f"{method} {path} → {error.code} {said}") from error
        except (OSError, ValueError) as error:
            raise self._refused(f"{method} {path}: {error}") from error

    def _refused(self, detail: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"Airflow at {self.url} did not do what it was asked ({detail}).",
            remedy="Look at `gridrates dev status`.",
        )


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
