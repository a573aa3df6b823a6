"""Calls of the Hub, with retries for failures of the Hub or the network.

Every error of the client becomes a one-line message. Temporary failures (no connection, 429, 5xx)
are retried after a pause; a call whose response was lost may have worked, so before it is
repeated, the Hub is asked whether it did.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError
from pathlib import Path
from typing import Any, TypeVar

from builders.errors import HeartenError, StoppedEarly

try:
    import httpx2
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils.tqdm import disable_progress_bars
except ImportError as error:
    raise HeartenError(
        "the Hub client is not installed", do='install it with pip install "hearten[publish]"'
    ) from error

T = TypeVar("T")
TRIES = 5
# Of what can go on without the Hub: enough for a slip of the connection, and hardly a wait.
FEW_TRIES = 2
LONGEST_WAIT = 600.0
FILES_PER_COMMIT = 50
GO_ON = "nothing was changed on the Hub; run the same command again to continue"
_KEPT = {".gitattributes"}
_CONFLICT, _STALE = 409, 412
_PASSING = {408, _CONFLICT, 425, 429, 500, 502, 503, 504}
_TAG = re.compile(r"v(\d+)")


class HubError(HeartenError):
    """A permanent error of the Hub: the user must do something."""


class Overtaken(HeartenError):
    """Somebody else has published to the repository in the meantime."""


@dataclass(frozen=True)
class State:
    """The state of a repository: `files` at the head of `main`, `tags` the commits of v1, v2, …"""

    head: str
    private: bool
    files: frozenset[str]
    tags: Mapping[int, str]

    @property
    def last(self) -> int:
        """Return the number of the last version, 0 if there is none."""
        return max(self.tags, default=0)


class Hub:
    """One dataset repository on the Hub.

    Args:
        repo: ORG/NAME.
        endpoint: the Hub's address, by default the client's own setting.
        token: by default the client's own.
        pause: seconds before the second attempt; the pause doubles with each further one.
        tries: the maximum number of attempts.
    """

    def __init__(
        self,
        repo: str,
        endpoint: str | None = None,
        token: str | None = None,
        pause: float = 1.0,
        tries: int = TRIES,
    ) -> None:
        disable_progress_bars()
        self.repo = repo
        self.token = token or get_token()
        self._api = HfApi(endpoint=endpoint, token=self.token)
        self.endpoint = self._api.endpoint
        self._pause, self._tries = pause, tries
        self._of: dict[str, Any] = {"repo_id": repo, "repo_type": "dataset"}

    def check_token(self) -> None:
        """Raise HubError if there is no token, or the Hub does not accept it."""
        if not self.token:
            raise HubError("no Hub token was found", do="set HF_TOKEN, or run hf auth login")
        self._tried(self._api.whoami)

    def state(self) -> State | None:
        """Return the state of the repository, None if it does not exist for this token."""
        try:
            info = self._tried(lambda: self._api.dataset_info(self.repo))
            refs = self._tried(lambda: self._api.list_repo_refs(**self._of))
        except NotThere:
            return None
        found = {_TAG.fullmatch(ref.name): ref.target_commit for ref in refs.tags}
        tags = {int(match[1]): commit for match, commit in found.items() if match}
        files = frozenset(file.rfilename for file in info.siblings or ()) - _KEPT
        return State(str(info.sha), bool(info.private), files, tags)

    def create(self) -> None:
        """Create the repository as private, unless it exists."""
        self._tried(lambda: self._api.create_repo(**self._of, private=True, exist_ok=True))

    def text(self, path: str, revision: str) -> str | None:
        """Return a text file at a revision, None if it does not exist."""
        try:
            return self._tried(lambda: self._download(path, revision)).read_text("utf-8")
        except NotThere:
            return None

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """Return a file at a revision, fetched into a folder."""
        return self._tried(lambda: self._download(path, revision, folder))

    def _download(self, path: str, revision: str, folder: Path | None = None) -> Path:
        return Path(
            self._api.hf_hub_download(
                **self._of, filename=path, revision=revision, local_dir=folder
            )
        )

    def digests(self, revision: str) -> dict[str, str]:
        """Return the digest of each file: SHA-256 for large files, git's for small ones."""
        entries: list[Any] = self._tried(
            lambda: list(self._api.list_repo_tree(**self._of, recursive=True, revision=revision))
        )
        files = (entry for entry in entries if hasattr(entry, "blob_id"))
        known = {f.path: f.lfs.sha256 if f.lfs else f.blob_id for f in files}
        return {path: digest for path, digest in known.items() if path not in _KEPT}

    def open_request(self, title: str) -> int:
        """Return the number of the open pull request with that title, or of a new one."""
        return self._tried(
            lambda: (
                self._requested(title)
                or int(self._api.create_pull_request(**self._of, title=title).num)
            ),
            done=lambda: self._requested(title),
        )

    def _requested(self, title: str) -> int | None:
        found = self._api.get_repo_discussions(**self._of, discussion_type="pull_request")
        ours = [d.num for d in found if d.title == title and d.status in ("draft", "open")]
        return max(ours, default=None)

    def head(self, ref: str) -> str:
        """Return the commit that a ref points to."""
        return str(self._tried(lambda: self._api.dataset_info(self.repo, revision=ref)).sha)

    def commit(self, ref: str, folder: Path, paths: Iterable[str], gone: Iterable[str]) -> str:
        """Commit files of a folder to a ref, delete removed ones, and return its new head.

        Files the Hub already has are not sent again.
        """
        waiting, head = sorted(paths), self.head(ref)
        batches = [
            waiting[n : n + FILES_PER_COMMIT] for n in range(0, len(waiting), FILES_PER_COMMIT)
        ]
        for batch in batches:
            head = self._commit(ref, head, folder, batch)
        if gone := sorted(gone):
            operations = [CommitOperationDelete(path) for path in gone]
            head = self._tried(
                lambda: self._send(ref, head, operations),
                done=lambda: None if self.digests(ref).keys() & gone else self.head(ref),
            )
        return head

    def _commit(self, ref: str, head: str, folder: Path, paths: list[str]) -> str:
        def has_them() -> str | None:
            there = self.digests(ref)
            same = all(there.get(path) in digests_of(folder / path) for path in paths)
            return self.head(ref) if same else None

        def send() -> str:
            adds = [CommitOperationAdd(path, folder / path) for path in paths]
            return self._send(ref, head, adds)

        return self._tried(send, done=has_them)

    def _send(
        self, ref: str, head: str, operations: Sequence[CommitOperationAdd | CommitOperationDelete]
    ) -> str:
        message = f"Hearten: {len(operations)} files"
        return str(
            self._api.create_commit(
                **self._of,
                operations=operations,
                commit_message=message,
                revision=ref,
                parent_commit=head,
            ).oid
        )

    def merge(self, number: int) -> None:
        """Merge a pull request into main."""
        which: dict[str, Any] = {**self._of, "discussion_num": number}

        def is_merged() -> bool | None:
            return self._api.get_discussion_details(**which).status == "merged" or None

        def merge() -> bool:
            if self._api.get_discussion_details(**which).status == "draft":
                self._api.change_discussion_status(**which, new_status="open")
            self._api.merge_pull_request(**which)
            return True

        self._tried(merge, done=is_merged)

    def close(self, number: int, why: str) -> None:
        """Close a pull request."""
        which: dict[str, Any] = {**self._of, "discussion_num": number}
        self._tried(
            lambda: self._api.change_discussion_status(**which, new_status="closed", comment=why)
        )

    def open_titles(self, start: str) -> dict[int, str]:
        """Return the titles of open pull requests with this prefix."""
        found = self._tried(
            lambda: list(self._api.get_repo_discussions(**self._of, discussion_type="pull_request"))
        )
        return {
            d.num: d.title
            for d in found
            if d.title.startswith(start) and d.status in ("draft", "open")
        }

    def tag(self, number: int, commit: str) -> None:
        """Tag a commit as v<number>, unless it already is."""

        def is_tagged() -> bool | None:
            refs = self._api.list_repo_refs(**self._of)
            return {ref.name: ref.target_commit for ref in refs.tags}.get(f"v{number}") == commit

        def tag() -> bool:
            if not is_tagged():
                self._api.create_tag(**self._of, tag=f"v{number}", revision=commit)
            return True

        self._tried(tag)

    def change(self, *, public: bool = False, gated: str | None = None) -> None:
        """Make the repository public, or gate it (`manual` or `auto`)."""
        if public:
            self._tried(lambda: self._api.update_repo_settings(**self._of, private=False))
        if gated:
            way: Any = gated
            self._tried(lambda: self._api.update_repo_settings(**self._of, gated=way))

    def _tried(self, call: Callable[[], T], done: Callable[[], T | None] | None = None) -> T:
        """Return the result of a call, retried on temporary failures.

        Args:
            call: the call.
            done: returns the result if the call worked although its response was lost.
        """
        attempt = 1
        while True:
            try:
                if attempt > 1 and done and (found := done()) is not None:
                    return found
                return call()
            except _CLIENT_ERRORS as error:
                time.sleep(self._wait(error, attempt))
                attempt += 1

    def _wait(self, error: Exception, attempt: int) -> float:
        """Return the pause before the next attempt; raise if there is none."""
        cause = _cause(error)
        # The client's BadRequestError is a ValueError too.
        if isinstance(cause, ValueError) and not isinstance(
            cause, HfHubHTTPError | JSONDecodeError
        ):
            said = f"the Hub rejected the request: {' '.join(str(cause).split())}"
            do = "change what the Hub complains about"
            raise HubError(said, where=self.repo, do=do) from error
        if not isinstance(cause, HfHubHTTPError | httpx2.HTTPError | OSError | JSONDecodeError):
            raise error
        response = getattr(cause, "response", None)
        status = response.status_code if response is not None else None
        if status is not None and status not in _PASSING and not _is_upload(error):
            raise self._refused(cause, status) from error
        if attempt == self._tries:
            raise self._given_up(cause, status) from error
        wished = _wished(response.headers) if response is not None else None
        return min(self._pause * 2 ** (attempt - 1) if wished is None else wished, LONGEST_WAIT)

    def _given_up(self, cause: BaseException, status: int | None) -> HeartenError:
        if status == _CONFLICT:
            return self._overtaken()
        return StoppedEarly(
            f"the Hub failed {self._tries} times in a row ({_short(cause)})",
            where=f"{self.endpoint}/datasets/{self.repo}",
            do=GO_ON,
        )

    def _overtaken(self) -> Overtaken:
        return Overtaken(
            f"somebody else is publishing to {self.repo}",
            do="nothing of this version was published; look at their version and run this again",
        )

    def _refused(self, cause: BaseException, status: int) -> HeartenError:
        if status == _STALE:
            return self._overtaken()
        gated = isinstance(cause, GatedRepoError)
        if isinstance(cause, _MISSING) and not gated:
            return NotThere(f"there is no {self.repo} on the Hub that this token may see")
        lines = {
            401: ("the Hub does not accept the token", "set HF_TOKEN, or run hf auth login"),
            403: (
                f"this token may not write to {self.repo}",
                "use a token with write access to it, or publish under another ORG/NAME",
            ),
        }
        other = f"the Hub rejected the request: {_short(cause)}"
        what, do = lines.get(status, (other, "change what the Hub complains about"))
        return HubError(what, where=self.endpoint, do=do)


class NotThere(HubError):
    """The repository, the revision or the file does not exist."""


_MISSING = (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError)
# A ValueError is the Hub's complaint about a card or an upload, or a response that is not JSON.
_CLIENT_ERRORS = (
    HfHubHTTPError,
    httpx2.HTTPError,
    LocalEntryNotFoundError,
    RuntimeError,
    ValueError,
)


def _cause(error: BaseException) -> BaseException:
    """Return the error that the client wraps."""
    while isinstance(error, RuntimeError | LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _is_upload(error: BaseException) -> bool:
    """Return whether an upload failed: a truncated file is rejected, and sent again."""
    cause = _cause(error)
    status = getattr(getattr(cause, "response", None), "status_code", None)
    return cause is not error and status in (400, 404, 422)


def _wished(headers: Mapping[str, str]) -> float | None:
    """Return the retry delay requested by the Hub in seconds, if any."""
    if match := re.search(r"\bt=(\d+)", headers.get("ratelimit", "")):
        return float(match[1])
    after = headers.get("retry-after", "")
    return float(after) if after.isdigit() else None


def _short(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def digests_of(path: Path) -> tuple[str, str]:
    """Return a file's SHA-256 and git's name for it; the Hub knows a file by one of them."""
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            sha256.update(piece)
            git.update(piece)
    return sha256.hexdigest(), git.hexdigest()
