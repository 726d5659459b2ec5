"""Push: a published folder to a dataset repository in one commit, its large files before it, a few at a time.

What was uploaded is known to the hub by its sha256: a push that was killed and is started again uploads what is
missing. Readers see the dataset as it was until the commit, and whole after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datafactory.checking.folder import checked
from datafactory.errors import StageError, UserError
from datafactory.pushing.account import Account, account
from datafactory.pushing.changes import File, changes, files_of
from datafactory.report.units import counted, size
from datafactory.store import Published, dataset_at

AT_ONCE = 4  # files that are uploaded together: what a kill may cost
KIND = "dataset"


@dataclass(frozen=True)
class Asked:
    to: str
    private: bool = False
    revision: str | None = None
    dry_run: bool = False
    token_env: str = "HF_TOKEN"


def push(folder: Path, asked: Asked, workers: int, say: Callable[[str], None]) -> None:
    """The folder at the hub as `asked.to`; `say` is told what is done. UserError, StageError in one line."""
    _demand_name(asked.to)
    dataset = dataset_at(folder)
    if not isinstance(dataset, Published):
        raise UserError(f"{folder} is a stage's folder; push what a merge published")
    found = checked(folder, workers)
    if found.failures:
        more = f" (and {len(found.failures) - 1} more: `datafactory check`)" if len(found.failures) > 1 else ""
        raise StageError(f"{folder}/{found.failures[0]}{more}; nothing was pushed. {found.mend}")
    say(f"{folder}: {counted(found.files + 1, 'file')} ({size(found.bytes)}), checked")
    files = files_of(folder, dataset.manifest)
    hub = account(asked.token_env)
    if not asked.dry_run:
        if hub.token is None:
            raise UserError(f"no token: set {asked.token_env} to one with write access, or run `hf auth login`")
        hub.called("asking whose token it is", lambda: hub.api.whoami())
        hub.called(f"making {asked.to}", lambda: _made(hub, asked))
    head = _head(hub, asked)
    planned = changes(folder, files, _remote(hub, asked, head))
    _tell(planned, asked, head, say)
    if asked.dry_run:
        return
    if not any(file.change != "same" for file in planned):
        say(f"{asked.to} holds this dataset already; nothing to do")
        return
    _send(hub, asked, folder, planned, say)


def _demand_name(name: str) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(f"--to {name}: {' '.join(str(error).split())}") from error
    if name.count("/") != 1:
        raise UserError(f"--to {name}: write owner/name")


def _made(hub: Account, asked: Asked) -> None:
    """The repository and the branch, made where they are not there."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = hub.api.repo_info(asked.to, repo_type=KIND)
    except RepositoryNotFoundError:
        hub.api.create_repo(asked.to, repo_type=KIND, private=asked.private or None, exist_ok=True)
        info = hub.api.repo_info(asked.to, repo_type=KIND)
    if asked.private and not info.private:
        raise StageError(f"{asked.to} is there and public; with --private nothing is pushed into it")
    if asked.revision:
        hub.api.create_branch(asked.to, repo_type=KIND, branch=asked.revision, exist_ok=True)


def _head(hub: Account, asked: Asked) -> str | None:
    """The commit that the revision stands at; None where there is no repository or no such revision yet."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    def head() -> str | None:
        try:
            found: str | None = hub.api.repo_info(asked.to, repo_type=KIND, revision=asked.revision).sha
        except (RepositoryNotFoundError, RevisionNotFoundError):
            if not asked.dry_run:
                raise
            return None
        return found

    return hub.called(f"asking for {asked.to}", head)


def _remote(hub: Account, asked: Asked, head: str | None) -> list[Any]:
    if head is None:
        return []

    def listed() -> list[Any]:
        tree = hub.api.list_repo_tree(asked.to, repo_type=KIND, revision=head, recursive=True)
        return [entry for entry in tree if hasattr(entry, "blob_id")]

    return hub.called(f"listing {asked.to}", listed)


def _tell(planned: Sequence[File], asked: Asked, head: str | None, say: Callable[[str], None]) -> None:
    if asked.dry_run:
        for file in planned:
            say(f"{file.change:<8} {file.name}  {size(file.bytes)}")
    new = [file for file in planned if file.change in ("new", "changed")]
    gone = sum(file.change == "removed" for file in planned)
    where = f"{asked.to} ({asked.revision or 'main'}{', not there yet' if head is None else ''})"
    weight = size(sum(file.bytes for file in new))
    told = f"{counted(len(new), 'file')} ({weight}) to send to {where}, {gone} to remove, the rest is there"
    say(f"{told}; nothing was sent" if asked.dry_run else told)


def _send(hub: Account, asked: Asked, folder: Path, planned: Sequence[File], say: Callable[[str], None]) -> None:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    new = [file for file in planned if file.change in ("new", "changed")]
    added = []
    for file in new:
        operation = CommitOperationAdd(file.name, str(folder / file.name))
        operation.upload_info.sha256 = bytes.fromhex(file.sha256 or "")  # it was checked just now
        added.append(operation)
    for start in range(0, len(added), AT_ONCE):
        some = added[start : start + AT_ONCE]
        names = f"uploading {some[0].path_in_repo}" + (f" and {len(some) - 1} more" if len(some) > 1 else "")
        hub.called(names, lambda some=some: _uploaded(hub, asked, some))  # type: ignore[misc]
        say(f"{start + len(some)} of {counted(len(added), 'file')} uploaded")

    def committed() -> Any:
        # a commit whose answer was lost is not made twice: what is there is looked at again
        head = _head(hub, asked)
        left = changes(folder, {file.name: (file.bytes, file.sha256 or "") for file in new}, _remote(hub, asked, head))
        wanted = {file.name for file in left if file.change in ("new", "changed")}
        gone = [file.name for file in planned if file.change == "removed"]
        gone = [name for name in gone if any(file.name == name for file in left)]
        operations = [
            *(CommitOperationDelete(name) for name in gone),
            *(op for op in added if op.path_in_repo in wanted),
        ]
        if not operations:
            return None
        return hub.api.create_commit(
            asked.to,
            operations,
            repo_type=KIND,
            revision=asked.revision,
            commit_message=f"{counted(len(added), 'file')} by datafactory",
            parent_commit=head,
        )

    hub.called(f"committing to {asked.to}", committed)
    head = _head(hub, asked)
    files = {file.name: (file.bytes, file.sha256 or "") for file in planned if file.change != "removed"}
    wrong = [file.name for file in changes(folder, files, _remote(hub, asked, head)) if file.change != "same"]
    if wrong:
        raise StageError(f"{asked.to}: {wrong[0]} is another one at the hub than here; push again")
    say(f"{hub.endpoint}/datasets/{asked.to}: every file is there with its checksum, commit {(head or '')[:12]}")


def _uploaded(hub: Account, asked: Asked, some: Sequence[Any]) -> None:
    hub.api.preupload_lfs_files(
        asked.to, some, repo_type=KIND, revision=asked.revision, num_threads=AT_ONCE, free_memory=False
    )
