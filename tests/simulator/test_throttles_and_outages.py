"""Bad days that last: one account throttled, one route down for everybody."""

import json

import pytest


@pytest.fixture
def control(bakery):
    def send(method, path, **arguments):
        return bakery.http.request(method, f"http://instagram.test/_sim{path}", **arguments)

    return send


def account_usage(answer):
    [[entry]] = json.loads(answer.headers["x-business-use-case-usage"]).values()
    return entry["call_count"], entry["estimated_time_to_regain_access"]


def app_usage(answer):
    return json.loads(answer.headers["x-app-usage"])["call_count"]


def test_one_account_is_throttled_until_its_time_is_over(instagram, bakery, cycles, codes):
    container = bakery.photo()
    bakery.wait()
    instagram.throttle("lumen.bakery", minutes=19)
    for answer in (bakery.get("/me"), bakery.post("/me/media"), bakery.publish(container), bakery.get("/1")):
        assert (answer.status_code, codes(answer)) == (400, (80002, None))
        assert (account_usage(answer), app_usage(answer)) == ((100, 19), 1)
    assert instagram.ledger() == []
    assert cycles.get("/me").status_code == 200
    bakery.wait(19 * 60 - 1)
    assert account_usage(bakery.get("/me")) == (100, 1)
    bakery.wait(1)
    answer = bakery.publish(container)
    assert (answer.status_code, account_usage(answer)) == (200, (1, 0))


def test_a_throttle_is_controlled_over_http(control, bakery):
    answer = control("POST", "/throttles", json={"username": "lumen.bakery", "minutes": 5})
    assert answer.json() == {"throttles": [{"username": "lumen.bakery", "seconds_left": 300}]}
    assert bakery.get("/me").status_code == 400
    assert control("POST", "/throttles", json={"username": "lumen.bakery", "minutes": 0}).json() == {"throttles": []}
    assert bakery.get("/me").status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"username": "nobody", "minutes": 1}, {"username": "lumen.bakery"}, {"minutes": 1}]
)
def test_a_throttle_that_makes_no_sense_is_refused(control, body):
    assert control("POST", "/throttles", json=body).status_code == 400


@pytest.mark.parametrize("minutes", ["five", True, None, [], "Infinity"])
def test_a_throttle_lasts_a_number_of_minutes(control, minutes):
    assert control("POST", "/throttles", json={"username": "lumen.bakery", "minutes": minutes}).status_code == 400


def test_a_reset_ends_a_throttle(instagram):
    instagram.throttle("lumen.bakery", minutes=5)
    instagram.world.reset()
    assert instagram.world.throttled_until == {}


def test_the_usage_headers_say_what_the_switches_say(instagram, bakery):
    instagram.switch(usage_percent=85, regain_minutes=7)
    good, refused = bakery.get("/me"), bakery.get("/me", fields="shoe_size")
    assert refused.status_code == 400
    for answer in (good, refused):
        assert (account_usage(answer), app_usage(answer)) == ((85, 7), 85)


@pytest.mark.parametrize(("code", "expected"), [(80002, 1), (4, 100)])
def test_a_throttle_fault_names_whose_allowance_is_used_up(instagram, bakery, code, expected):
    instagram.fail("GET /{ig}", "json_error", code=code)
    answer = bakery.get("/me")
    assert (account_usage(answer)[0], app_usage(answer)) == (100, expected)


def test_an_outage_of_one_route_strikes_every_account_until_it_is_over(instagram, bakery, cycles, control, codes):
    outage = {"match": {"path": "POST /{ig}/media"}, "kind": "json_error", "code": 2}
    fault_id = control("POST", "/faults", json=outage).json()["id"]
    other = instagram.fail("GET /{ig}/stories", "http_5xx")
    for caller in (bakery, cycles, bakery):
        assert codes(caller.post("/me/media", image_url="https://media.example/photo.jpg")) == (2, None)
        assert caller.get("/me").status_code == 200
    assert instagram.world.containers == {}
    [left] = control("DELETE", f"/faults/{fault_id}").json()["faults"]
    assert left["id"] == other.id
    assert bakery.photo()
    assert cycles.photo()
    instagram.mend(other)
    assert bakery.get("/me/stories").status_code == 200


def test_a_fault_that_is_not_planned_cannot_end(control):
    assert control("DELETE", "/faults/fault-9").status_code == 404
