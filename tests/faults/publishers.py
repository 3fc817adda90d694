"""
Publishers that are worse than ours. The naive one is the control: if it made no duplicates, the harness would prove
nothing. Each mutant is ours with one safeguard missing, as a replacement in the text of a use case or of the state
machine; a text that is no longer there is an error, so that no mutant dies of old age unnoticed.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest.mock import patch

from darkroom import beginning, changing, commenting, confirming, delaying, publishing
from darkroom.posts import PostState
from darkroom.workflow import CallingPorts, PostTask, access, known_container

MODULES = {
    "beginning": beginning,
    "changing": changing,
    "commenting": commenting,
    "confirming": confirming,
    "delaying": delaying,
    "publishing": publishing,
}


@dataclass(frozen=True)
class Change:
    """`where` is a module of `MODULES` or "definition"; `old` must be there exactly once."""

    where: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    name: str
    changes: tuple[Change, ...]

    def definition(self, text: str) -> str:
        for change in self.changes:
            if change.where == "definition":
                text = replaced(text, change)
        return text

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The use case's module is run anew from its changed text, and again from its own afterwards."""
        changed = {change.where for change in self.changes} - {"definition"}
        try:
            for where in changed:
                text = inspect.getsource(MODULES[where])
                for change in self.changes:
                    text = replaced(text, change) if change.where == where else text
                _run(MODULES[where], text)
            yield
        finally:
            for where in changed:
                _run(MODULES[where], inspect.getsource(MODULES[where]))


class NotApplicableError(AssertionError):
    """The mutant's text is gone: write the mutant anew."""


def replaced(text: str, change: Change) -> str:
    if text.count(change.old) != 1:
        raise NotApplicableError(f"{change.where} has {text.count(change.old)} times: {change.old}")
    return text.replace(change.old, change.new)


def _run(module: ModuleType, text: str) -> None:
    """Handlers look the use case up in its module at each call, so they see the new one."""
    exec(compile(text, str(module.__file__), "exec"), vars(module))


# The control.

_NAIVE_STEP = """\
  PublishContainer:
    Type: Task
    Resource: ${PublishContainerFunctionArn}
    Parameters:
      tenant_id.$: $.tenant_id
      post_id.$: $.post_id
    ResultPath: $.publish
    TimeoutSeconds: 45
    Retry:
      - ErrorEquals: [States.ALL]
        IntervalSeconds: 3
        MaxAttempts: 4
        BackoffRate: 2
    Catch:
      - ErrorEquals: [States.ALL]
        ResultPath: $.error
        Next: MarkFailed
    Next: MarkPublished

"""


class NaivePublisher:
    """No marker, no fence, no proof; any error is tried again: what everybody writes first."""

    name = "naive"

    def definition(self, text: str) -> str:
        head, rest = text.split("  PublishContainer:\n")
        return f"{head}{_NAIVE_STEP}  StartAsking:\n{rest.split('  StartAsking:\n')[1]}"

    @contextmanager
    def installed(self) -> Iterator[None]:
        with patch.object(publishing, "publish_container", _publish_naively):
            yield


def _publish_naively(task: PostTask, ports: CallingPorts) -> dict[str, Any]:
    post = ports.posts.get(task.tenant_id, task.post_id)
    if post.state is PostState.PROCESSING:
        post = ports.posts.save(post.moved_to(PostState.PUBLISHING, ports.now()))
    main = known_container(post, None)
    return {"media_id": ports.instagram.publish_container(access(post, ports), main.container_id)}
