"""Posts: create, validate, list, read. Changing them is change_post."""

from darkroom import bootstrap, posting
from darkroom.http import Api, Request
from darkroom.http_events import Answer
from darkroom.views import PageOf
from darkroom.views_posts import REFUSALS_OF_NEW, GroupView, NewPost, PlanView, PostsQuery, PostView, post_answer

handler = Api()


@handler.route(
    "POST /v1/posts", scope="posts:write", body=NewPost, answer=PostView | GroupView, status=202,
    problems=(*REFUSALS_OF_NEW, "too_many_requests"), records=bootstrap.idempotency_records,
)  # fmt: skip
def create(request: Request) -> Answer:
    ports, caller, many = bootstrap.posting_ports(), request.caller, request.body.account_ids
    wanted = request.body.submission(request.id, is_repeated=request.first_asked_at is not None)
    if many:
        group_id = request.new_id("grp")
        return Answer(202, GroupView.of(group_id, posting.submit_to_many(wanted, many, caller, group_id, ports)))
    return post_answer(202, posting.submit(wanted, caller, request.new_id("post"), ports))


@handler.route("POST /v1/posts/validate", scope="posts:write", body=NewPost, answer=PlanView, problems=REFUSALS_OF_NEW)
def validate(request: Request) -> Answer:
    preview = posting.validate(request.body.submission_to_one(request.id), request.caller, bootstrap.posting_ports())
    return Answer(200, PlanView.of(preview))


@handler.route("GET /v1/posts", scope="posts:read", query=PostsQuery, answer=PageOf[PostView])
def list_posts(request: Request) -> Answer:
    query, caller, ports = request.query, request.caller, bootstrap.posting_ports()
    found = posting.list_posts(caller, query.page(caller.tenant_id), query.account_id, query.state, ports)
    return Answer(200, PageOf.of(found, PostView.of))


@handler.route("GET /v1/posts/{id}", scope="posts:read", answer=PostView, problems=("not_found",))
def read(request: Request) -> Answer:
    return post_answer(200, posting.read(request.caller, request.path["id"], bootstrap.posting_ports()))
