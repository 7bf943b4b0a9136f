"""Every error over REST has the one shape, and says what to do."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest

from app.web.errors import storage_failed
from tests.support.client import SMALL, Run, Visitor, error_of
from tests.support.server import keep_untrained_network, running_server

JSON = {"content-type": "application/json"}
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def run(visitor: Visitor) -> Run:
    return visitor.make_run()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/static/nothing.js", 404, "not_found"),
        ("GET", "/static/../app/cli.py", 404, "not_found"),
        ("GET", "/static/%2e%2e/app/cli.py", 404, "not_found"),
        ("GET", "/vendor/nothing.js", 404, "not_found"),
        ("GET", "/vendor/../../etc/passwd", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/runs/nothing", 404, "unknown_run"),
        ("GET", f"/api/runs/{'0' * 32}", 404, "unknown_run"),
        ("GET", f"/api/runs/{'0' * 65}", 422, "invalid_request"),
        ("GET", f"/api/runs/{'0' * 32}/series", 404, "unknown_run"),
        ("GET", f"/api/runs/{'0' * 32}/tensors/batch.x", 404, "unknown_run"),
        ("GET", f"/api/runs/{'0' * 32}/weights", 404, "unknown_run"),
        ("GET", "/api/runs/%00", 404, "unknown_run"),
        ("GET", "/api/runs/%ff%fe", 404, "unknown_run"),
        ("POST", f"/api/runs/{'0' * 32}/commands", 404, "unknown_run"),
        ("POST", "/api/classify?run=nothing", 404, "unknown_run"),
        ("PUT", "/api/runs", 405, "method_not_allowed"),
        ("DELETE", "/api/classify", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("POST", "/static/main.js", 405, "method_not_allowed"),
    ],
)
def test_addresses_and_methods_there_are_not(
    visitor: Visitor, method: str, path: str, status: int, code: str
) -> None:
    body = {"type": "play"} if path.endswith("commands") else None
    error_of(visitor.http.request(method, path, json=body), status, code)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "GET, HEAD"),
        ("/static/main.js", "GET, HEAD"),
        ("/api/runs", "GET, HEAD, POST"),
        (f"/api/runs/{'0' * 32}", "DELETE, GET, HEAD, PATCH"),
        (f"/api/runs/{'0' * 32}/commands", "POST"),
    ],
)
def test_a_wrong_method_is_told_all_that_are_right(
    visitor: Visitor, path: str, allowed: str
) -> None:
    assert visitor.http.put(path).headers["allow"] == allowed


def test_what_there_is_not_is_told_with_what_arrived(visitor: Visitor) -> None:
    for path in ("/nothing", "/%ff", "/api/nothing?x=1", f"/{'x' * 5000}"):
        message = error_of(visitor.http.get(path), 404)["message"]
        assert message.startswith("expected an address of this server, got '/")
        assert len(message) < 400
    error = error_of(visitor.http.put("/api/runs"), 405)
    assert error["message"] == "expected GET or HEAD or POST, got 'PUT'"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "x", ""])
def test_json_that_does_not_say_so_is_told_how(run: Run, media_type: str) -> None:
    headers = {"content-type": media_type, "authorization": f"Bearer {run.key}"}
    for path, body in (
        (f"{run.path}/commands", '{"type": "play"}'),
        (f"{run.path}/branch", '{"batch": 0}'),
        ("/api/runs", '{"batch_size": 64}'),
        ("/api/runs", "{}"),
    ):
        response = run.http.post(path, content=body, headers=headers)
        error = error_of(response, 415, "unsupported_media_type")
        assert "Content-Type: application/json" in error["hint"]


BAD_CONFIGURATIONS: dict[str, Any] = {
    "units": {"layers": [{"units": 0}]},
    "units.negative": {"layers": [{"units": -1}]},
    "units.many": {"layers": [{"units": 10**9}]},
    "units.text": {"layers": [{"units": "16"}]},
    "units.bool": {"layers": [{"units": True}]},
    "units.fraction": {"layers": [{"units": 1.5}]},
    "activation": {"layers": [{"units": 10, "activation": "swish"}]},
    "none": {"layers": []},
    "too many": {"layers": [{"units": 10}] * 9},
    "too big": {"layers": [{"units": 4096}, {"units": 4096}, {"units": 10}]},
    "last": {"layers": [{"units": 11, "activation": "softmax"}]},
    "no softmax": {"layers": [{"units": 10, "activation": "relu"}]},
    "layers": {"layers": "dense"},
    "dataset": {"dataset": "cifar"},
    "loss": {"loss": "hinge"},
    "optimizer": {"optimizer": "newton"},
    "optimizer.name": {"optimizer": {"name": None, "learning_rate": 0.1}},
    "optimizer.rate": {"optimizer": {"name": "sgd", "learning_rate": -1}},
    "optimizer.zero": {"optimizer": {"name": "sgd", "learning_rate": 0}},
    "optimizer.text": {"optimizer": {"name": "sgd", "learning_rate": "fast"}},
    "optimizer.huge": {"optimizer": {"name": "sgd", "learning_rate": 10**400}},
    "optimizer.extra": {"optimizer": {"name": "sgd", "nesterov": True}},
    "optimizer.momentum": {"optimizer": {"name": "sgd", "momentum": 1.5}},
    "optimizer.foreign": {"optimizer": {"name": "adam", "momentum": 0.5}},
    "batch_size": {"batch_size": 0},
    "batch_size.many": {"batch_size": 4097},
    "batch_size.fraction": {"batch_size": 12.5},
    "seed": {"seed": -1},
    "seed.many": {"seed": 2**63},
    "dtype": {"dtype": "float16"},
    "unknown": {"epochs": 5},
    "surrogate": {"\ud800": 1},
    "surrogate value": {"dataset": "\udfff"},
    "list": [],
    "text": "mnist",
}


@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_a_bad_configuration_says_what_was_expected(visitor: Visitor, name: str) -> None:
    body = json.dumps(BAD_CONFIGURATIONS[name])
    response = visitor.http.post("/api/runs", content=body, headers=JSON)
    error = error_of(response, 422, "invalid_request")
    assert error["hint"]
    assert "\n" not in error["message"]
    assert "pydantic" not in error["message"]
    assert len(error["message"]) < 400


BAD_COMMANDS: dict[str, Any] = {
    "nothing": {},
    "unknown": {"type": "explode"},
    "type": {"type": 1},
    "type.surrogate": {"type": "\ud800"},
    "extra": {"type": "play", "now": True},
    "unit": {"type": "step", "unit": "year"},
    "count": {"type": "step", "count": 0},
    "count.many": {"type": "step", "count": 10**7},
    "count.fraction": {"type": "step", "count": 1.5},
    "set nothing": {"type": "set"},
    "rate": {"type": "set", "learning_rate": 0},
    "rate.null": {"type": "set", "learning_rate": None},
    "rate.text": {"type": "set", "learning_rate": "0.1"},
    "rate.huge": {"type": "set", "learning_rate": 1e13},
    "rate.endless": {"type": "set", "learning_rate": 10**400},
    "batch_size": {"type": "set", "batch_size": 0},
    "batch_size.many": {"type": "set", "batch_size": 10**9},
    "speed": {"type": "set", "speed": 0},
    "speed.slow": {"type": "set", "speed": 1e-300},
    "speed.fast": {"type": "set", "speed": 1e300},
    "momentum": {"type": "set", "momentum": 0.5},
    "optimizer": {"type": "set", "optimizer": "newton"},
    "optimizer.dict": {"type": "set", "optimizer": {"name": "newton"}},
    "optimizer.unnamed": {"type": "set", "optimizer": {"learning_rate": 0.1}},
    "optimizer.extra": {"type": "set", "optimizer": {"name": "sgd", "x": 1}},
    "optimizer.rate": {"type": "set", "optimizer": {"name": "sgd", "learning_rate": -1}},
    "seek": {"type": "seek"},
    "seek.negative": {"type": "seek", "batch": -1},
    "seek.fraction": {"type": "seek", "batch": 0.5},
    "list": [{"type": "play"}],
    "text": "play",
    "null": None,
}


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_a_bad_command_says_what_was_expected_and_changes_nothing(run: Run, name: str) -> None:
    before = run.state()
    body = json.dumps(BAD_COMMANDS[name])
    response = run.http.post(f"{run.path}/commands", content=body, headers=JSON)
    error = error_of(response, 422)
    assert error["code"] in ("invalid_request", "invalid_configuration")
    assert error["hint"]
    assert "\n" not in error["message"]
    assert "pydantic" not in error["message"]
    after = run.state()
    for measured in ("version", "test_loss", "test_accuracy", "test_batch"):
        before.pop(measured)
        after.pop(measured)
    assert after == before


COMMANDS = (
    "expected a command whose type is one of play, pause, step, set, seek, reset, set_weight, "
    "train_on, undo, got "
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", COMMANDS + "{}"),
        ('{"Type": "play"}', COMMANDS + '{"Type": "play"}'),
        ('{"type": "explode"}', COMMANDS + "'explode'"),
        ('{"type": null}', COMMANDS + "null"),
        ('{"type": ["play"]}', COMMANDS + '["play"]'),
        ('"play"', COMMANDS + "'play'"),
        ("[]", COMMANDS + "[]"),
        ("null", COMMANDS + "null"),
        ("", "expected a body that is JSON, got none"),
        ('{"type": "seek"}', 'seek.batch: expected batch, got {"type": "seek"} without it'),
    ],
)
def test_what_a_command_lacks_is_said(run: Run, body: str, message: str) -> None:
    response = run.http.post(f"{run.path}/commands", content=body, headers=JSON)
    assert error_of(response, 422, "invalid_request")["message"] == message


def test_what_a_body_lacks_is_said(run: Run) -> None:
    rename = run.http.patch(run.path, json={})
    assert error_of(rename, 422)["message"] == "name: expected name, got {} without it"
    recipe = {"actions": [{"set": {"learning_rate": 1}}]}
    answer = error_of(run.http.post("/api/runs", json={"recipe": recipe}), 422)
    assert answer["message"] == (
        'recipe.actions.0.batch: expected batch, got {"set": {"learning_rate": 1}} without it'
    )


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        {"type": LONG},
        {"type": "play", LONG: 1},
        {"type": "set", "optimizer": LONG},
        {"type": "set", "optimizer": {"name": LONG}},
        {"type": "set", "optimizer": {"name": "sgd", LONG: 1}},
        {"optimizer": LONG},
        {"optimizer": {"name": LONG}},
        {"optimizer": {"name": "sgd", LONG: 1}},
        {LONG: 1},
        {"layers": [{LONG: 1}]},
        {"recipe": {LONG: 1}},
        {"recipe": {"actions": [{"batch": 0, "set": {LONG: 1}}]}},
        {"recipe": {"actions": [{"batch": 0, "set": {"weight": {LONG: 1}}}]}},
    ],
    ids=lambda body: json.dumps(body).replace(LONG, "LONG"),
)
def test_what_arrived_is_not_repeated_at_length(run: Run, body: dict[str, Any]) -> None:
    path = f"{run.path}/commands" if "type" in body else "/api/runs"
    headers = {"authorization": f"Bearer {run.key}"}
    error = error_of(run.http.post(path, json=body, headers=headers), 422)
    assert len(error["message"]) < 400
    assert "xxx" in error["message"]


def test_a_header_and_a_name_are_not_repeated_at_length(visitor: Visitor) -> None:
    headers = {"content-type": "x" * 5000}
    error = error_of(visitor.http.post("/api/classify", content=b"x", headers=headers), 415)
    assert len(error["message"]) < 400
    error = error_of(visitor.http.get(f"/static/{'x' * 5000}"), 404)
    assert len(error["message"]) < 400


NAMED = "expected the name of an optimizer, or its name and options, got "


@pytest.mark.parametrize(
    ("optimizer", "says"),
    [
        ("adagrad", "expected the optimizer to be one of sgd, rmsprop, adam, got 'adagrad'"),
        ({"name": "adagrad"}, "expected the optimizer to be one of sgd, rmsprop, adam, got 'adag"),
        ({"learning_rate": 0.1}, NAMED + '{"learning_rate": 0.1}'),
        ({"name": None}, NAMED + '{"name": null}'),
        (True, NAMED + "true"),
    ],
)
def test_a_change_to_what_is_no_optimizer_is_told_of_in_one_place(
    run: Run, optimizer: Any, says: str
) -> None:
    message = error_of(run.post({"type": "set", "optimizer": optimizer}), 422)["message"]
    assert message.startswith(f"set.optimizer: {says}")


@pytest.mark.parametrize("option", ["momentum", "rho"])
def test_an_option_that_an_optimizer_has_not_is_told_what_it_has(run: Run, option: str) -> None:
    wanted = f"expected no option of rmsprop but learning_rate, got '{option}'"
    body: dict[str, Any] = {"optimizer": {"name": "rmsprop", option: 0.9}}
    assert wanted in error_of(run.http.post("/api/runs", json=body), 422)["message"]
    assert wanted in error_of(run.post({"type": "set", **body}), 422)["message"]
    recipe = {"actions": [{"batch": 0, "set": body}]}
    answer = error_of(run.http.post("/api/runs", json={"recipe": recipe}), 422, "invalid_recipe")
    assert wanted in answer["message"]


def test_an_option_that_the_present_optimizer_has_not_is_told_what_it_has(run: Run) -> None:
    error = error_of(run.post({"type": "set", "momentum": 0.9}), 422)
    assert error["message"] == "expected no option of rmsprop but learning_rate, got 'momentum'"
    error = error_of(run.post({"type": "set", "rho": 0.9}), 422)
    assert error["message"] == (
        "set: expected no fields but type, learning_rate, optimizer, momentum, batch_size, speed, "
        "got 'rho'"
    )


@pytest.mark.parametrize("batch", [1, 10**30])
def test_a_batch_that_was_not_reached(run: Run, batch: int) -> None:
    error_of(run.post({"type": "seek", "batch": batch}), 409, "batch_not_reached")
    response = run.http.get(f"{run.path}/tensors/layer1.weights?batch={batch}")
    error_of(response, 409, "batch_not_reached")


@pytest.mark.parametrize(
    "name", ["nothing", "batch.x", "layer1.weights.gradient", "%00", "a" * 9999]
)
def test_a_tensor_there_is_not_names_those_there_are(run: Run, name: str) -> None:
    error = error_of(run.http.get(f"{run.path}/tensors/{name}"), 404, "unknown_tensor")
    assert "layer1.weights" in error["hint"]


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "1.0", "1_0", "%201", "", "١"])
def test_a_bad_query_is_refused(run: Run, number: str) -> None:
    for path, name in (("series", "from_batch"), ("tensors/layer1.weights", "batch")):
        error = error_of(run.http.get(f"{run.path}/{path}?{name}={number}"), 422, "invalid_request")
        assert f"{name}: " in error["message"]
        assert f", got '{unquote(number)}'" in error["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("", 422),
        ("{]", 400),
        (b"\xff\xfe", 400),
        (DEEP, 400),
        ('{"type": "set", "learning_rate": NaN}', 422),
        ('{"type": "set", "learning_rate": Infinity}', 422),
        ('{"type": "set", "learning_rate": -Infinity}', 422),
        ('{"type": "set", "learning_rate": 1e999}', 422),
        ('{"type": "set", "speed": NaN}', 422),
        ('{"type": "set", "optimizer": {"name": "sgd", "learning_rate": NaN}}', 422),
        ('{"type": "seek", "batch": ' + "9" * 5000 + "}", 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_malformed_json(run: Run, body: str | bytes, status: int) -> None:
    response = run.http.post(f"{run.path}/commands", content=body, headers=JSON)
    error = error_of(response, status)
    assert error["hint"]
    assert len(error["message"]) < 400


def test_where_json_ends_is_said_in_words(visitor: Visitor) -> None:
    error = error_of(visitor.http.post("/api/runs", content="{", headers=JSON), 400)
    assert error["code"] == "malformed_json"
    assert error["message"].startswith("expected JSON, got a body that is none: Expecting property")
    assert error["message"].endswith(" at character 1")
    pixels = visitor.http.post("/api/classify", content="{", headers=JSON)
    assert "expected JSON, got a body that is none: EOF" in error_of(pixels, 400)["message"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (DEEP, "a body that is nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "a number of more than 4300 digits"),
        ('{"dataset": "ü"}'.encode("latin-1"), "a body that is not in UTF-8"),
        ("{}".encode("utf-16") + b"x", "a body that is not in UTF-8"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_json_that_cannot_be_read_is_told_why(
    visitor: Visitor, body: str | bytes, found: str
) -> None:
    answer = visitor.http.post("/api/runs", content=body, headers=JSON)
    error = error_of(answer, 400, "malformed_json")
    assert error["message"] == f"expected JSON, got {found}"


def test_a_configuration_with_a_rate_that_is_no_number(visitor: Visitor) -> None:
    body = '{"optimizer": {"name": "sgd", "learning_rate": NaN}}'
    error_of(visitor.http.post("/api/runs", content=body, headers=JSON), 422, "invalid_request")


A_WEIGHT = {"tensor": "layer1.bias", "index": [0], "value": 0.5}


@pytest.mark.parametrize(
    ("recipe", "place"),
    [
        ({"actions": [{"batch": 5, "set": {}}]}, "actions.0.set: expected a setting"),
        (
            {"actions": [{"batch": batch, "set": {"batch_size": 8}} for batch in (2, 5, 4)]},
            "got one at batch 4 after one at batch 5",
        ),
        (
            {"actions": [{"batch": 0, "set": {"batch_size": 8, "weight": A_WEIGHT}}]},
            "to be one of its own, got batch_size and weight",
        ),
        ({"version": 2}, "version: Input should be 1, got 2"),
        ({"version": True}, "version: expected 1, got true"),
        ({"version": 1.0}, "version: expected 1, got 1.0"),
        ({"name": None}, "name: Input should be a valid string, got null"),
        ([True], "recipe: expected an object, got [true]"),
        ({"config": {"seed": -5}}, "config.seed"),
        ({"spice": 1}, "spice"),
    ],
)
def test_a_recipe_that_is_none(visitor: Visitor, recipe: Any, place: str) -> None:
    response = visitor.http.post("/api/runs", json={"recipe": recipe})
    assert place in error_of(response, 422, "invalid_recipe")["message"]


def test_a_recipe_in_a_file_may_hold_half_of_a_surrogate_pair(visitor: Visitor) -> None:
    body = json.dumps({"format": "descent.recipe", "name": ["\ud800"]})
    headers = {"content-type": "application/octet-stream"}
    answer = visitor.http.post("/api/runs", content=body, headers=headers)
    assert error_of(answer, 422, "invalid_recipe")["message"].endswith(', got ["\\ud800"]')


def test_no_recipe_is_no_recipe(visitor: Visitor) -> None:
    error = error_of(visitor.http.post("/api/runs", json={"recipe": None}), 422, "invalid_recipe")
    assert error["message"].startswith("recipe: expected a recipe, got null")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/classify", "application/json"),
        ("/api/runs", "application/json"),
        ("/api/classify", "application/octet-stream"),  # a file may be larger where runs are made
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(visitor: Visitor, path: str, kind: str, chunked: bool) -> None:
    size = 6 * 1024 * 1024

    def chunks() -> Iterator[bytes]:
        for _ in range(size // 65536):
            yield b" " * 65536

    content = chunks() if chunked else b" " * size
    headers = {"content-type": kind}
    error_of(visitor.http.post(path, content=content, headers=headers), 413, "too_large")


@pytest.mark.parametrize(
    "origin",
    ["http://elsewhere.example", "null", "", "http://[", "http://127.0.0.1:1"],
)
def test_another_sites_page_may_not_write(run: Run, origin: str) -> None:
    headers = {"origin": origin, "authorization": f"Bearer {run.key}"}
    for path in (f"{run.path}/commands", "/api/runs", "/api/classify"):
        response = run.http.post(path, json={"type": "play"}, headers=headers)
        error_of(response, 403, "foreign_origin")
    assert run.state()["state"] == "paused"


@pytest.mark.parametrize("host", ["127.0.0.1", "LocalHost"])  # browsers send it in lower case
def test_its_own_page_may_write(run: Run, visitor: Visitor, host: str) -> None:
    served = visitor.address.removeprefix("http://").replace("127.0.0.1", host)
    headers = {"origin": f"http://{served.lower()}", "host": served}
    assert run.http.post(f"{run.path}/commands", json={"type": "play"}, headers=headers).is_success


def test_errors_carry_the_security_headers(visitor: Visitor) -> None:
    for response in (
        visitor.http.get("/nothing"),
        visitor.http.post("/api/runs", json={"seed": -1}),
        visitor.http.post("/api/runs", headers={"origin": "http://elsewhere.example"}),
    ):
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"


def test_other_sites_cannot_read_an_answer(visitor: Visitor) -> None:
    response = visitor.http.get("/healthz", headers={"origin": "http://elsewhere.example"})
    assert not any(name.startswith("access-control") for name in response.headers)


def test_a_run_too_many_is_refused_while_all_are_in_use(tmp_path_factory: Any) -> None:
    data_dir = keep_untrained_network(tmp_path_factory.mktemp("full"))
    with running_server(data_dir, workers=1, env={"APP_MAX_RUNS": "2"}) as server:
        visitor = Visitor(server.address)
        runs = [visitor.make_run() for _ in range(2)]
        response: httpx2.Response = visitor.http.post("/api/runs")
        error_of(response, 503, "too_many_runs")
        assert all(run.state()["state"] == "paused" for run in runs)
        visitor.close()


def test_runs_made_at_the_same_moment_are_no_more_than_there_is_room_for(tmp_path: Path) -> None:
    data_dir = keep_untrained_network(tmp_path)
    with (
        running_server(data_dir, workers=1, env={"APP_MAX_RUNS": "2"}) as server,
        contextlib.closing(Visitor(server.address)) as visitor,
        ThreadPoolExecutor(8) as threads,
    ):
        answers = list(threads.map(lambda _: visitor.http.post("/api/runs", json=SMALL), range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] * 2 + [503] * 6


@pytest.mark.parametrize(
    "name",
    [
        *(
            "nothing",
            "loop",
            "loop/x",
            "loop/-1",
            "loop/٣",
            "loop/",
            "inside/1",
            "exciters/x",
            f"exciters/{10**50}",
            "%00",
        ),
        *("exciters/16", "derivative/0/0/0", "derivative/1/16/0", "derivative/3/0/0"),
        *("mistakes/4", "mistakes/10/0", "mistakes/0/10", "mistakes/4/9/1", "mistakes/4/x"),
    ],
)
def test_a_view_there_is_not(run: Run, name: str) -> None:
    run.step()
    error = error_of(run.http.get(f"{run.path}/views/{name}"), 404, "unknown_view")
    assert error["hint"]


@pytest.mark.parametrize("digits", [19, 40, 5000])
@pytest.mark.parametrize("word", ["loop", "inside/0/0", "exciters", "derivative/1/0"])
def test_a_view_of_a_number_beyond_all_bounds_is_no_defect(
    run: Run, word: str, digits: int
) -> None:
    run.step()
    response = run.http.get(f"{run.path}/views/{word}/{'9' * digits}")
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        error_of(response, response.status_code)
    assert run.step()["batch"] == 2


def test_a_change_to_nothing_is_no_change_of_a_recipe(visitor: Visitor) -> None:
    actions = [{"batch": 2, "set": {"learning_rate": None}}]
    answer = visitor.http.post("/api/runs", json={"recipe": {"actions": actions}})
    assert answer.status_code == 422
    assert "expected values, got null" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/api/runs"])
def test_head_answers_as_get_does(visitor: Visitor, path: str) -> None:
    answer = visitor.http.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == visitor.http.get(path).headers["content-type"]


def test_a_damaged_database_is_told_from_a_full_disk() -> None:
    full = storage_failed(sqlite3.OperationalError("database or disk is full"))
    damaged = storage_failed(sqlite3.DatabaseError("database disk image is malformed"))
    assert (full.status, damaged.status) == (507, 507)
    assert "has room" in str(full.hint)
    assert "Start the server again" in str(damaged.hint)
