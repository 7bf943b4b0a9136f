"""Whatever is sent by the description of the interface: no defect, and errors in one shape."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.main import create_app
from app.settings import Settings
from tests.support.client import Run, Visitor, checked_error
from tests.support.server import Server, keep_untrained_network, running_server, wait_until

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
# What a busy server says on purpose, with the status that proxies and clients understand.
UNAVAILABLE = 503


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this file's own: it will be asked for many and for large runs."""
    data_dir = keep_untrained_network(tmp_path_factory.mktemp("data"))
    with running_server(data_dir, env={"APP_HISTORY_MB": "1"}) as server:
        yield server


@pytest.fixture(scope="module")
def own_run(own_server: Server) -> Iterator[Run]:
    """A run of three batches."""
    visitor = Visitor(own_server.address)
    wait_until(lambda: visitor.http.get("/api/classify").json()["ready"], what="it to be ready")
    run = visitor.make_run()
    run.step(3)
    yield run
    visitor.close()


DESCRIPTION = create_app(Settings()).openapi()
SCHEMA: Any = schemathesis.openapi.from_dict(DESCRIPTION)
OPERATIONS = {op.label: op for op in (found.ok() for found in SCHEMA.get_all_operations())}
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
# What takes neither parameters nor a body cannot be asked wrongly.
CASES = [(label, POSITIVE) for label in OPERATIONS] + [
    (label, NEGATIVE) for label in OPERATIONS if "{" in label or "POST" in label
]
RUN_CASES = [case for case in CASES if "{run_id}" in case[0]]


@pytest.mark.parametrize(
    ("label", "mode", "of_a_real_run"),
    [(*case, False) for case in CASES] + [(*case, True) for case in RUN_CASES],
)
def test_any_request_is_answered_as_described(
    label: str,
    mode: schemathesis.GenerationMode,
    of_a_real_run: bool,
    own_server: Server,
    own_run: Run,
) -> None:
    visitor = Visitor(own_server.address)

    @EXAMPLES
    @given(OPERATIONS[label].as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        # One that may be deleted is made for it.
        run = visitor.make_run() if label.startswith("DELETE") else own_run
        if of_a_real_run:
            case.path_parameters["run_id"] = run.id
        headers = {"authorization": f"Bearer {run.key}"}
        response = case.call(base_url=own_server.address, headers=headers)
        if response.status_code != UNAVAILABLE:
            case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400:
            checked_error(response.json())

    check()
    visitor.close()
    assert own_run.command("reset")["error"] is None


def test_the_description_names_every_call_and_the_shape_of_errors() -> None:
    assert set(OPERATIONS) == {
        "GET /api/runs",
        "POST /api/runs",
        "GET /api/runs/{run_id}",
        "PATCH /api/runs/{run_id}",
        "DELETE /api/runs/{run_id}",
        "GET /api/runs/{run_id}/recipe",
        "POST /api/runs/{run_id}/branch",
        "POST /api/runs/{run_id}/commands",
        "GET /api/runs/{run_id}/series",
        "GET /api/runs/{run_id}/tensors/{name}",
        "GET /api/runs/{run_id}/weights",
        "GET /api/runs/{run_id}/views/{name}",
        "GET /api/runs/{run_id}/program",
        "GET /api/chain",
        "POST /api/chain",
        "POST /api/classify",
        "GET /api/classify",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
    }
    for operations in DESCRIPTION["paths"].values():
        for operation in operations.values():
            assert "default" in operation["responses"]
            assert "HTTPValidationError" not in str(operation)
