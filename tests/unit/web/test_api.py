"""The page's requests: answers without a body, and sessions that end."""

from typing import Any

import pytest

from support.page_scripts import PageScripts

BROWSER = """
const stored = new Map();
const sessionStorage = {
  getItem: (name) => stored.get(name) ?? null,
  setItem: (name, value) => stored.set(name, value),
  removeItem: (name) => stored.delete(name),
};
class Event {}
const dispatchEvent = () => {};
const answers = [];
async function fetch() {
  const [status, text] = answers.shift();
  return { status, ok: status < 400, text: async () => text, json: async () => JSON.parse(text) };
}
async function result(...arranged) {
  answers.push(...arranged);
  try {
    return await modules["./api.js"].call("POST", "/users/password-reset", { body: {} });
  } catch (problem) {
    return [problem.status, problem.message];
  }
}
const signIn = () => modules["./api.js"].session.open({ refresh_token: "r" }, "a@b.c");
"""


@pytest.fixture
def page() -> PageScripts:
    scripts = PageScripts(BROWSER)
    scripts.load("api.js")
    return scripts


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [(200, '{"a": 1}', {"a": 1}), (202, "", None), (204, "", None), (201, "[]", [])],
)
def test_answer_may_have_no_body(page: PageScripts, status: int, text: str, expected: Any) -> None:
    assert page.run(f"return await result([{status}, `{text}`]);") == expected


def test_session_that_cannot_be_renewed_is_over(page: PageScripts) -> None:
    over = page.run("signIn(); return await result([401, '{}'], [401, '{}']);")
    assert over == [401, "You\u2019ve been signed out. Please sign in again."]
    assert page.run("return modules['./api.js'].session.current;") is None
    # who has not signed in has not been signed out
    wrong = """return await result([401, '{"detail": "Wrong."}']);"""
    assert page.run(wrong) == [401, "Wrong."]


def test_session_that_could_not_be_renewed_now_is_kept(page: PageScripts) -> None:
    kept = """signIn(); return await result([401, '{"detail": "Expired."}'], [503, '{}']);"""
    assert page.run(kept) == [401, "Expired."]
    assert page.run("return modules['./api.js'].session.current;") is not None


def test_session_is_renewed_and_the_request_repeated(page: PageScripts) -> None:
    tokens = '{"access_token": "b", "refresh_token": "r"}'
    answered = page.run(
        f"signIn(); return await result([401, '{{}}'], [200, `{tokens}`], [200, `{{}}`]);"
    )
    assert answered == {}
