"""Ask the routes of CompreFace."""

ROOT = "/api/v1/recognition"


def recognize(server, scope, picture, **params):
    answer = server.client(scope).post(f"{ROOT}/recognize", files={"file": picture}, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def verify(server, scope, picture, image_id, **params):
    return server.client(scope).post(
        f"{ROOT}/faces/{image_id}/verify", files={"file": picture}, params=params
    )
