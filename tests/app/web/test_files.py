"""The page's files: small, compressed, and asked for once."""

import gzip
import re

import httpx2
import pytest

from app.resources import BUILT
from tests.support.client import Visitor

MAX_BYTES = 150_000


@pytest.fixture
def http(visitor: Visitor) -> httpx2.Client:
    return visitor.http


def addresses(html: str) -> list[str]:
    """What the page loads at once."""
    return re.findall(r'(?:href|src)="(/files/[^"]+)"', html)


def others_of(address: str, content: bytes) -> list[str]:
    """What a script at that address loads, some of it later."""
    folder = address.rsplit("/", 1)[0]
    return [
        f"{folder}/{name}" for name in re.findall(r'["\']\./([\w-]+\.js)["\']', content.decode())
    ]


def test_everything_the_page_loads_is_there_and_kept_for_good(http: httpx2.Client) -> None:
    html = http.get("/").text
    # The icon, the script that comes first, the styles, what both scripts share, and the script.
    assert len(addresses(html)) == 5
    for address in addresses(html):
        response = http.get(address)
        assert response.status_code == 200, address
        small = len(response.content) < 512
        assert response.headers.get("content-encoding") == (None if small else "gzip"), address
        assert "immutable" in response.headers["cache-control"]


def test_all_of_the_page_is_small_its_dialogs_too(http: httpx2.Client) -> None:
    html = http.get("/").text
    sent = {"/": html.encode()}
    wanted = addresses(html)
    first = len(wanted)
    while wanted:
        address = wanted.pop()
        if address not in sent:
            sent[address] = http.get(address).raise_for_status().content
            wanted += others_of(address, sent[address]) if address.endswith(".js") else []
    assert len(sent) == first + 2  # the page, and the script that is loaded later
    assert sum(len(gzip.compress(content, 9)) for content in sent.values()) < MAX_BYTES


def test_scripts_that_others_import_are_asked_for_beside_them(http: httpx2.Client) -> None:
    at_once = addresses(http.get("/").text)
    (entry,) = (address for address in at_once if address.endswith("/main.js"))
    content = http.get(entry).text
    imported = re.findall(r'(?:from|import)"\./([\w-]+\.js)"', content)
    assert len(imported) == 1
    assert {f"{entry.rsplit('/', 1)[0]}/{name}" for name in imported} < set(at_once)


def test_a_browser_can_show_the_scripts_as_they_were_written(http: httpx2.Client) -> None:
    script = http.get("/static/main.js").text
    name = script.rsplit("sourceMappingURL=", 1)[1].strip()
    sources = http.get(f"/static/{name}").json()
    written = dict(zip(sources["sources"], sources["sourcesContent"], strict=True))
    path = next(path for path in written if path.endswith("static/elements/weights-region.js"))
    assert "class WeightsRegion" in written[path]


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
    assert plain.content == (BUILT / "main.js").read_bytes()


def test_an_open_page_of_an_earlier_version_still_gets_its_files(http: httpx2.Client) -> None:
    response = http.get("/files/000000000000/static/main.js")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"
