"""A Hub on this machine: the endpoints its clients call, over real HTTP, with faults on demand.

Repositories have commits, branches, pull requests and tags; large files go through LFS and lie on
disk under their digest. What the real Hub refuses is refused here: an unknown licence in a card, a
stale parent, a draft that is merged, a truncated upload.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

LICENCES = "gpl-3.0 odbl cc-by-4.0 cc-by-nc-4.0 cc-by-sa-4.0 cc0-1.0 apache-2.0 mit other".split()
TASKS = (
    "text-generation text-classification audio-classification audio-text-to-text "
    "automatic-speech-recognition other"
).split()
SIZES = "n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M".split()
LFS_FROM = 100_000
LFS_NAMES = (".parquet", ".flac")


@dataclass(frozen=True)
class Entry:
    """A file in a tree."""

    size: int
    blob: str
    sha256: str | None = None


@dataclass
class Request:
    """A pull request."""

    number: int
    title: str
    author: str
    status: str = "draft"
    merged_as: str | None = None
    comments: list[str] = field(default_factory=list)


@dataclass
class Repo:
    """A dataset repository; `parents` and `trees` go by commit."""

    name: str
    owner: str
    private: bool
    gated: Any = False
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    trees: dict[str, dict[str, Entry]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def commit(self, ref: str, tree: dict[str, Entry], title: str) -> str:
        parent = self.refs.get(ref, "")
        said = repr((parent, sorted(tree.items()), title, len(self.trees)))
        sha = hashlib.sha1(said.encode()).hexdigest()
        self.trees[sha], self.parents[sha], self.refs[ref] = tree, parent, sha
        self.titles[sha] = title
        return sha

    def sha_of(self, revision: str) -> str | None:
        if revision in self.trees:
            return revision
        return self.refs.get(revision) or self.tags.get(revision)

    def base(self, ref: str) -> str:
        """Return the commit of main that a ref started from."""
        sha, mains = self.refs[ref], set()
        main = self.refs["main"]
        while main:
            mains.add(main)
            main = self.parents[main]
        while sha not in mains:
            sha = self.parents[sha]
        return sha


@dataclass
class Fault:
    """What goes wrong at a call: `match` is searched in "METHOD path".

    `how` is a status, ``drop`` (no answer and nothing done), ``drop_after`` (done, but the answer
    is lost) or ``truncate`` (an upload arrives cut short).
    """

    match: str
    how: int | str
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0


class Dropped(Exception):
    """The connection is closed without an answer."""


class Refused(Exception):
    """An error answer."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class LoopbackHub:
    """The server; use as a context manager.

    Args:
        folder: where blobs lie.
        tokens: who may write where: token → namespaces.
    """

    def __init__(self, folder: Path, tokens: dict[str, tuple[str, ...]] | None = None) -> None:
        self.folder = folder
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
        self.tokens = {"hf_test": ("org",), "hf_reader": ()} if tokens is None else tokens
        self.repos: dict[str, Repo] = {}
        self.faults: list[Fault] = []
        # What was uploaded counts only once the client has had it verified.
        self.verified: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.log: list[str] = []
        self.received = 0
        self.before: dict[str, Any] = {}
        self.lock = threading.RLock()

    def __enter__(self) -> LoopbackHub:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def blob(self, sha256: str) -> Path:
        return self.folder / "blobs" / sha256

    def store(self, content: bytes) -> Entry:
        sha256 = hashlib.sha256(content).hexdigest()
        self.blob(sha256).write_bytes(content)
        blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        self.blob(blob).write_bytes(content)
        return Entry(len(content), blob)

    def create(self, name: str, owner: str, private: bool) -> Repo:
        repo = self.repos[name] = Repo(name, owner, private)
        repo.commit("main", {".gitattributes": self.store(b"*.parquet filter=lfs\n")}, "initial")
        return repo

    def read(self, name: str, path: str, revision: str = "main") -> bytes:
        """Return a file as readers get it."""
        repo = self.repos[name]
        entry = repo.trees[repo.sha_of(revision)][path]
        return self.blob(entry.sha256 or entry.blob).read_bytes()

    def files(self, name: str, revision: str = "main") -> set[str]:
        """Return the paths at a revision, without what the Hub puts there itself."""
        repo = self.repos[name]
        return set(repo.trees[repo.sha_of(revision)]) - {".gitattributes"}

    def fault(self, call: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.match, call):
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"
    # One segment for the head and one for the body, without waiting between them.
    wbufsize = 1 << 16

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.route = unquote(parts.path)
        call = f"{self.command} {self.route}"
        self._left = int(self.headers.get("Content-Length") or 0)
        fault = self.hub.fault(call)
        with self.hub.lock:
            self.hub.log.append(call)
        try:
            if fault and fault.how == "drop":
                raise Dropped
            if fault and isinstance(fault.how, int):
                self._drain()
                self._answer(fault.how, {"error": "a fault"}, fault.headers)
                return
            for match, act in list(self.hub.before.items()):
                if re.search(match, call):
                    self.hub.before.pop(match)
                    act()
            status, body, headers = self._route(bool(fault and fault.how == "truncate"))
            if fault and fault.how == "drop_after":
                raise Dropped
            self._answer(status, body, headers)
        except Refused as error:
            self._drain()
            headers = {"X-Error-Code": error.code} if error.code else {}
            headers["X-Error-Message"] = error.message
            self._answer(error.status, {"error": error.message}, headers)
        except (Dropped, BrokenPipeError, ConnectionError):
            self.close_connection = True
            self.connection.close()

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _serve

    def _drain(self) -> None:
        while self._left > 0:
            piece = self.rfile.read(min(self._left, 1 << 20))
            if not piece:
                break
            self._left -= len(piece)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline().strip() or b"0", 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        body = self.rfile.read(self._left)
        self._left = 0
        return body

    def _json(self) -> Any:
        return json.loads(self._body() or b"null")

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes | Path | tuple) else json.dumps(body).encode()
        self.send_response(status)
        start, size = 0, 0
        if isinstance(content, tuple):
            content, start, size = content
        elif isinstance(content, bytes):
            size = len(content)
            if "Content-Type" not in (headers or {}):
                self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(content, bytes):
            self.wfile.write(content)
        else:
            with content.open("rb") as stream:
                stream.seek(start)
                while size > 0 and (piece := stream.read(min(size, 1 << 20))):
                    self.wfile.write(piece)
                    size -= len(piece)
        self.wfile.flush()

    # Who asks

    def _token(self) -> str | None:
        said = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if said and said not in self.hub.tokens:
            raise Refused(401, "Invalid credentials in Authorization header")
        return said or None

    def _may_write(self, namespace: str) -> str:
        token = self._token()
        if token is None:
            raise Refused(401, "Invalid username or password.")
        if namespace not in self.hub.tokens[token]:
            raise Refused(403, f"You don't have the rights to write to {namespace}")
        return token

    def _repo(self, name: str, write: bool = False) -> Repo:
        token = self._token()
        repo = self.hub.repos.get(name)
        mine = token is not None and name.split("/")[0] in self.hub.tokens[token]
        if repo is None or (repo.private and not mine):
            status = 404 if token else 401
            raise Refused(status, "Repository not found", "RepoNotFound")
        if write:
            self._may_write(name.split("/")[0])
        return repo

    def _sha(self, repo: Repo, revision: str) -> str:
        sha = repo.sha_of(revision)
        if sha is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return sha

    # What is asked

    def _route(self, truncate: bool) -> tuple[int, Any, dict[str, str]]:
        for method, pattern, name in _ROUTES:
            match = re.fullmatch(pattern, self.route)
            if match and self.command in method.split("|"):
                with self.hub.lock:
                    self.hub.calls[name] += 1
                if name == "put":
                    return self._put(match["oid"], truncate)
                return getattr(self, f"_{name}")(**match.groupdict())
        raise Refused(404, f"no such endpoint: {self.command} {self.route}")

    def _whoami(self) -> tuple[int, Any, dict[str, str]]:
        token = self._token()
        if token is None:
            raise Refused(401, "Invalid username or password.")
        return 200, {"name": token, "type": "user", "orgs": []}, {}

    def _create(self) -> tuple[int, Any, dict[str, str]]:
        asked = self._json()
        name = f"{asked.get('organization') or 'user'}/{asked['name']}"
        token = self._may_write(name.split("/")[0])
        url = f"{self.hub.url}/datasets/{name}"
        with self.hub.lock:
            if name in self.hub.repos:
                raise_body = {"error": "You already created this dataset repo", "url": url}
                return 409, raise_body, {}
            private = asked.get("private") or asked.get("visibility") == "private"
            self.hub.create(name, token, bool(private))
        return 200, {"url": url, "name": name}, {}

    def _validate(self) -> tuple[int, Any, dict[str, str]]:
        wrong = card_errors(self._json()["content"])
        if wrong:
            return 400, {"errors": [{"message": said} for said in wrong], "warnings": []}, {}
        return 200, {"errors": [], "warnings": []}, {}

    def _info(self, repo: str, revision: str | None = None) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo)
        sha = self._sha(found, revision or "main")
        tree = found.trees[sha]
        return (
            200,
            {
                "id": repo,
                "sha": sha,
                "private": found.private,
                "gated": found.gated,
                "tags": [],
                "siblings": [{"rfilename": path} for path in sorted(tree)],
                "createdAt": "2026-01-01T00:00:00.000Z",
                "lastModified": "2026-01-01T00:00:00.000Z",
            },
            {"X-Repo-Commit": sha},
        )

    def _refs(self, repo: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo)

        def listed(refs: dict[str, str], at: str) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"{at}{name}", "targetCommit": sha}
                for name, sha in refs.items()
            ]

        branches = {n: s for n, s in found.refs.items() if not n.startswith("refs/")}
        requests = {n: s for n, s in found.refs.items() if n.startswith("refs/pr/")}
        told = {
            "branches": listed(branches, "refs/heads/"),
            "converts": [],
            "tags": listed(found.tags, "refs/tags/"),
            "pullRequests": listed(requests, ""),
        }
        return 200, told, {}

    def _tree(
        self, repo: str, revision: str, path: str | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo)
        sha = self._sha(found, revision)
        start = f"{path}/" if path else ""
        tree = {p: e for p, e in found.trees[sha].items() if p.startswith(start)}
        if path and not tree:
            raise Refused(404, f"{path} does not exist on {revision}", "EntryNotFound")
        deep = self.query.get("recursive", "").lower() in ("true", "1")
        told: dict[str, Any] = {}
        for name, entry in sorted(tree.items()):
            folder = name[len(start) :].split("/")[0] if "/" in name[len(start) :] else None
            if folder:
                at = start + folder
                told.setdefault(at, {"type": "directory", "oid": "0" * 40, "size": 0, "path": at})
            if folder and not deep:
                continue
            told[name] = {"type": "file", "oid": entry.blob, "size": entry.size, "path": name}
            if entry.sha256:
                lfs = {"oid": entry.sha256, "size": entry.size, "pointerSize": 130}
                told[name]["lfs"] = lfs
        return 200, list(told.values()), {}

    def _paths_info(self, repo: str, revision: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo)
        tree = found.trees[self._sha(found, revision)]
        body = self._body()
        if "json" in self.headers.get("Content-Type", ""):
            paths = json.loads(body)["paths"]
        else:
            paths = parse_qs(body.decode())["paths"]
        told = []
        for path in paths:
            if path in tree:
                entry = tree[path]
                told.append(
                    {"type": "file", "oid": entry.blob, "size": entry.size, "path": path}
                    | (
                        {"lfs": {"oid": entry.sha256, "size": entry.size, "pointerSize": 130}}
                        if entry.sha256
                        else {}
                    )
                )
            elif any(name.startswith(f"{path}/") for name in tree):
                told.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": path})
        return 200, told, {}

    def _preupload(self, repo: str, revision: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo, write=True)
        tree = found.trees[self._sha(found, revision)]
        told = []
        for file in self._json()["files"]:
            large = file["size"] >= LFS_FROM or file["path"].endswith(LFS_NAMES)
            entry = tree.get(file["path"])
            oid = (entry.sha256 or entry.blob) if entry else None
            mode = "lfs" if large else "regular"
            told.append(
                {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}
            )
        return 200, {"files": told}, {}

    def _batch(self, repo: str) -> tuple[int, Any, dict[str, str]]:
        self._repo(repo, write=True)
        told = []
        for one in self._json()["objects"]:
            known = {"oid": one["oid"], "size": one["size"], "authenticated": True}
            if one["oid"] not in self.hub.verified:
                known["actions"] = {
                    "upload": {"href": f"{self.hub.url}/lfs/{one['oid']}", "header": {}},
                    "verify": {"href": f"{self.hub.url}/lfs-verify/{repo}", "header": {}},
                }
            told.append(known)
        return 200, {"transfer": "basic", "objects": told}, {}

    def _put(self, oid: str, truncate: bool) -> tuple[int, Any, dict[str, str]]:
        target = self.hub.folder / f"{oid}.{threading.get_ident()}.part"
        wanted = self._left // 2 if truncate else self._left
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as stream:
            while wanted > 0 and (piece := self.rfile.read(min(wanted, 1 << 20))):
                stream.write(piece)
                digest.update(piece)
                wanted -= len(piece)
                size += len(piece)
                self._left -= len(piece)
        with self.hub.lock:
            self.hub.received += size
        self._drain()
        if digest.hexdigest() != oid:
            target.unlink()
            raise Refused(400, "the content does not match its digest")
        target.replace(self.hub.blob(oid))
        return 200, b"", {}

    def _verify(self, repo: str) -> tuple[int, Any, dict[str, str]]:
        asked = self._json()
        path = self.hub.blob(asked["oid"])
        if not path.is_file() or path.stat().st_size != asked["size"]:
            raise Refused(404, "no such object")
        self.hub.verified.add(asked["oid"])
        return 200, {}, {}

    def _commit(self, repo: str, revision: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo, write=True)
        lines = [json.loads(line) for line in self._body().splitlines() if line.strip()]
        with self.hub.lock:
            head = found.refs.get(revision)
            if head is None:
                raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
            asked = lines[0]["value"]
            if asked.get("parentCommit") not in (None, head):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            tree = dict(found.trees[head])
            for line in lines[1:]:
                self._apply(tree, line["key"], line["value"])
            sha = found.commit(revision, tree, asked["summary"])
        told = {"commitOid": sha, "commitUrl": f"{self.hub.url}/datasets/{repo}/commit/{sha}"}
        return 200, {**told, "success": True}, {}

    def _apply(self, tree: dict[str, Entry], key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            content = base64.b64decode(value["content"])
            if path == "README.md" and (wrong := card_errors(content.decode())):
                raise Refused(400, f"Invalid metadata in README.md: {wrong[0]}")
            tree[path] = self.hub.store(content)
        elif key == "lfsFile":
            if value["oid"] not in self.hub.verified:
                raise Refused(400, f"{path} was not uploaded")
            pointer = hashlib.sha1(value["oid"].encode()).hexdigest()
            tree[path] = Entry(value["size"], pointer, value["oid"])
        elif key == "deletedFile":
            if path not in tree:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
            del tree[path]
        else:
            raise Refused(400, f"unknown operation {key}")

    def _discussions(self, repo: str) -> tuple[int, Any, dict[str, str]]:
        if self.command == "POST":
            found = self._repo(repo, write=True)
            asked = self._json()
            with self.hub.lock:
                number = len(found.requests) + 1
                found.requests[number] = Request(number, asked["title"], str(self._token()))
                found.refs[f"refs/pr/{number}"] = found.refs["main"]
            return 200, {"num": number, "pullRequest": True}, {}
        found = self._repo(repo)
        told = [self._told(found, request) for request in found.requests.values()]
        page = int(self.query.get("p", 0))
        return 200, {"count": len(told), "start": page, "discussions": told[page:]}, {}

    def _told(self, repo: Repo, request: Request) -> dict[str, Any]:
        return {
            "num": request.number,
            "title": request.title,
            "status": request.status,
            "author": {"name": request.author},
            "isPullRequest": True,
            "createdAt": "2026-01-01T00:00:00.000Z",
            "repo": {"name": repo.name, "type": "dataset"},
        }

    def _discussion(self, repo: str, number: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo)
        request = found.requests.get(int(number))
        if request is None:
            raise Refused(404, "no such discussion")
        changes = {"base": "refs/heads/main", "mergeCommitId": request.merged_as}
        more = {"changes": changes, "filesWithConflicts": [], "events": [], "diff": ""}
        return 200, self._told(found, request) | more, {}

    def _status(self, repo: str, number: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo, write=True)
        asked = self._json()
        request = found.requests[int(number)]
        if request.status == "merged":
            raise Refused(409, "the pull request is merged")
        request.status = asked["status"]
        request.comments.append(asked.get("comment", ""))
        event = {
            "id": "1",
            "type": "status-change",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "author": {"name": request.author},
            "data": {"status": asked["status"]},
        }
        return 200, {"newStatus": event}, {}

    def _merge(self, repo: str, number: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo, write=True)
        self._body()
        with self.hub.lock:
            request, ref = found.requests[int(number)], f"refs/pr/{number}"
            if request.status != "open":
                raise Refused(409, f"a pull request that is {request.status} cannot be merged")
            base, main = found.trees[found.base(ref)], found.trees[found.refs["main"]]
            theirs = found.trees[found.refs[ref]]
            tree = dict(main)
            for path in base.keys() | theirs.keys():
                if theirs.get(path) == base.get(path):
                    continue
                if main.get(path) not in (base.get(path), theirs.get(path)):
                    raise Refused(409, f"conflict in {path}")
                tree.pop(path, None)
                if path in theirs:
                    tree[path] = theirs[path]
            request.merged_as = found.commit("main", tree, f"{request.title} (#{number})")
            request.status = "merged"
        return 200, {}, {}

    def _tag(self, repo: str, revision: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo, write=True)
        name = self._json()["tag"]
        if name in found.tags:
            raise Refused(409, "Tag reference exists already")
        found.tags[name] = self._sha(found, revision)
        return 200, {}, {}

    def _settings(self, repo: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo, write=True)
        asked = self._json()
        if "visibility" in asked:
            found.private = asked["visibility"] == "private"
        if "gated" in asked:
            found.gated = asked["gated"]
        return 200, {}, {}

    def _resolve(self, repo: str, revision: str, path: str) -> tuple[int, Any, dict[str, str]]:
        found = self._repo(repo)
        sha = self._sha(found, revision)
        entry = found.trees[sha].get(path)
        if entry is None:
            raise Refused(404, "Entry not found", "EntryNotFound")
        headers = {
            "X-Repo-Commit": sha,
            "ETag": f'"{entry.sha256 or entry.blob}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if entry.sha256:
            headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
        blob = self.hub.blob(entry.sha256 or entry.blob)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return 200, (blob, 0, entry.size), headers
        first = int(asked[1])
        last = min(int(asked[2] or entry.size - 1), entry.size - 1)
        if first > last:
            raise Refused(416, "no such range")
        headers["Content-Range"] = f"bytes {first}-{last}/{entry.size}"
        return 206, (blob, first, last - first + 1), headers


_NAME = r"(?P<repo>[\w.-]+/[\w.-]+)"
_REV = r"(?P<revision>refs/pr/\d+|[^/]+)"
_API = rf"/api/datasets/{_NAME}"
_ROUTES = [
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("GET", rf"{_API}/refs", "refs"),
    ("GET", rf"{_API}/tree/{_REV}(?:/(?P<path>.+))?", "tree"),
    ("POST", rf"{_API}/paths-info/{_REV}", "paths_info"),
    ("POST", rf"{_API}/preupload/{_REV}", "preupload"),
    ("POST", rf"{_API}/commit/{_REV}", "commit"),
    ("GET|POST", rf"{_API}/discussions", "discussions"),
    ("GET", rf"{_API}/discussions/(?P<number>\d+)", "discussion"),
    ("POST", rf"{_API}/discussions/(?P<number>\d+)/status", "status"),
    ("POST", rf"{_API}/discussions/(?P<number>\d+)/merge", "merge"),
    ("POST", rf"{_API}/tag/{_REV}", "tag"),
    ("PUT", rf"{_API}/settings", "settings"),
    ("GET", rf"{_API}/revision/{_REV}", "info"),
    ("GET", _API, "info"),
    ("POST", rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "put"),
    ("POST", rf"/lfs-verify/{_NAME}", "verify"),
    ("GET|HEAD", rf"/datasets/{_NAME}/resolve/{_REV}/(?P<path>.+)", "resolve"),
]


def card_errors(text: str) -> list[str]:
    """Return what the Hub would refuse in a card's head."""
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not match:
        return []
    try:
        head = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    wrong = []
    if head.get("license") not in LICENCES:
        wrong.append(f"license {head.get('license')!r} is not one of the Hub's")
    if head.get("license") == "other" and not head.get("license_name"):
        wrong.append("license other needs a license_name")
    wrong += [f"task {t!r}" for t in head.get("task_categories", ()) if t not in TASKS]
    wrong += [f"size {s!r}" for s in head.get("size_categories", ()) if s not in SIZES]
    if not all(re.fullmatch(r"[a-z]{2,3}", code) for code in head.get("language", ())):
        wrong.append("language is no ISO code")
    for config in head.get("configs", ()):
        if not config.get("config_name"):
            wrong.append("a config has no config_name")
    return wrong


def wait_for(condition: Any, seconds: float = 5.0) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
