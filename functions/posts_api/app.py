"""Posts: create, validate, list, read."""

from darkroom import bootstrap, posting
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views import NewPost, PageOf, PlanView, PostsQuery, PostView

handler = Api()
REFUSALS = ("invalid_post", "no_default_account", "reauthorization_required", "action_required", "permissions_missing")


@handler.route(
    "POST /v1/posts", scope="posts:write", body=NewPost, answer=PostView, status=202,
    problems=(*REFUSALS, "not_found"), records=bootstrap.idempotency_records,
)  # fmt: skip
def create(request: Request) -> Answer:
    ports, post_id = bootstrap.posting_ports(), request.new_id("post")
    post = posting.submit(request.body.draft(), request.caller, post_id, request.id, ports)
    return Answer(202, PostView.of(post), {"location": f"/v1/posts/{post.id}"})


@handler.route(
    "POST /v1/posts/validate", scope="posts:write", body=NewPost, answer=PlanView, problems=(*REFUSALS, "not_found")
)
def validate(request: Request) -> Answer:
    return Answer(200, PlanView.of(posting.validate(request.body.draft(), request.caller, bootstrap.posting_ports())))


@handler.route("GET /v1/posts", scope="posts:read", query=PostsQuery, answer=PageOf[PostView])
def list_posts(request: Request) -> Answer:
    query, caller = request.query, request.caller
    page = query.page(caller.tenant_id)
    found = posting.list_posts(caller, page, query.account_id, query.state, bootstrap.posting_ports())
    return Answer(200, PageOf.of(found, PostView.of))


@handler.route("GET /v1/posts/{id}", scope="posts:read", answer=PostView, problems=("not_found",))
def read(request: Request) -> Answer:
    return Answer(200, PostView.of(posting.read(request.caller, request.path["id"], bootstrap.posting_ports())))
