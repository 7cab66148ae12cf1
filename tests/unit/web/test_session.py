"""The stored session: what is accepted, how it expires, and what the next customer finds."""

import json

import pytest

from support.page_scripts import PageScripts

BROWSER = """
const items = new Map();
const localStorage = {
  getItem: (name) => items.get(name) ?? null,
  setItem: (name, value) => items.set(name, value),
  removeItem: (name) => items.delete(name),
};
const listeners = [];
const addEventListener = (type, listener) => { if (type === "storage") listeners.push(listener); };
class StorageEvent {
  constructor(type, { key }) { this.key = key; }
}
const dispatchEvent = (event) => listeners.forEach((listener) => listener(event));
const AbortSignal = { timeout: () => null };
const crypto = { randomUUID: () => "00000000-0000-4000-8000-000000000000" };
const navigator = { locks: { request: (name, run) => run() } };
const answers = [];
async function fetch() {
  const [status, document] = answers.shift();
  const text = JSON.stringify(document ?? {});
  return { status, ok: status < 400, json: async () => document, text: async () => text };
}
"""
STEPS = """
const { call, hasExpired, session, signIn } = modules["./api.js"];
const { TRACES, forget } = modules["./storage.js"];
const enter = (email) => {
  answers.push([201, { access_token: "a.b.c", refresh_token: "r" }]);
  return signIn(email, "password");
};
const expire = () => {
  answers.push([401, {}], [401, {}]);
  return call("GET", "/users/me").catch(() => null);
};
const leaveTraces = () => TRACES.forEach((name) => items.set(`toyshop.${name}`, "[1]"));
const traces = () => TRACES.filter((name) => items.has(`toyshop.${name}`)).length;
"""


@pytest.fixture
def page() -> PageScripts:
    scripts = PageScripts(BROWSER)
    scripts.load("lib/storage.js", "lib/api.js")
    return scripts


TOKEN = "eyJhbGciOiJSUzI1NiJ9." + "A-_9" * 500 + ".c2lnbg=="


@pytest.mark.parametrize(
    ("change", "is_accepted"),
    [
        ({}, True),
        ({"access": "☃"}, False),
        ({"access": "a\nb"}, False),
        ({"access": "x" * 20_000}, False),
        ({"refresh": "☃"}, False),
        ({"refresh": "x" * 20_000}, False),
        ({"email": "a\n@example.com"}, False),
        ({"email": "x" * 300}, False),
    ],
)
def test_a_token_that_cannot_be_sent_is_no_session(
    page: PageScripts, change: dict[str, str], is_accepted: bool
) -> None:
    session = {"access": TOKEN, "refresh": TOKEN, "email": "alice@example.com"} | change
    stored = json.dumps(json.dumps(session))
    script = f"items.set('toyshop.session', {stored}); return session.value !== null;"
    assert page.run(STEPS + script) is is_accepted


def test_an_expired_session_is_remembered_until_somebody_signs_in_or_out(page: PageScripts) -> None:
    script = """
      const seen = [hasExpired()];
      await enter("alice@example.com"); seen.push(hasExpired());
      await expire(); seen.push(hasExpired());
      await enter("alice@example.com"); seen.push(hasExpired());
      await expire(); forget(); seen.push(hasExpired());
      return seen;
    """
    assert page.run(STEPS + script) == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("email", "kept"), [("alice@example.com", 5), ("Alice@Example.com", 5), ("bob@example.com", 0)]
)
def test_after_an_expired_session_only_its_customer_finds_their_traces(
    page: PageScripts, email: str, kept: int
) -> None:
    script = f"""
      await enter("alice@example.com"); leaveTraces(); await expire();
      const before = traces();
      await enter({json.dumps(email)});
      return [before, traces(), session.value.email, items.get("toyshop.expired")];
    """
    assert page.run(STEPS + script) == [5, kept, email, '""']


def test_another_customer_can_replace_an_open_session(page: PageScripts) -> None:
    script = """
      await enter("alice@example.com"); leaveTraces(); await enter("bob@example.com");
      return [traces(), session.value.email];
    """
    assert page.run(STEPS + script) == [0, "bob@example.com"]


def test_a_guest_keeps_the_cart_when_signing_in(page: PageScripts) -> None:
    assert page.run(STEPS + 'leaveTraces(); await enter("bob@example.com"); return traces();') == 5
