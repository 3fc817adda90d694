"""
What no linter knows: sizes, names that have to agree across files, the list of public routes, retries, permissions.
Each failure says what to change.
"""

import ast
import inspect
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from darkroom import errors, meta_http, settings, workflow
from darkroom.http import PUBLIC, Api, Route
from darkroom.instagram import errors as instagram_errors
from darkroom.problems import CATALOGUE
from devstack.openapi import api_of
from devstack.template import FUNCTION, load, of_type, parse_yaml

ROOT = Path(__file__).parent.parent
CORE = ROOT / "layers/core/darkroom"
HANDLERS = sorted((ROOT / "functions").glob("*/app.py"))
TEMPLATE = load(ROOT / "template.yaml")
FUNCTIONS = of_type(TEMPLATE, FUNCTION)
WORKFLOW = parse_yaml((ROOT / "statemachines/publish_post.asl.yaml").read_text())

# The only routes that anybody may call. Adding one is a decision; every other route answers 401 to a stranger.
PUBLIC_ROUTES = {
    "GET /data-deletion/{code}",  # the code is the credential
    "POST /meta/data-deletion",  # Meta's signature is the credential
    "POST /meta/deauthorize",  # as above
    "$default",  # 404 as a problem
    "GET /oauth/facebook/callback",  # as Instagram's
    "GET /oauth/facebook/start",  # as Instagram's
    "GET /oauth/instagram/callback",  # a browser comes back with the state of its session
    "GET /oauth/instagram/start",  # the link is the credential
    "GET /v1/errors/{code}",
    "GET /v1/health",
    "GET /webhooks/meta",  # the verify token is the credential
    "POST /webhooks/meta",  # the signature is the credential
    "POST /oauth/facebook/choose",  # the form of our own page: the session's state and its browser's cookie
}

# Resource "*" and why it cannot be narrower.
WILDCARDS = {
    ("PublishPostStateMachine", "DeliverLogs"): "vended log delivery knows no resource",
}

# After these the publish call has had no effect: it was refused, or never sent.
NEVER_SENT = {
    "InstagramUnavailableError",  # the client raises OutcomeUnknownError once a publish has left us
    "RateLimitedError",  # an answer of Instagram's that refuses
    "StoreUnavailableError",  # the store is written before the call, and after an answer that refused
    "Lambda.TooManyRequestsException",  # the function was not started
}
# A worker that died may have published. It wrote the attempt down before, so running the step again does not publish:
# it raises OutcomeUnknownError, which is caught and asked about. tests/statemachines kills a worker at every point.
WORKER_DIED = {
    "States.Timeout",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "Lambda.Unknown",
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
}

# "Error names", Amazon States Language; "Handle Lambda service exceptions", Step Functions developer guide.
AWS_ERRORS = {
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    # What Lambda itself calls a time-out and a crash ("Troubleshoot invocation issues", Lambda developer guide).
    "Runtime.ExitError",
    "Sandbox.Timedout",
}

# Settings that a function shares with another and has no use for; each has a default.
NOT_GIVEN = {"issue_api_key": {"OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_TENANT_CLAIM"}}  # it judges no JWT

IDS = [path.parent.name for path in HANDLERS]


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def product_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def where(path: Path, line: int | None = None) -> str:
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


def camel(folder: str) -> str:
    return "".join(part.capitalize() for part in folder.split("_"))


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def defined(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0


def test_function_bodies_in_the_product_stay_under_forty_lines():
    sizes = {where(path, f.lineno): body_lines(f) for path in product_files() for f in defined(path)}
    median = statistics.median(sizes.values())
    too_long = {place: size for place, size in sizes.items() if size > 40}
    assert not too_long, f"over 40 lines: {too_long}; the median is {median}"
    assert median < 10, f"the median function has {median} lines; the longest: {sorted(sizes.values())[-10:]}"


def test_files_in_the_product_stay_under_four_hundred_lines():
    sizes = {where(path): len(path.read_text().splitlines()) for path in product_files()}
    assert not {path: size for path, size in sizes.items() if size > 400}


def test_no_frozen_dataclass_compiles_how_it_compares_and_shows():
    """The Instagram client is a package of its own and knows no module of ours."""
    files = [path for path in product_files() if "instagram" not in path.parts]
    frozen = [
        (where(path), node.name, keywords)
        for path in files
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and "frozen" in (keywords := dataclass_keywords(node))
    ]
    assert len(frozen) > 150
    assert not [(path, name) for path, name, keywords in frozen if not keywords >= {"eq", "repr"}]


def dataclass_keywords(node: ast.ClassDef) -> set[str]:
    calls = (each for each in node.decorator_list if isinstance(each, ast.Call))
    return {keyword.arg for each in calls for keyword in each.keywords if ast.unparse(each.func) == "dataclass"}


@pytest.mark.parametrize("path", HANDLERS, ids=IDS)
def test_a_handler_file_is_read_in_ten_seconds(path):
    assert len(path.read_text().splitlines()) <= 40
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".py"] == ["app.py"]


@pytest.mark.parametrize("path", HANDLERS, ids=IDS)
def test_a_handler_file_has_exactly_one_handler(path):
    tree = parsed(path)
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    names += [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert names.count("handler") == 1


# ── folders, template and code name the same things ────────────────────────────────────────────────────────────────


def test_each_folder_is_a_function_of_the_template_under_its_name():
    expected = {f"{camel(path.parent.name)}Function": f"functions/{path.parent.name}/" for path in HANDLERS}
    assert {name: properties["CodeUri"] for name, properties in FUNCTIONS.items()} == expected
    assert {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()} == {p.parent.name for p in HANDLERS}


def routes_of(properties: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Route keys of a function in the template, and whether each is open."""
    for event in properties.get("Events", {}).values():
        if event["Type"] != "HttpApi":
            continue
        named = event["Properties"]
        key = f"{named['Method']} {named['Path']}" if "Path" in named else "$default"
        yield key, named.get("Auth", {}).get("Authorizer") == "NONE"


def apis() -> Iterator[tuple[str, Api]]:
    for path in HANDLERS:
        api = api_of(path)
        if api is not None:
            yield f"{camel(path.parent.name)}Function", api


def routes() -> Iterator[Route]:
    return (route for _, api in apis() for route in api.routes.values())


def doors() -> set[tuple[str, str]]:
    """What Meta calls, served without `Api` for the sake of a cold start."""
    return {("WebhookReceiverFunction", key) for key in meta_http.ROUTES}


def test_every_route_of_the_template_is_served_by_its_function_and_the_other_way_round():
    served = {(name, key) for name, api in apis() for key in api.routes} | doors()
    routed = {(name, key) for name, props in FUNCTIONS.items() for key, _ in routes_of(props) if key != "$default"}
    assert served == routed
    assert len({key for _, key in served}) == len(served), "a route is served twice"


def test_unknown_paths_reach_a_function_that_answers_problems():
    (name,) = [name for name, properties in FUNCTIONS.items() if "$default" in dict(routes_of(properties))]
    assert name in dict(apis())


def test_the_public_routes_are_these_and_no_others():
    in_template = {key for properties in FUNCTIONS.values() for key, is_open in routes_of(properties) if is_open}
    in_code = {route.key for route in routes() if route.scope == PUBLIC} | {key for _, key in doors()}
    assert in_template == PUBLIC_ROUTES
    assert in_code == PUBLIC_ROUTES - {"$default"}


def test_strangers_have_a_throttle_of_their_own_on_every_public_route():
    """What they may use up is not what callers share."""
    assert TEMPLATE["Resources"]["Api"]["Properties"]["RouteSettings"].keys() == PUBLIC_ROUTES


def test_a_route_is_closed_unless_it_says_otherwise():
    auth = TEMPLATE["Resources"]["Api"]["Properties"]["Auth"]
    assert auth["DefaultAuthorizer"] == "CallerAuthorizer"
    assert auth["Authorizers"]["CallerAuthorizer"]["FunctionArn"] == {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}


def test_every_scope_of_a_route_is_one_that_keys_can_have():
    from darkroom.tenants import SCOPES  # noqa: PLC0415 — beside its one use

    assert {route.scope for route in routes()} - {PUBLIC} <= set(SCOPES)


# ── settings ───────────────────────────────────────────────────────────────────────────────────────────────────────


BOOTSTRAPS = ("bootstrap", "bootstrap_events", "bootstrap_tokens", "bootstrap_compliance")


def settings_used(app: Path) -> set[str]:
    """The settings classes behind the `bootstrap.…` calls of a handler, through bootstrap's own helpers."""
    builders = {function.name: function for name in BOOTSTRAPS for function in defined(CORE / f"{name}.py")}
    waiting = [
        node.attr
        for node in ast.walk(parsed(app))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in BOOTSTRAPS
    ]
    seen: set[str] = set()
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        used = {node.id for node in ast.walk(builders[name]) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(builders[name]) if isinstance(node, ast.Attribute)}
        found |= {each for each in used if each.endswith("Settings")}
        waiting += (used & builders.keys()) - seen
    return found


def environment(logical_id: str) -> set[str]:
    shared = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    own = FUNCTIONS[logical_id].get("Environment", {}).get("Variables", {})
    return {*shared, *own}


@pytest.mark.parametrize("path", HANDLERS, ids=IDS)
def test_the_template_gives_a_function_every_variable_that_its_settings_need(path):
    given = environment(f"{camel(path.parent.name)}Function")
    for name in settings_used(path):
        missing = {field.upper() for field in getattr(settings, name).variables()} - given
        assert missing == NOT_GIVEN.get(path.parent.name, set()), f"{name} reads {missing}"


def test_a_variable_of_one_function_is_one_that_its_settings_read():
    for path in HANDLERS:
        logical_id = f"{camel(path.parent.name)}Function"
        own = set(FUNCTIONS[logical_id].get("Environment", {}).get("Variables", {}))
        read = {field.upper() for name in settings_used(path) for field in getattr(settings, name).variables()}
        assert own <= read, f"{logical_id} is given {own - read} and reads none of it"


# ── the workflow ───────────────────────────────────────────────────────────────────────────────────────────────────


def tasks(states: dict[str, Any], *, is_caught: bool = False) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each Task, and whether a Map around it catches."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state, is_caught
        if "ItemProcessor" in state:
            yield from tasks(state["ItemProcessor"]["States"], is_caught=catches_all(state))


def catches_all(state: dict[str, Any]) -> bool:
    return any(catcher["ErrorEquals"] == ["States.ALL"] for catcher in state.get("Catch", []))


TASKS = list(tasks(WORKFLOW["States"]))
TASK_IDS = [name for name, _, _ in TASKS]


def names(rules: Iterable[dict[str, Any]]) -> set[str]:
    return {name for rule in rules for name in rule["ErrorEquals"]}


@pytest.mark.parametrize(("name", "task", "is_caught"), TASKS, ids=TASK_IDS)
def test_every_task_has_a_time_limit_named_retries_and_a_net(name, task, is_caught):
    assert "TimeoutSeconds" in task
    assert task["Retry"], "a task without a retry fails on the first throttle"
    assert not names(task["Retry"]) & {"States.ALL", "States.TaskFailed"}, "retry what you can name"
    # Behind MarkFailed nothing could tell, and a post that is live must not end otherwise: the execution fails, the
    # alarm rings, and the watchdog runs it again.
    assert catches_all(task) or is_caught or name in {"MarkPublished", "MarkFailed", "MarkUnfinished"}


@pytest.mark.parametrize(("name", "task", "is_caught"), TASKS, ids=TASK_IDS)
def test_every_error_that_the_workflow_names_exists(name, task, is_caught):
    ours = {
        each.__name__
        for module in (errors, instagram_errors, workflow)
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Exception)
    }
    unknown = names([*task["Retry"], *task.get("Catch", [])]) - ours - AWS_ERRORS
    assert not unknown, f"no error is called {unknown}"


@pytest.mark.parametrize(("name", "task", "is_caught"), TASKS, ids=TASK_IDS)
def test_a_task_outlives_its_function(name, task, is_caught):
    """Otherwise the workflow goes on while the function still works."""
    (logical_id,) = re.findall(r"\$\{(\w+)Arn\}", task["Resource"])
    limit = FUNCTIONS[logical_id].get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    assert task["TimeoutSeconds"] >= limit


def test_the_publishing_step_is_repeated_only_where_that_asks_or_nothing_was_sent():
    retried = names(WORKFLOW["States"]["PublishContainer"]["Retry"])
    unsafe = retried - NEVER_SENT - WORKER_DIED
    assert not unsafe, f"after {unsafe} the post may be live: ask, do not repeat"
    assert "OutcomeUnknownError" not in retried


def test_every_step_of_the_workflow_is_a_function_that_it_may_invoke():
    machine = TEMPLATE["Resources"]["PublishPostStateMachine"]["Properties"]
    used = {found for _, task, _ in TASKS for found in re.findall(r"\$\{(\w+)\}", task["Resource"])}
    assert set(machine["DefinitionSubstitutions"]) == used
    allowed = {
        each["LambdaInvokePolicy"]["FunctionName"]["Ref"] for each in machine["Policies"] if "Version" not in each
    }
    assert {f"{name}Arn" for name in allowed} == used


# ── problems ───────────────────────────────────────────────────────────────────────────────────────────────────────


def codes_in_source() -> Iterator[tuple[str, str]]:
    """The first argument of each error that is raised or made, and each class's own code."""
    classes = {name for name, each in vars(errors).items() if inspect.isclass(each) and issubclass(each, Exception)}
    for path in [*product_files(), *HANDLERS]:
        for node in ast.walk(parsed(path)):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in classes or not node.args:
                continue
            if isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), where(path, node.lineno)
    for name in classes - {"FieldError"}:
        yield getattr(errors, name).default_code, name


def test_every_code_that_is_raised_is_in_the_catalogue():
    unknown = {code: place for code, place in codes_in_source() if code not in CATALOGUE}
    assert not unknown


def test_every_code_in_the_catalogue_can_happen():
    from darkroom.problems import _BY_CLASS  # noqa: PLC0415 — the one table that names codes besides

    used = {code for code, _ in codes_in_source()} | {code for _, code in _BY_CLASS}
    assert set(CATALOGUE) - used == set(), "nothing raises these"


def test_every_code_that_a_route_declares_is_in_the_catalogue():
    assert {code for route in routes() for code in route.problems} <= set(CATALOGUE)


def test_every_error_of_instagrams_has_a_code_of_ours():
    from darkroom.problems import describe  # noqa: PLC0415 — beside its one use

    for name, each in vars(instagram_errors).items():
        if inspect.isclass(each) and issubclass(each, instagram_errors.InstagramError) and name != "InstagramError":
            assert describe(each())["code"] != "internal_error", name


def test_docs_errors_says_of_each_code_what_the_api_says():
    text = (ROOT / "docs/errors.md").read_text()
    expected = {
        f"| `{code}` | {kind.status} | {kind.actor} | {kind.titled()} | {kind.next_step} |"
        for code, kind in CATALOGUE.items()
    }
    assert set(re.findall(r"^\| `.*$", text, re.MULTILINE)) == expected


# ── permissions ────────────────────────────────────────────────────────────────────────────────────────────────────


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, resource in TEMPLATE["Resources"].items():
        for policy in resource.get("Properties", {}).get("Policies", []):
            for statement in policy.get("Statement", []):
                yield logical_id, statement


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_function_states_its_own_permissions():
    without = {name for name, properties in FUNCTIONS.items() if "Role" in properties or "Policies" not in properties}
    assert without == {"ServiceApiFunction"}, "this one touches nothing"
    assert "Policies" not in TEMPLATE["Globals"]["Function"]


def test_no_permission_is_a_wildcard_without_a_reason():
    for logical_id, statement in statements():
        assert statement["Effect"] == "Allow"
        assert not [action for action in listed(statement["Action"]) if "*" in action], logical_id
        if "*" in listed(statement["Resource"]):
            assert (logical_id, statement["Sid"]) in WILDCARDS


def test_every_function_is_held_to_its_keys_of_a_table():
    for logical_id, statement in statements():
        if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
            (condition,) = statement["Condition"].values()
            assert condition["dynamodb:LeadingKeys"], logical_id
            assert "*" not in condition["dynamodb:LeadingKeys"], logical_id


def test_every_function_is_held_to_its_part_of_the_deliveries():
    """What was put aside is of whichever tenants: who reads, keeps or erases a tenant's does not reach it."""
    for logical_id, statement in statements():
        for action in listed(statement["Action"]):
            if action == "s3:ListBucket":
                assert statement["Condition"] == {"StringLike": {"s3:prefix": "tenants/*"}}, logical_id
            elif action.startswith("s3:"):
                (resource,) = statement["Resource"].values()
                assert resource.removeprefix("${DeliveriesBucket.Arn}") in {"/tenants/*", "/inbox/*"}, logical_id


def test_only_functions_that_call_instagram_for_an_account_may_decrypt():
    may = {name for name, statement in statements() if "kms:Decrypt" in listed(statement["Action"])}
    calling = {
        f"{camel(path.parent.name)}Function"
        for path in HANDLERS
        if re.search(r"bootstrap\w*\.(calling|disconnecting|metering|refreshing)_ports", path.read_text())
    }
    sealed_elsewhere = {"ChooseAccountFunction", "DeliverWebhooksFunction"}  # for a choice; secrets of endpoints
    assert may - calling == sealed_elsewhere
    assert calling <= may


def test_whoever_opens_the_token_of_a_choice_opens_no_accounts():
    (decrypt,) = [
        each for name, each in statements() if name == "ChooseAccountFunction" and "kms:Decrypt" in each["Action"]
    ]
    assert decrypt["Condition"] == {"StringLike": {"kms:EncryptionContext:account_id": "con_*"}}


def test_functions_that_call_for_an_account_can_prove_the_app():
    """Calls for accounts of Facebook Login carry a proof made with the Meta app's secret."""
    prove = {
        name
        for name, statement in statements()
        if "secretsmanager:GetSecretValue" in listed(statement["Action"])
        and {"Ref": "MetaAppSecret"} in listed(statement["Resource"])
    }
    decrypt = {name for name, statement in statements() if "kms:Decrypt" in listed(statement["Action"])}
    decrypt -= {"DeliverWebhooksFunction"}  # no token
    assert decrypt <= prove


def test_whoever_opens_secrets_of_endpoints_opens_no_token():
    """Each use of the token key is held to a context, and a function has the context of one kind only."""
    kinds: dict[str, set[str]] = {}
    for name, statement in statements():
        if any(action.startswith("kms:") for action in listed(statement["Action"])):
            kinds.setdefault(name, set()).update(next(iter(statement["Condition"].values())))
    assert {name for name, found in kinds.items() if "kms:EncryptionContext:endpoint_id" in found} == {
        "ChangeWebhookEndpointFunction",
        "DeliverWebhooksFunction",
        "WebhookEndpointsApiFunction",
    }
    assert all(len(found) == 1 for found in kinds.values())


# ── imports ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_queue_is_encrypted():
    """With our key, or with SQS's own where a service writes that could not use ours; checkov knows the former only."""
    plain = {
        name
        for name, queue in of_type(TEMPLATE, "AWS::SQS::Queue").items()
        if not queue.get("KmsMasterKeyId") and queue.get("SqsManagedSseEnabled") is not True
    }
    assert plain == set()


def importers(package: str) -> set[str]:
    """Files of the product and of the functions that import `package` anywhere but under TYPE_CHECKING."""
    return {where(path) for path in [*product_files(), *HANDLERS] if package in set(imported(parsed(path)))}


def imported(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            yield child.module.partition(".")[0]
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from imported(child)


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("botocore", "layers/core/darkroom/aws/"),
        ("httpcore", "layers/core/darkroom/webhook_sender.py"),
        ("httpx", "layers/core/darkroom/instagram/client.py"),
        ("jwt", "layers/core/darkroom/oidc.py"),
        ("cryptography", "layers/core/darkroom/aws/vault.py"),
        ("pydantic", "layers/core/darkroom/parsing.py"),
        ("aws_lambda_powertools", "layers/core/darkroom/observability.py"),
    ],
)
def test_a_technology_is_known_in_one_place(package, allowed):
    found = importers(package)
    assert found, f"nothing imports {package}"
    assert not {path for path in found if not path.startswith(allowed)}


def test_only_settings_reads_the_environment():
    reads = re.compile(r"\benviron\b|\bgetenv\b")
    found = {where(path) for path in [*product_files(), *HANDLERS] if reads.search(path.read_text())}
    assert found == {"layers/core/darkroom/settings.py"}


def test_importing_a_function_does_nothing():
    """No client, no clock, no environment: a cold start pays for nothing that the request does not use."""
    program = "import sys; sys.path[0] = sys.argv[1]; import app; print(*sorted(sys.modules))"
    for path in HANDLERS:
        done = subprocess.run(
            [sys.executable, "-c", program, str(path.parent)], capture_output=True, text=True, env={}, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "botocore.session" not in done.stdout.split(), (
            f"{path.parent.name} loads the SDK before it is asked anything"
        )


def test_the_rings_hold():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_tree_of_our_errors_names_each_class_and_no_other():
    drawn = set(re.findall(r"── (\w+Error)\b", errors.__doc__ or ""))
    assert drawn == {
        name for name, each in vars(errors).items() if inspect.isclass(each) and name.endswith("Error")
    } - {
        "DarkroomError",
        "FieldError",
    }


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], ids=lambda page: page.name)
def test_no_page_has_a_gap_left_to_fill_in(page):
    assert "@@" not in page.read_text()
