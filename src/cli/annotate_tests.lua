-- SPDX-License-Identifier: MIT
--
-- What editors are told about what test files may call: the global `usher`.

local objects = require "usher.objects"
local write = require "usher.annotate_write"
require "usher.core"

local FACTS = "param facts? usher.test.Facts|string or a JSON file's path\n"

local POLICY = {
  decrypt = { "facts", FACTS .. "return usher.Verdict\nreturn string? reason\n"
    .. "return usher.test.Result", "Calls decrypt." },
  generate = { "facts", FACTS
    .. 'return "table"|"string"|"keep"|"end" kind\n'
    .. "return table|string|nil value or the reason\n"
    .. "return usher.test.Result", "Calls generate." },
  issue = { "facts, previous", FACTS
    .. "param previous? usher.test.Issued that the handshake resumed with\n"
    .. "return usher.test.Issued?\nreturn string? reason",
    "The ticket that generate makes; nil if it ends the handshake." },
  present = { "ticket, facts", "param ticket usher.test.Issued\n" .. FACTS
    .. "return usher.Verdict\nreturn string? reason\n"
    .. "return usher.test.Result", "Calls decrypt with such a ticket." },
  run = { "fn, facts", 'param fn "decrypt"|"generate"\n' .. FACTS
    .. "return usher.test.Result",
    "The result alone, also where the script fails." },
  log = { "", "return string[]",
    "What was printed and logged since the last time." },
  info = { "", "return usher.test.Info", "Its limits, and what it has." },
}

local SERVER = {
  visit = { "options", "param options? usher.test.VisitOptions\n"
    .. "return usher.test.Visit", "One handshake, and a byte there and back." },
  set_keys = { "keys", "param keys usher.test.Keys", "New ticket keys." },
}

local TICKET = {
  altered = { "", "return usher.test.Ticket", "One with a bit changed." },
  lifetime = { "", "return integer", "Seconds, as the client was told." },
  size = { "", "return integer", "Bytes in each ClientHello." },
}

local CLOCK = {
  now = { "", "return integer", "What it shows: seconds since 1970." },
  set = { "seconds", "param seconds number", "From now on it stands still." },
  advance = { "seconds", "param seconds number", "Moves it on." },
  reset = { "", "", "It shows the real time again." },
}

local USHER = {
  policy = { "what, options",
    "param what string|usher.test.PolicyOptions a path, or { text = ... }\n"
    .. "param options? usher.test.PolicyOptions\nreturn usher.test.Policy",
    "Loads a policy, by its path from the test file's folder." },
  server = { "policy, options", "param policy usher.test.Policy\n"
    .. "param options? usher.test.ServerOptions\nreturn usher.test.Server",
    "A server whose tickets the policy decides about." },
  keys = { "", "return usher.test.Keys", "Ticket keys, to share." },
}

local POLICY_OPTIONS = {
  file = "? string", text = "? string", name = "? string of a text",
  instruction_limit = "? integer", cpu_time_limit = "? integer microseconds",
  memory_limit = "? integer bytes", app_data_limit = "? integer bytes",
  on_error = '? "full_handshake"|"abort"|"open"',
}

local SERVER_OPTIONS = {
  tls = '? "1.2"|"1.3"', keys = "? usher.test.Keys",
  client_cert = '? "request"|"require"', early_data = "? integer bytes",
  timeout = "? integer seconds", num_tickets = "? integer",
  alpn = "? string[]", vars = "? table<string, string>",
  peer_address = "? string", peer_port = "? integer",
}

local VISIT_OPTIONS = {
  tls = '? "1.2"|"1.3"', name = "? string server name (SNI)",
  ticket = "? usher.test.Ticket", cert = "? string a client's name",
  alpn = "? string[]", groups = "? string as X25519:P-384",
  early_data = "? string to send early", vars = "? table<string, string>",
  peer_address = "? string", peer_port = "? integer",
  errors = "? boolean don't raise script errors",
}

local VISIT = {
  completed = " boolean", resumed = " boolean",
  tickets = " integer how many new ones", ticket = "? usher.test.Ticket",
  all_tickets = " usher.test.Ticket[]", verdict = "? string",
  reason = "? string", alert = "? string that the client got",
  client_alert = "? string that it sent", failure = "? string",
  early_data = '? "accepted"|"rejected"',
  vars = " table<string, string?>", decisions = " usher.test.Decision[]",
  error = "? usher.test.Error",
}

local OTHERS = {
  { "usher.test.Facts", "Facts by their names; nil where none is given.", {
    conn = "? table<string, any>", ticket = "? table<string, any>",
  } },
  { "usher.test.Error", "A script error.", {
    message = " string", line = " integer", code = " string",
    script = " string",
  } },
  { "usher.test.Decision", "What was decided in a visit.", {
    call = ' "decrypt"|"generate"', status = "? string", verdict = " string",
    reason = "? string", instructions = " integer",
    error = "? usher.test.Error",
  } },
  { "usher.test.Result", "What became of a call.", {
    verdict = "? usher.Verdict of decrypt", reason = "? string",
    kind = "? string of generate", data = "? table of generate",
    app_data = "? string the bytes in the ticket", error = "? usher.test.Error",
    vars = " table<string, string> that were set",
    asked = " table<string, boolean> facts that were looked at",
    early_data = "? boolean false if they were declined",
    timeout = "? integer if assigned", num_tickets = "? integer if assigned",
    instructions = " integer", memory = " integer bytes",
  } },
  { "usher.test.Info", "A policy's limits, and what it has.", {
    instruction_limit = " integer", cpu_time_limit = " integer",
    memory_limit = " integer", app_data_limit = " integer",
    decrypt = " boolean", generate = " boolean", name = "? string",
    revision = " string",
  } },
  { "usher.test.Issued", "A ticket of policy:issue.", {
    app_data = " string", data = "? table", kind = " string",
    issued_at = " integer", timeout = " integer",
  } },
  { "usher.test.Keys", "Ticket keys.", {} },
}

-- Raises where the annotations are not about what there is.
local function check()
  local surface = objects.surface()
  local ticket = debug.getregistry()["usher.ticket"]
  local usher, visit = {}, { error = true, early_data = true }
  for name in pairs(objects.usher) do usher[name] = true end
  for name in pairs(surface.visit) do visit[name] = true end
  usher.clock = nil
  write.agree("usher of test files", usher, USHER)
  write.agree("usher.clock", write.set(objects.usher.clock), CLOCK)
  write.agree("a policy", write.set(surface.Policy), POLICY)
  write.agree("a server", write.set(surface.Server), SERVER)
  write.agree("a ticket", write.set(ticket), TICKET)
  write.agree("a visit", visit, VISIT)
  write.agree("usher.policy's options", write.set(surface.policy_options),
    POLICY_OPTIONS)
  write.agree("usher.server's options", write.set(surface.server_options),
    SERVER_OPTIONS)
  write.agree("server:visit's options", write.set(surface.visit_options),
    VISIT_OPTIONS)
end

local function methods(name, title, doc, told)
  write.lines("", "---" .. doc, "---@class " .. name,
    "local " .. title .. " = {}")
  write.functions(title .. ":", told)
end

return function()
  check()
  write.head("what tests of policies may call", "src/cli/annotate_tests.lua")
  for _, class in ipairs(OTHERS) do write.class(unpack(class)) end
  write.class("usher.test.PolicyOptions", "Of usher.policy.", POLICY_OPTIONS)
  write.class("usher.test.ServerOptions", "Of usher.server.", SERVER_OPTIONS)
  write.class("usher.test.VisitOptions", "Of server:visit.", VISIT_OPTIONS)
  write.class("usher.test.Visit", "What the client saw of one connection.",
    VISIT)
  methods("usher.test.Policy", "Policy", "A policy that is loaded.", POLICY)
  methods("usher.test.Server", "Server", "A server in memory.", SERVER)
  methods("usher.test.Ticket", "Ticket", "A ticket that a visit got.", TICKET)
  write.lines("", "---@class usher.test", "usher = {}")
  write.functions("usher.", USHER)
  write.lines("", "usher.clock = {}")
  write.functions("usher.clock.", CLOCK)
end
