"use strict";

const config = JSON.parse(document.getElementById("config").textContent);
const state = { token: null, user: null, thread: null, socket: null };
const problem = (text) => { document.getElementById("problem").textContent = text; };

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function post(url, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const seen = await answer.json();
  if (!answer.ok) throw new Error(seen.message || `${answer.status}`);
  return seen;
}

async function login(username, password) {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const redirect_uri = `${location.origin}/callback`.replace("//localhost", "//127.0.0.1");
  const { code } = await post(`${config.auth_url}/authorize`, {
    username, password, redirect_uri,
    client_id: config.client_id,
    code_challenge: base64url(digest),
    code_challenge_method: "S256",
  });
  return post(`${config.auth_url}/token`, {
    code, redirect_uri,
    grant_type: "authorization_code",
    client_id: config.client_id,
    code_verifier: verifier,
  });
}

function say(text, kind) {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = text;
  document.getElementById("messages").append(line);
  line.scrollIntoView({ block: "nearest" });
}

function show(event) {
  switch (event.type) {
    case "agent_started": return say(`${event.agent} starts`, "event");
    case "agent_thinking": return say(`thinking: ${event.thought}`, "event");
    case "tool_executing": return say(`${event.tool} runs`, "event");
    case "tool_completed": return say(`${event.tool} is done`, "event");
    case "agent_completed": return say(event.answer, "answer");
    default: return problem(event.message || event.type);
  }
}

function connect() {
  const url = config.backend_url.replace(/^http/, "ws");
  state.socket = new WebSocket(`${url}/ws?access_token=${encodeURIComponent(state.token)}`);
  state.socket.onmessage = (frame) => show(JSON.parse(frame.data));
  state.socket.onclose = (end) => problem(`connection closed (${end.code})`);
}

document.getElementById("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  problem("");
  const form = new FormData(event.target, event.submitter);
  const [username, password] = [form.get("username"), form.get("password")];
  try {
    if (form.get("act") === "register") {
      await post(`${config.auth_url}/register`, { username, password });
    }
    const tokens = await login(username, password);
    state.token = tokens.access_token;
    state.user = tokens.user;
    const thread = await post(`${config.backend_url}/api/threads`, { title: "Chat" }, state.token);
    state.thread = thread.id;
    document.getElementById("who").textContent = `${tokens.user.display_name} · ${tokens.user.plan}`;
    document.getElementById("login").hidden = true;
    document.getElementById("chat").hidden = false;
    connect();
  } catch (error) {
    problem(`login failed: ${error.message}`);
  }
});

document.getElementById("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.elements.text;
  say(field.value, "mine");
  state.socket.send(JSON.stringify({ type: "chat", thread: state.thread, text: field.value }));
  field.value = "";
});
