"""What the tests say of a refusal."""


def problem(answer):
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= body.keys()
    assert body["request_id"] == answer["X-Request-ID"]
    return answer.status_code, body["code"]


def wrong(answer):
    """{name: code of what is wrong with it}"""
    assert problem(answer) == (400, "invalid")
    return {name: why[0]["code"] for name, why in answer.json()["fields"].items()}
