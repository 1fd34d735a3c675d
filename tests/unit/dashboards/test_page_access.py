"""Who may look: loopback by its own names, elsewhere a token, and GET alone."""

import socket

import pytest
from starlette.websockets import WebSocketDisconnect

from dashboards.errors import DashboardError
from dashboards.web.access import COOKIE, HEADERS
from dashboards.web.serving import Listening, access_for, read_token, serve
from orchestrator.catalog import Catalog
from orchestrator.errors import CatalogError, CatalogMissingError
from orchestrator.stores import Stores
from tests.unit.dashboards.web_pages import client_of

TOKEN = "a token of some length"


@pytest.fixture
def stores(tmp_path):
    made = Stores.at(tmp_path / "workspace")
    made.prepare()
    Catalog.open(made.catalog_url).close()
    return made


def test_every_answer_has_the_policy_and_allows_no_eval(stores):
    client = client_of(stores)
    for path in ("/", "/nothing", "/static/pages.js", "/trials?page=0", "/table/trials.csv"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_but_reading(stores, method):
    client = client_of(stores)
    for path in ("/", "/session", "/static/pages.js", "/table/trials.csv"):
        answer = client.request(method, path)
        assert answer.status_code == 405, path
        assert answer.headers["allow"] == "GET, HEAD"
    assert client.head("/").status_code == 200


def test_no_websocket(stores):
    client = client_of(stores)
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pytest.fail("a websocket was accepted")


def test_other_names_of_this_machine_are_refused(stores):
    client = client_of(stores, access_for(Listening()))
    assert client.get("/").status_code == 200
    for host in ("127.0.0.1:8050", "[::1]:8050", "LOCALHOST"):
        assert client.get("/", headers={"host": host}).status_code == 200, host
    for host in ("evil.example", "evil.example:8050", "localhost.evil.example", ""):
        answer = client.get("/", headers={"host": host})
        assert answer.status_code == 421, host
        assert "adaptersweep dashboard" in answer.text


def test_elsewhere_a_token_is_needed(stores):
    access = access_for(Listening("0.0.0.0", 8050, TOKEN))
    client = client_of(stores, access)
    for path in ("/", "/trials", "/table/trials.csv", "/figure/seeds.svg?sweep=s", "/changes"):
        assert client.get(path).status_code == 401, path
        assert client.get(path, headers={"host": "any.example"}).status_code == 401
    assert "Token" in client.get("/").text
    assert client.get("/static/pages.js").status_code == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", f"Basic {TOKEN}", "Bearer é"):
        answer = client.get("/", headers={"Authorization": wrong.encode()})
        assert answer.status_code == 401, wrong
    assert client.get(f"/?token={TOKEN}").status_code == 401, "an address is logged on the way"
    shown = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/", headers=shown).status_code == 200


def test_the_token_is_exchanged_for_a_cookie_that_is_not_the_token(stores):
    client = client_of(stores, access_for(Listening("0.0.0.0", 8050, TOKEN)))
    assert client.get("/session").status_code == 401
    assert client.get("/").status_code == 401
    answer = client.get("/session", headers={"Authorization": f"Bearer {TOKEN}"})
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/").status_code == 200, "the client keeps the cookie"
    client.cookies.clear()
    client.cookies.set(COOKIE, "wrong")
    assert client.get("/").status_code == 401


def test_a_token_is_made_where_none_was_given():
    assert access_for(Listening()).token is None
    assert access_for(Listening("127.0.0.2")).token is None
    made = [access_for(Listening("0.0.0.0")).token for _ in range(2)]
    assert len(set(made)) == 2
    assert all(len(token or "") >= 24 for token in made)
    assert access_for(Listening("localhost", token=TOKEN)).token == TOKEN
    with pytest.raises(DashboardError, match="at least 16 characters"):
        access_for(Listening(token="short"))


def test_a_token_file_is_read_by_its_owner_alone(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    assert read_token(path) == TOKEN
    path.chmod(0o644)
    with pytest.raises(DashboardError, match="chmod 600"):
        read_token(path)
    with pytest.raises(DashboardError, match="cannot read"):
        read_token(tmp_path / "none")


def test_where_it_cannot_be_served_is_said(stores, tmp_path, caplog):
    import logging

    log = logging.getLogger("test")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DashboardError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            serve(stores, Listening(port=port), log)
    with pytest.raises(DashboardError, match=r"cannot listen on 203\.0\.113\.7"):
        serve(stores, Listening("203.0.113.7"), log)
    with pytest.raises(CatalogMissingError, match="submit a sweep first"):
        serve(Stores.at(tmp_path / "none"), Listening(), log)
    assert not (tmp_path / "none").exists()


def test_an_older_catalog_is_not_touched(stores, tmp_path):
    with Catalog.open(stores.catalog_url) as catalog, catalog._writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    with pytest.raises(CatalogError, match="found schema 0003; who only reads changes nothing"):
        Catalog.open(stores.catalog_url, read_only=True)
