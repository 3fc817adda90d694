from typing import Any

import pytest

from devstack import template
from devstack.artifacts import BUCKET
from devstack.routes import Authorizer, HttpApi, Route, http_api
from devstack.template import TemplateError


def _api(*keys: str) -> HttpApi:
    routes = [
        Route("ANY", "$default", "Default") if key == "$default" else Route(*key.split(" "), function=key)
        for key in keys
    ]
    return HttpApi("Api", tuple(sorted(routes, key=lambda route: route.specificity)), None)


def _served_by(api: HttpApi, method: str, path: str) -> str | None:
    found = api.match(method, path)
    return found[0].key if found else None


# The example of "Working with routes for HTTP APIs" in the API Gateway developer guide.
PETS = _api("ANY /{proxy+}", "$default", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1")


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("POST", "/pets/dog/1", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ],
)
def test_prefers_exact_to_parameter_to_greedy_to_default(method, path, route):
    assert _served_by(PETS, method, path) == route


def test_prefers_the_method_to_any_on_the_same_path():
    api = _api("ANY /pets", "GET /pets")
    assert _served_by(api, "GET", "/pets") == "GET /pets"
    assert _served_by(api, "PUT", "/pets") == "ANY /pets"


def test_a_parameter_takes_exactly_one_segment():
    api = _api("GET /posts/{id}")
    assert _served_by(api, "GET", "/posts/1/2") is None
    assert _served_by(api, "GET", "/posts/") is None
    assert _served_by(api, "GET", "/posts/1/") is None


def test_parameters_are_decoded_once_and_greedy_ones_keep_their_slashes():
    assert Route("GET", "/posts/{id}", "F").match("GET", "/posts/a%2Fb%20c") == {"id": "a/b c"}
    assert Route("GET", "/files/{path+}", "F").match("GET", "/files/a/b%20c") == {"path": "a/b c"}


@pytest.fixture(scope="module")
def translated(toy) -> dict[str, Any]:
    loaded = template.load(toy / "template.yaml")
    for name, function in template.of_type(loaded, template.FUNCTION).items():
        function["CodeUri"] = {"Bucket": BUCKET, "Key": name}
        function.pop("Layers", None)
    loaded["Globals"]["Function"].pop("Layers")
    for name in template.of_type(loaded, template.LAYER):
        del loaded["Resources"][name]
    template.inline_state_machines(loaded, toy)
    return template.translate(loaded, "eu-central-1")


def test_reads_functions_and_authorizers_from_the_translated_template(translated):
    api = http_api(translated)
    found = {route.key: (route.function, route.authorizer) for route in api.routes}
    assert found == {
        "GET /hello/{name}": ("HelloFunction", None),
        "POST /private": ("PrivateFunction", Authorizer("DoormanFunction", ())),
        "$default": ("HelloFunction", None),
    }


def test_refuses_an_authorizer_that_it_could_not_play_faithfully(translated):
    body = next(iter(template.of_type(translated, template.HTTP_API).values()))["Body"]
    scheme = body["components"]["securitySchemes"]["Doorman"]["x-amazon-apigateway-authorizer"]
    scheme["enableSimpleResponses"] = False
    with pytest.raises(TemplateError, match="Doorman"):
        http_api(translated)
