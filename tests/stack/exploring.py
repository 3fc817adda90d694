"""
Requests nobody thought of, made from openapi.json by Schemathesis: valid ones and ones that are just wrong. Left to
itself it hardly gets past the first check, because it knows no id, so most are led: to a place that exists, with a body
that is right but for a few of its inventions.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.stack.canaries import Canaries, Heard
from tests.stack.clouds import ROOT

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SECONDS = 40.0
DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
CURRENT = "current"  # stands for the version that the thing has at that moment
# What browsers bring to the pages, a tenant's name, and what nobody knows: openapi.json names none of them.
_STRANGE_QUERY = st.dictionaries(
    st.sampled_from(["session", "state", "code", "error", "tenant_id", "a/b~c", ""]), st.text(max_size=60), max_size=2
)
_VERSIONS = st.sampled_from(
    ['"1"', '"2"', 'W/"3"', "*", '"0"', '""', '"1", "2"', "\xb2", CURRENT]
)  # the last but one is a digit, too

type Operations = dict[str, APIOperation[Any, Any, Any, Any]]
type Draw = Callable[[st.SearchStrategy[Any]], Any]


def operations_of(document: dict[str, Any]) -> Operations:
    found = (each.ok() for each in schemathesis.openapi.from_dict(document).get_all_operations())
    return {each.label: each for each in found}


@dataclass(frozen=True)
class Right:
    """A request that is answered as the operation promises. `near` are other paths to which one may be led,
    `cursors` some that a tenant could write who knows their form."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    cursors: tuple[str, ...] = ()
    near: tuple[dict[str, str], ...] = ()


@dataclass
class Explorer:
    """Asks one API with one key, and holds it to `operations`. `statuses` counts the answers, by operation."""

    api_url: str
    key: str
    canaries: Canaries
    operations: Operations
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    session: requests.Session = field(default_factory=requests.Session)

    def right(self, label: str, right: Right) -> Response:
        """Sends it as it is."""
        operation = self.operations[label]
        given = {"path_parameters": right.path, "query": right.query, "headers": right.headers}
        body = {} if right.body is None else {"body": right.body, "media_type": _media_type(operation)}
        return self._asked(operation.Case(**given, **body, cookies=right.cookies))

    def explore(self, label: str, right: Right, examples: int, chance: int) -> None:
        """The first undocumented answer is raised, with a command that asks again."""

        @seed(chance)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # the first one found is told: the API remembers, so shrinking would mislead
        )
        @given(_cases(self.operations[label], right))
        def ask(case: Case) -> None:
            self._asked(case)

        ask()

    def _asked(self, case: Case) -> Response:
        if case.headers.get("If-Match") == CURRENT:
            case.headers["If-Match"] = self._version(case)
        answer = case.call(
            self.api_url,
            self.session,
            headers={"authorization": f"Bearer {self.key}"},
            allow_redirects=False,
            timeout=SECONDS,
        )
        self.session.cookies.clear()  # each request is one browser
        self.statuses[case.operation.label][answer.status_code] += 1
        self._heard(answer)
        case.validate_response(answer, checks=CHECKS)
        return answer

    def _version(self, case: Case) -> str:
        url, headers = f"{self.api_url}{case.formatted_path}", {"authorization": f"Bearer {self.key}"}
        return str(self.session.get(url, headers=headers, timeout=SECONDS).headers.get("etag", '"1"'))

    def _heard(self, answer: Response) -> None:
        """For test_secrets.py."""
        told = [f"{name}: {value}" for name, values in answer.headers.items() for value in values]
        kept = [each for each in told if not each.startswith(("location:", "set-cookie:"))]
        location = (answer.headers.get("location") or [""])[0]
        url, method = httpx.URL(str(answer.request.url)), str(answer.request.method)
        self.canaries.meet_url(location)
        self.canaries.heard.append(Heard(url, method, location, "\n".join([*kept, answer.text])))


def promised(operation: APIOperation[Any, Any, Any, Any]) -> set[int]:
    """The statuses of success that are documented."""
    responses = operation.definition.raw["responses"]
    return {int(status) for status in responses if status.isdigit() and int(status) < 400}


def _media_type(operation: APIOperation[Any, Any, Any, Any]) -> str:
    (found,) = operation.definition.raw["requestBody"]["content"]
    return str(found)


@st.composite
def _cases(draw: Draw, operation: APIOperation[Any, Any, Any, Any], right: Right) -> Case:
    invented = draw(operation.as_strategy(draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))))
    how = draw(st.sampled_from(["as it came", "led there", "right but for a few", "right but for a few"]))
    if how == "as it came":
        return invented  # perhaps without a credential: that is one way to be wrong
    case = operation.Case(  # anew, for the one that came may insist on leaving out the credential
        path_parameters=draw(st.sampled_from([right.path, *right.near])) if right.path else invented.path_parameters,
        headers={name: value for name, value in invented.headers.items() if name.lower() != "authorization"},
        query=invented.query,
        cookies=invented.cookies,
        body=invented.body,
        media_type=invented.media_type,
    )
    if "If-Match" in right.headers:
        case.headers["If-Match"] = draw(st.just(right.headers["If-Match"]) | _VERSIONS)
    if how == "right but for a few":
        case.query = right.query | _a_few(draw, invented.query) | draw(st.just({}) | _STRANGE_QUERY)
        case.cookies = dict(right.cookies)
        if right.cursors and draw(st.booleans()):
            case.query["cursor"] = draw(st.sampled_from(right.cursors))
        if right.body is not None:
            case.body, case.media_type = right.body | _a_few(draw, invented.body), _media_type(operation)
    return case


def _a_few(draw: Draw, invented: Any) -> dict[str, Any]:
    if not isinstance(invented, dict) or not invented:
        return {}
    names = draw(st.sets(st.sampled_from(sorted(invented, key=json.dumps)), max_size=3))
    return {name: invented[name] for name in names}


def summary(statuses: dict[str, Counter[int]]) -> Iterable[str]:
    for label, found in sorted(statuses.items()):
        yield f"{label}: {', '.join(f'{count} x {status}' for status, count in sorted(found.items()))}"
    yield f"{sum(each.total() for each in statuses.values())} requests, {len(statuses)} operations"
