"""True without a tenant: health, limits, capabilities, the error catalogue; and 404 for every path that is not ours."""

from darkroom import __version__, bootstrap, capabilities, limits, problems
from darkroom.errors import NotFoundError
from darkroom.http import PUBLIC, Api, Request
from darkroom.http_events import Answer
from darkroom.views_service import CapabilitiesView, HealthView, LimitsView, ProblemTypeView

handler = Api()


@handler.route("GET /v1/health", scope=PUBLIC, answer=HealthView)
def read_health(_request: Request) -> Answer:
    return Answer(200, HealthView(is_healthy=True, version=__version__, stage=bootstrap.stage()))


@handler.route("GET /v1/limits", scope="posts:read", answer=LimitsView)
def read_limits(_request: Request) -> Answer:
    return Answer(200, LimitsView(data=limits.ALL))


@handler.route("GET /v1/capabilities", scope="posts:read", answer=CapabilitiesView)
def read_capabilities(_request: Request) -> Answer:
    return Answer(200, CapabilitiesView.of(capabilities.ALL))


@handler.route("GET /v1/errors/{code}", scope=PUBLIC, answer=ProblemTypeView, problems=("not_found",))
def read_error(request: Request) -> Answer:
    found = problems.CATALOGUE.get(request.path["code"])
    if found is None:
        raise NotFoundError
    return Answer(200, ProblemTypeView.of(found))
