-- SPDX-License-Identifier: MIT
--
-- What test files call `usher`: policies that are given facts, servers in
-- memory that are visited, tickets, the clock.

local core = require "usher.core"
local util = require "usher.util"

local copy = util.copy

local TRACED_CPU = 20 -- tracing lines costs CPU time, no limit's fault

local folder, traced = "", false
local faked -- what the clock shows; nil: the real time

-- An error of one of our own functions, told at the line of the test.
local function raise(message, level)
  error((tostring(message):gsub("^usher%.[%a_]+:%d+: ", "")), level + 1)
end

local function check_names(options, allowed, what, level)
  for name in pairs(options) do
    local known = false
    for _, each in ipairs(allowed) do known = known or each == name end
    if not known then
      local near = core.near(tostring(name), allowed)
      raise(what .. " has no option '" .. tostring(name) .. "'"
        .. (near and "; did you mean '" .. near .. "'?" or ""), level + 1)
    end
  end
end

--
-- The clock
--

local function set_clock(now)
  faked = now
  core.clock(now or 0)
end

local clock = {}

function clock.now() return core.now() end

function clock.set(now)
  if type(now) ~= "number" or now < 1 then
    raise("usher.clock.set takes seconds since 1970", 2)
  end
  set_clock(math.floor(now))
end

function clock.advance(seconds)
  if type(seconds) ~= "number" then
    raise("usher.clock.advance takes seconds", 2)
  end
  set_clock(math.floor(core.now() + seconds))
end

function clock.reset() set_clock(nil) end

--
-- Policies
--

local Policy = {}
Policy.__index = Policy

local POLICY_OPTIONS = {
  "file", "text", "name", "instruction_limit", "cpu_time_limit",
  "memory_limit", "app_data_limit", "on_error",
}

-- usher.policy("vhost.lua", options), usher.policy { text = "return {}" }
local function policy(what, options)
  if type(what) == "string" then
    options = options or {}
    check_names(options, POLICY_OPTIONS, "usher.policy", 2)
  elseif type(what) == "table" then
    options = what
    check_names(options, POLICY_OPTIONS, "usher.policy", 2)
    what = options.file
  else
    raise("usher.policy takes the path of a policy, or a table of options", 2)
  end
  if (what == nil) == (options.text == nil) then
    raise("usher.policy needs a file or a text", 2)
  end
  local path = what and (what:find("^/") and what or folder .. what)
  local limits = {}
  for name, value in pairs(options) do limits[name] = value end
  if traced then
    limits.cpu_time_limit = (options.cpu_time_limit or 20000) * TRACED_CPU
  end
  local ok, core_policy, err = pcall(core.policy,
    path or options.name or "policy", options.text, limits)
  if not ok then raise(core_policy, 2) end
  if not core_policy then raise(err.message, 2) end
  return setmetatable({ core = core_policy, path = path }, Policy)
end

local function call(self, fn, facts, level)
  local ok, result = pcall(self.core.call, self.core, fn, facts or {})
  if not ok then raise(result, level + 1) end
  return result
end

-- The call's result, also if the script failed: result.error says how.
function Policy:run(fn, facts)
  if fn ~= "decrypt" and fn ~= "generate" then
    raise('policy:run takes "decrypt" or "generate"', 2)
  end
  local result = call(self, fn, facts, 2)
  return result
end

-- verdict, reason, result; a script error is raised.
function Policy:decrypt(facts)
  local result = call(self, "decrypt", facts, 2)
  if result.error then raise(result.error.message, 2) end
  return result.verdict, result.reason, result
end

-- "table", data; "string", bytes; "keep"; "end", reason; and the result.
function Policy:generate(facts)
  local result = call(self, "generate", facts, 2)
  if result.error then raise(result.error.message, 2) end
  local value = result.data
  if result.kind == "string" then value = result.app_data end
  if result.kind == "keep" then value = nil end
  if result.kind == "end" then value = result.reason end
  return result.kind, value, result
end

-- What `defaults` has and `facts` has not.
local function complete(facts, defaults)
  for name, value in pairs(defaults) do
    if facts[name] == nil then facts[name] = value end
  end
  return facts
end

local function random_hex(bytes)
  local digits = {}
  for i = 1, 2 * bytes do digits[i] = ("%x"):format(math.random(0, 15)) end
  return table.concat(digits)
end

-- The facts of a ticket that policy:issue made, as this policy sees them now.
local function ticket_facts(self, ticket)
  local facts = {
    status = "success_renew", key_name = ("k"):rep(16),
    app_data = ticket.app_data, issued_at = ticket.issued_at,
    timeout = ticket.timeout, session_id = ticket.session_id,
    version = ticket.version, cipher = ticket.cipher, alpn = ticket.alpn,
    max_early_data = ticket.max_early_data, client_cert = ticket.client_cert,
  }
  local envelope = self.core:envelope(ticket.app_data)
  for name, value in pairs(envelope or {}) do
    if name ~= "cbor" then facts[name] = value end
  end
  if envelope and envelope.cbor then
    facts.data = { ["$cbor"] = envelope.cbor:gsub(".", function(c)
      return ("%02x"):format(c:byte())
    end) }
  end
  return facts
end

-- The ticket that generate makes of these facts. `previous`: the one that the
-- handshake resumed with.
function Policy:issue(facts, previous)
  facts = copy(facts or {})
  local now = core.now()
  facts.conn = complete(facts.conn or {}, {
    version = "TLSv1.3", cipher = "TLS_AES_256_GCM_SHA384", transport = "tls",
    num_tickets = previous and 1 or 2, resumed = previous ~= nil,
    early_data = false,
  })
  local before = previous and ticket_facts(self, previous)
  local since
  if before then since = before.auth_time else since = now end
  facts.ticket = complete(facts.ticket or {}, {
    index = 1, timeout = 7200, id = random_hex(8), auth_time = since,
    renewals = before and (before.renewals or 0) + 1 or 0, previous = before,
  })
  local result = call(self, "generate", facts, 2)
  if result.error then raise(result.error.message, 2) end
  if result.kind == "end" then return nil, result.reason end
  return {
    app_data = result.app_data, data = result.data, kind = result.kind,
    issued_at = now, timeout = result.timeout or facts.ticket.timeout,
    session_id = random_hex(32), version = facts.conn.version,
    cipher = facts.conn.cipher, alpn = facts.conn.alpn, max_early_data = 0,
    client_cert = facts.conn.client_cert
      or previous and previous.client_cert or nil,
  }
end

-- What decrypt says of such a ticket: verdict, reason, result. What is in
-- facts.ticket stands before what is in the ticket.
function Policy:present(ticket, facts)
  if type(ticket) ~= "table" or not ticket.app_data then
    raise("policy:present takes a ticket of policy:issue", 2)
  end
  facts = copy(facts or {})
  facts.conn = complete(facts.conn or {}, {
    version = ticket.version, transport = "tls", early_data = false,
    num_tickets = 2,
  })
  facts.ticket = complete(facts.ticket or {}, ticket_facts(self, ticket))
  local result = call(self, "decrypt", facts, 2)
  if result.error then raise(result.error.message, 2) end
  return result.verdict, result.reason, result
end

-- What the policy printed since the last time, as a list of lines.
function Policy:log()
  local list = {}
  for line in self.core:log():gmatch("[^\n]+") do list[#list + 1] = line end
  return list
end

function Policy:info() return self.core:info() end

--
-- Servers
--

local Server = {}
Server.__index = Server

local SERVER_OPTIONS = {
  "tls", "keys", "client_cert", "early_data", "timeout", "num_tickets", "alpn",
  "vars", "peer_address", "peer_port",
}
local VISIT_OPTIONS = {
  "tls", "name", "ticket", "cert", "alpn", "groups", "early_data", "vars",
  "peer_address", "peer_port", "errors",
}

-- A list of protocols as TLS sends it.
local function wire_alpn(list, level)
  if list == nil then return nil end
  local parts = {}
  for i, name in ipairs(list) do
    if type(name) ~= "string" or #name < 1 or #name > 255 then
      raise("alpn takes a list of names", level + 1)
    end
    parts[i] = string.char(#name) .. name
  end
  return table.concat(parts)
end

local function check_tls(version, level)
  if version ~= nil and version ~= "1.2" and version ~= "1.3" then
    raise('tls takes "1.2" or "1.3"', level + 1)
  end
end

local function check_vars(vars, level)
  for name, value in pairs(vars or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      raise("vars takes strings by name", level + 1)
    end
  end
end

local function server(self, options)
  if getmetatable(self) ~= Policy then
    raise("usher.server takes a policy of usher.policy", 2)
  end
  options = copy(options or {})
  check_names(options, SERVER_OPTIONS, "usher.server", 2)
  check_tls(options.tls, 2)
  check_vars(options.vars, 2)
  if options.client_cert ~= nil and options.client_cert ~= "request"
    and options.client_cert ~= "require" then
    raise('client_cert takes "request" or "require"', 2)
  end
  local given = copy(options)
  given.alpn = wire_alpn(options.alpn, 2)
  local ok, core_server = pcall(core.server, self.core, given)
  if not ok then raise(core_server, 2) end
  return setmetatable({
    core = core_server, options = options, policy = self,
  }, Server)
end

local function visit_of(saw)
  local connection = saw.connection
  local visit = {
    completed = saw.completed, resumed = saw.resumed, tickets = saw.tickets,
    alert = saw.alert, client_alert = saw.client_alert,
    failure = saw.failure, verdict = saw.verdict, reason = saw.reason,
    decisions = saw.decisions, ticket = saw.sessions[#saw.sessions],
    all_tickets = saw.sessions,
    vars = setmetatable({}, {
      __index = function(_, name) return connection:var(name) end,
    }),
  }
  return visit
end

-- One handshake, with a byte there and back.
function Server:visit(options)
  options = options or {}
  check_names(options, VISIT_OPTIONS, "server:visit", 2)
  check_tls(options.tls, 2)
  check_vars(options.vars, 2)
  local ask = copy(options)
  ask.ticket = options.ticket -- userdata
  ask.alpn = wire_alpn(options.alpn, 2)
  ask.tls = options.tls or self.options.tls or "1.3"
  ask.vars = complete(ask.vars or {}, self.options.vars or {})
  ask.peer_address = options.peer_address or self.options.peer_address
  ask.peer_port = options.peer_port or self.options.peer_port
  if options.ticket ~= nil and type(options.ticket) ~= "userdata" then
    raise("server:visit takes the ticket of an earlier visit", 2)
  end
  local ok, saw = pcall(self.core.visit, self.core, ask)
  if not ok then raise(saw, 2) end
  local visit = visit_of(saw)
  if options.early_data then
    visit.early_data = saw.early_accepted and "accepted" or "rejected"
  end
  for _, decision in ipairs(saw.decisions) do
    if decision.error then
      visit.error = visit.error or decision.error
    end
  end
  if visit.error and not options.errors then
    raise(visit.error.message, 2)
  end
  return visit
end

-- New ticket keys: older tickets can't be decrypted any more.
function Server:set_keys(keys)
  local ok, err = pcall(self.core.set_keys, self.core, keys)
  if not ok then raise(err, 2) end
end

--
-- The module
--

local function set_up(path, options)
  folder = path:match("^(.*/)") or ""
  traced = options.coverage
end

-- All that a test file can reach from `usher`, for the annotations.
local function surface()
  local any = setmetatable({ sessions = { true } }, {
    __index = function() return true end,
  })
  return {
    Policy = Policy, Server = Server, visit = visit_of(any),
    policy_options = POLICY_OPTIONS, server_options = SERVER_OPTIONS,
    visit_options = VISIT_OPTIONS,
  }
end

return {
  usher = {
    policy = policy, server = server, keys = core.keys, clock = clock,
  },
  set_up = set_up, set_clock = set_clock, clock = function() return faked end,
  surface = surface,
}
