"""Who gets in: links on loopback too, a proxy before the server, people who are removed."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from builds import hearten, one_line_error
from serving import Server, Visitor, decision

from builders.review.data.people import INVITATION_DAYS
from builders.review.server import bounded

PUBLIC = "https://review.example.org"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def link_of(server: Server, name: str) -> str:
    return re.search(rf"{name}: \S+/join#(\S+)", "\n".join(server.lines))[1]


def test_once_anybody_is_invited_a_name_is_not_enough_on_loopback(folder):
    with Server(folder) as server:
        assert "sign in with your name" in server.lines[-1]
        assert Visitor(server, "Ann").items()
    with Server(folder, "--invite-lead", "Lea") as server:
        assert "sign in with a link" in server.lines[-1]
        stranger = Visitor(server)
        for name in ("Lea", "Ann", "Somebody"):
            assert stranger.post("/join", {"name": name})[0] == 403
        assert b"<form" not in stranger.ask("GET", "/join")[2]
        assert Visitor(server, token=link_of(server, "Lea")).ask("GET", "/progress")[0] == 200
    with Server(folder) as server:
        assert "sign in with a link" in server.lines[-1], "it stays so without the option"


def test_behind_a_proxy_its_address_is_the_host_the_origin_and_in_the_links(folder):
    server = Server(folder, "--invite", "Ann", "--public-url", f"{PUBLIC}/")
    server.port = free_port()
    with server:
        assert f"{PUBLIC}/join#" in "\n".join(server.lines)
        visitor, body = Visitor(server), {"token": link_of(server, "Ann")}
        kept = {"Host": "review.example.org", "Origin": PUBLIC}
        status, headers, _ = visitor.ask("POST", "/join", body, kept)
        assert status == 200 and "; Secure" in headers["set-cookie"]
        replaced = {"Host": f"127.0.0.1:{server.port}", "Origin": PUBLIC}
        assert visitor.ask("POST", "/join", body, replaced)[0] == 200, "what proxies do by default"
        assert visitor.ask("POST", "/join", {"name": "Ann"}, replaced)[0] == 403
        for origin in ("https://evil.example", "http://review.example.org", "null"):
            assert visitor.ask("POST", "/join", body, kept | {"Origin": origin})[0] == 403
        assert visitor.ask("GET", "/join", None, {"Host": "evil.example"})[0] == 421


@pytest.mark.parametrize("url", ["review.example.org", "ftp://a", "https://a/path", "https://"])
def test_a_public_address_that_is_none_is_one_line(folder, url):
    ended = hearten("review", folder, "--public-url", url)
    assert ended.code == 1 and "--public-url is" in one_line_error(ended)


def test_who_is_removed_or_invited_anew_is_signed_out(folder):
    with Server(folder, "--invite", "Ann", "--invite", "Ben") as server:
        old = link_of(server, "Ann")
        ann, ben = Visitor(server, token=old), Visitor(server, token=link_of(server, "Ben"))
        assert ann.items() and ben.items()
        said = hearten("review-people", folder).out
        assert said.count("invitation until 20") == 2 and "Ann (annotator, a-" in said
        assert "Ben (annotator" in hearten("review-people", folder, "--remove", "Ben").out
        assert ben.ask("GET", "/items?count=1")[0] == 401 and ann.items()
        assert Visitor(server).post("/join", {"token": link_of(server, "Ben")})[0] == 403
        with Server(folder, "--invite", "Ann") as other:
            assert ann.ask("GET", "/items?count=1")[0] == 401
            assert Visitor(other).post("/join", {"token": old})[0] == 403
            assert Visitor(other, token=link_of(other, "Ann")).items()
    ended = hearten("review-people", folder, "--remove", "Nobody")
    assert ended.code == 1 and "there is no annotator 'Nobody'" in one_line_error(ended)


def test_an_invitation_expires(review, monkeypatch):
    token = review.people.invite("Dora")
    assert review.people.by_token(token).name == "Dora"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + INVITATION_DAYS * 86_400 + 1)
    assert review.people.by_token(token) is None


@pytest.mark.slow
def test_requests_that_do_not_arrive_are_closed_and_others_are_answered(folder):
    halves = (
        b"GET / HTTP/1.1\r\nHost: 127",
        b"POST /join HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
        b"",
    )
    with Server(folder) as server:
        ann = Visitor(server, "Ann")
        open_ones = []
        for half in halves:
            open_ones.append(socket.create_connection(("127.0.0.1", server.port)))
            open_ones[-1].sendall(half)
        assert ann.items(), "they are in nobody's way"
        for one in open_ones:
            one.settimeout(bounded.REQUEST_SECONDS + 30)
            assert one.recv(1) == b""
            one.close()


def test_there_is_a_limit_of_connections(folder):
    with Server(folder) as server:
        ann = Visitor(server, "Ann")
        many = [
            socket.create_connection(("127.0.0.1", server.port))
            for _ in range(bounded.MOST_CONNECTIONS + 5)
        ]
        many[-1].settimeout(20)
        assert many[-1].recv(1) == b"", "closed at once"
        for one in many:
            one.close()
        assert ann.items()


NGINX = """
daemon off; pid {here}/nginx.pid; error_log {here}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{behind}; }} }}
}}
"""


@contextmanager
def nginx(here: Path, port: int, behind: int):
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("Debian's nginx is not installed (apt-get install nginx-light)")
    (here / "nginx.conf").write_text(NGINX.format(here=here, port=port, behind=behind))
    with subprocess.Popen([program, "-c", here / "nginx.conf", "-p", here]) as running:
        try:
            for _ in range(100):
                with socket.socket() as one:
                    if one.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield
        finally:
            running.terminate()


def test_nginx_as_it_comes_passes_sign_in_and_decisions_on(folder, tmp_path):
    port = free_port()
    server = Server(folder, "--invite", "Ann", "--public-url", f"http://127.0.0.1:{port}")
    server.port = free_port()
    with nginx(tmp_path, port, server.port), server:
        token, behind = link_of(server, "Ann"), server.port
        server.port = port
        ann = Visitor(server, token=token)
        item = ann.items()[0]
        status, _, _ = ann.ask(
            "POST", "/renew", {"item": item["item"]}, {"Origin": f"http://127.0.0.1:{port}"}
        )
        assert status == 200 and ann.decide(item)[0] == 200
        server.port = behind


def test_a_lead_sees_and_settles_only_what_is_disputed_and_never_decides_on_it_blind(folder):
    with Server(folder, "--overlap", 2) as server:
        ann, bob, lea = (Visitor(server, name) for name in ("Ann", "Bob", "Lea"))
        item = ann.items()[0]
        name = item["item"]
        assert lea.ask("GET", f"/disputed?item={name}")[0] == 404, "nobody has decided about it"
        ann.decide(item)
        theirs = next(one for one in bob.items(3) if one["item"] == name)
        settled = decision(theirs | {"version": 0}, comment="It fits.")
        status, said = lea.post("/adjudicate", settled)
        assert status == 404 and "is not disputed" in said["errors"][0]
        bob.decide(theirs, "reject", reason="generic")
        assert lea.ask("GET", f"/disputed?item={name}")[0] == 200
        assert lea.ask("GET", f"/disputed?item={name}")[0] == 200, "it may be loaded again"
    with Server(folder, "--overlap", 3) as server:
        lea, cem = Visitor(server, "Lea"), Visitor(server, "Cem")
        assert cem.items()[0]["item"] == name
        assert lea.items()[0]["item"] != name, "she has seen what others answered"
    with Server(folder, "--overlap", 2) as server:
        lea = Visitor(server, "Lea")
        status, _ = lea.post("/adjudicate", settled)
        assert status == 200 == lea.post("/adjudicate", settled)[0], "sent again, it is the same"
