"""The page's files: small, compressed, and asked for once."""

import gzip
import re

import httpx2
import pytest

from app.resources import STATIC, small
from tests.support.client import Visitor

MAX_BYTES = 150_000


@pytest.fixture
def http(visitor: Visitor) -> httpx2.Client:
    return visitor.http


def addresses(html: str) -> list[str]:
    """What the page loads at once."""
    return re.findall(r'(?:href|src)="(/files/[^"]+)"', html)


def test_everything_the_page_loads_is_there_and_kept_for_good(http: httpx2.Client) -> None:
    html = http.get("/").text
    assert len(addresses(html)) > 50
    for address in addresses(html):
        response = http.get(address)
        assert response.status_code == 200, address
        small = len(response.content) < 512
        assert response.headers.get("content-encoding") == (None if small else "gzip"), address
        assert "immutable" in response.headers["cache-control"]


def test_the_page_is_small(http: httpx2.Client) -> None:
    html = http.get("/").text
    sent = [html.encode(), *(http.get(address).content for address in addresses(html))]
    assert sum(len(gzip.compress(content, 9)) for content in sent) < MAX_BYTES


def test_a_file_that_has_not_changed_is_not_sent_again(http: httpx2.Client) -> None:
    for address in ("/", "/static/main.js"):
        first = http.get(address)
        assert first.headers["cache-control"] == "no-cache"
        again = http.get(address, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_who_does_not_take_gzip_gets_the_file_as_it_is(http: httpx2.Client) -> None:
    plain = http.get("/static/main.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == http.get("/static/main.js").content
    assert plain.content == small(STATIC / "main.js").read_bytes()


def test_an_open_page_of_an_earlier_version_still_gets_its_files(http: httpx2.Client) -> None:
    response = http.get("/files/000000000000/static/main.js")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"
