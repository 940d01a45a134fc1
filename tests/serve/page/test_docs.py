"""The page about the API: it shows the service's own document, and asks nothing elsewhere."""

import pytest

from onlyme.serve.access.tokens import Tokens
from onlyme.serve.routes import docs
from tests.serve.browsing import Visit, browser


@pytest.fixture(scope="module")
def documented(people, tmp_path_factory):
    import shutil
    from dataclasses import replace

    from tests.serve.conftest import serving

    folder = tmp_path_factory.mktemp("documented") / "vault"
    shutil.copytree(people.vault, folder)
    folder.chmod(0o700)
    with serving(replace(people, vault=folder), docs=True, compreface=True) as running:
        yield running


@pytest.fixture
def shown(playwright, documented):
    """A browser with a session."""
    with browser(playwright) as window:
        context = window.new_context()
        visit = Visit(context.new_page(), documented.url)
        with documented.open_admin() as admin:
            token = Tokens(admin).create_link()
        visit.page.goto(f"{documented.url}/open?token={token}")
        visit.page.wait_for_selector(".view:not([aria-busy])")
        yield visit


def test_it_shows_every_route_and_asks_nobody_else(shown, documented):
    shown.page.goto(f"{documented.url}/docs")
    shown.page.wait_for_selector(".opblock")
    count = sum(len(each) for each in documented.service_document["paths"].values())
    shown.page.wait_for_function(
        "count => document.querySelectorAll('.opblock').length == count", arg=count
    )
    assert "Face verification" in shown.page.inner_text(".info")
    assert shown.page.locator(".scheme-container .authorize").count() == 1
    shown.keep("docs")
    assert shown.wrong == []


def test_it_sends_requests(shown, documented):
    shown.page.goto(f"{documented.url}/docs")
    block = shown.page.locator(".opblock", has_text="/v1/health").first
    block.locator(".opblock-summary").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    block.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert '"status": "ok"' in block.locator(".live-responses-table").inner_text()
    assert shown.wrong == []


@pytest.mark.parametrize(
    "query",
    [
        "url=http://127.0.0.1:1/evil.json",
        "configUrl=http://127.0.0.1:1/evil.json",
        "url=data:application/json,{}",
        "urls.primaryName=evil",
        "oauth2RedirectUrl=http://127.0.0.1:1/",
    ],
)
def test_no_address_shows_another_document(shown, documented, query):
    shown.page.goto(f"{documented.url}/docs#?{query}")
    shown.page.wait_for_selector(".opblock")
    assert shown.wrong == []
    # As a query, it is refused like every parameter that a route does not know.
    assert documented.client().get(f"/docs?{query}").status_code == 400


def test_it_needs_a_session_or_token_and_has_the_pages_policy(documented):
    for path in ("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js"):
        assert documented.client(None).get(path).status_code == 401
        answer = documented.client("verify").get(path)
        assert answer.status_code == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'; script-src 'self'")
    for path in ("../app.py", "..%2Fdocs.py", "index.html", "%2e%2e", "swagger-ui.js", "a" * 99):
        assert documented.client().get(f"/docs/{path}").status_code in {400, 404}, path
    assert documented.client().post("/docs").status_code == 405


def test_without_its_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(docs, "find_spec", lambda _: None)
    with pytest.raises(Exception, match="needs flask-swagger-ui"):
        docs.find_swagger_ui()
