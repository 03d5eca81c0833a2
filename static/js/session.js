// Whose session this browser has, and the token that goes with it. Asked before anything
// that had to wait is sent: the person or the token may be another by then.

let fresh = "";

export function csrfToken() {
  // The cookie is newer than the page after a log-in in another tab.
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie ? cookie[1] : fresh || document.querySelector('meta[name="csrf-token"]').content;
}

// A log-in makes a new token: what the page was rendered with is refused from then on.
function adopt(token) {
  fresh = token;
  document.querySelector('meta[name="csrf-token"]').content = token;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  for (const field of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) {
    field.value = token;
  }
}

// The answer of a fetch as [status, JSON or null]; status 0 when none came.
export async function ask(url, options, timeout) {
  try {
    const response = await fetch(url, {
      credentials: "same-origin",
      signal: AbortSignal.timeout(timeout),
      ...options,
    });
    const isJson = (response.headers.get("Content-Type") || "").includes("json");
    return [response.status, isJson ? await response.json() : null];
  } catch (error) {
    // No network, no answer in time, or one that was cut off.
    if (error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError) return [0, null];
    throw error;
  }
}

const TIMEOUT_MS = 15000;
const JSON_ONLY = { Accept: "application/json" };

// {user, name}, user null when nobody is logged in; null when the server is not there.
export async function askSession(url) {
  const [status, body] = await ask(url, { headers: JSON_ONLY }, TIMEOUT_MS);
  if (status !== 200 || !body) return null;
  adopt(body.csrf_token);
  return body;
}

// "same", "logged-out", "other-user" or "failed" (no server).
export async function confirmUser(url, user) {
  const session = await askSession(url);
  if (!session) return "failed";
  if (session.user === null) return "logged-out";
  return session.user === user ? "same" : "other-user";
}

// Log in without leaving the page: [isDone, message].
export async function logIn(url, fields) {
  if (!(await askSession(url))) return [false, ""];
  const headers = { ...JSON_ONLY, "X-CSRFToken": csrfToken() };
  const body = new URLSearchParams(fields);
  const [status, answer] = await ask(url, { method: "POST", headers, body }, TIMEOUT_MS);
  if (status === 200 && answer) {
    adopt(answer.csrf_token);
    return [true, ""];
  }
  return [false, (answer && answer.message) || ""];
}
