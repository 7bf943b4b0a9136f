"""Is it alive, can it take runs, how is it doing; and the pages that describe it, offline."""

import re

import pytest

from tests.support.client import Visitor, answer


def metrics(visitor: Visitor) -> dict[str, float]:
    response = visitor.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = [line.split() for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_it_is_alive_and_ready(visitor: Visitor) -> None:
    assert answer(visitor.http.get("/healthz")) == {"status": "ok"}
    ready = answer(visitor.http.get("/readyz"))
    assert ready["status"] == "ready"
    assert [worker["worker"] for worker in ready["workers"]] == [0, 1]
    assert all(worker["alive"] for worker in ready["workers"])


def test_runs_are_counted(visitor: Visitor) -> None:
    before = metrics(visitor)
    assert before["descent_workers_alive"] == 2
    assert before["descent_worker_restarts"] == 0
    visitor.make_run()
    assert metrics(visitor)["descent_runs"] == before["descent_runs"] + 1


def test_runs_are_spread_over_the_workers(visitor: Visitor) -> None:
    def hosted() -> list[int]:
        return [worker["runs"] for worker in answer(visitor.http.get("/readyz"))["workers"]]

    before = sum(hosted())
    for _ in range(4):
        visitor.make_run()
    assert sum(hosted()) == before + 4
    assert max(hosted()) - min(hosted()) <= 1


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_nothing_from_elsewhere(visitor: Visitor, path: str) -> None:
    response = visitor.http.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    loaded = re.findall(r'<(?:script|link|img)\b[^>]*?\b(?:src|href)="([^"]+)"', response.text)
    assert loaded
    for address in loaded:
        if not address.startswith("data:"):
            assert address.startswith("/"), address
            assert visitor.http.get(address).status_code == 200, address


def test_the_description_of_the_interface_is_served(visitor: Visitor) -> None:
    description = answer(visitor.http.get("/openapi.json"))
    assert "/api/runs/{run_id}/commands" in description["paths"]
    assert "Descent" in description["info"]["title"]
