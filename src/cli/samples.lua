-- SPDX-License-Identifier: MIT
--
-- The facts that `usher check` runs a policy with: documents as recorded ones
-- are, and what each is called. Each status, both versions of TLS, with and
-- without client certificate, server name, envelope, early data; young and old.

local copy = require("usher.util").copy

local DAY = 86400

local CERT = {
  subject = "CN=alice,O=Example", issuer = "CN=Example CA", serial = "12d687",
  sha256 = ("5a"):rep(32),
}
local HELLO = {
  ciphers = { 0x1301, 0x1302, 0xc02b, 0xc02f }, groups = { 29, 23, 24 },
  signatures = { 0x0403, 0x0804, 0x0401 },
  extensions = { 0, 10, 13, 16, 43, 51 },
}
local STATUSES = { "empty", "no_decrypt", "success", "success_renew" }

local function certificate(now)
  local cert = copy(CERT)
  cert.not_before, cert.not_after = now - 10 * DAY, now + 355 * DAY
  return cert
end

local function conn(version, name)
  return {
    server_name = name, version = version == "1.3" and "TLSv1.3" or "TLSv1.2",
    alpn_offered = { "h2", "http/1.1" }, early_data = false,
    peer_address = "192.0.2.7", peer_port = 50123,
    local_address = "198.51.100.1", local_port = 443, transport = "tls",
    num_tickets = version == "1.3" and 2 or 1, hello = copy(HELLO),
    id = "1-0-1", vars = {},
  }
end

local function session(o, version, now)
  return {
    decrypted = true, key_name = ("k"):rep(16), app_data = "",
    issued_at = now - o.age, age = o.age, timeout = 7200,
    session_id = ("0f"):rep(32),
    version = version == "1.3" and "TLSv1.3" or "TLSv1.2",
    cipher = version == "1.3" and "TLS_AES_256_GCM_SHA384"
      or "ECDHE-ECDSA-AES256-GCM-SHA384",
    alpn = "h2", max_early_data = o.early and 16384 or 0,
    client_cert = o.cert and certificate(now) or nil,
  }
end

-- What the envelope of a ticket says. `made` is what generate returned.
local function add_envelope(ticket, o, made, env)
  ticket.id, ticket.revision = "00112233445566ff", env.revision
  ticket.policy, ticket.renewals = env.name, o.age > DAY and 20 or 0
  ticket.auth_time, ticket.auth_age = env.now - o.age, o.age
  ticket.server_name = "shop.example"
  ticket.app_data = made and made.app_data or "an envelope"
  ticket.data = made and made.cbor and { ["$cbor"] = made.cbor } or nil
end

local function title(version, status, o)
  local words = { "TLS " .. version, status }
  if o.cert then words[#words + 1] = "client certificate" end
  if o.name ~= "shop.example" then
    words[#words + 1] = o.name and "at " .. o.name or "no server name"
  end
  if o.bare then words[#words + 1] = "no envelope" end
  if o.early then words[#words + 1] = "early data" end
  if o.age > DAY then words[#words + 1] = "30 days old" end
  return table.concat(words, ", ")
end

local function decrypt_sample(version, status, o, made, env)
  local sample = {
    name = title(version, status, o),
    doc = { conn = conn(version, o.name), ticket = { status = status } },
  }
  local ticket = sample.doc.ticket
  sample.doc.conn.early_data = o.early or false
  if status == "empty" or status == "no_decrypt" then
    ticket.decrypted = false
    ticket.key_name = status == "empty" and "" or ("k"):rep(16)
  else
    sample.doc.ticket = session(o, version, env.now)
    ticket = sample.doc.ticket
    ticket.status = status
    if not o.bare then
      add_envelope(ticket, o, made, env)
    elseif made and made.kind == "string" then
      ticket.app_data = made.app_data
    end
  end
  return sample
end

-- Every combination of the options, as tables.
local function combinations(options)
  local list = { {} }
  for _, option in ipairs(options) do
    local more = {}
    for _, each in ipairs(list) do
      for i = 1, option.n do
        local one = copy(each)
        one[option.name] = option[i]
        more[#more + 1] = one
      end
    end
    list = more
  end
  return list
end

local SESSIONS = combinations {
  { name = "name", n = 3, "shop.example", "admin.example", nil },
  { name = "cert", n = 2, false, true },
  { name = "bare", n = 2, false, true },
  { name = "early", n = 2, false, true },
  { name = "age", n = 2, 600, 30 * DAY },
}
local VISITS = combinations {
  { name = "name", n = 2, "shop.example", nil },
  { name = "cert", n = 2, false, true },
  { name = "age", n = 1, 600 },
}

-- For decrypt. `mades` are what generate returned; `full` samples, the first of
-- their kind, are those to leave facts out of.
local function for_decrypt(mades, env)
  local list = {}
  local function add(version, status, o, made, full)
    local sample = decrypt_sample(version, status, o, made, env)
    sample.full = full
    list[#list + 1] = sample
  end
  for _, version in ipairs { "1.3", "1.2" } do
    for _, status in ipairs(STATUSES) do
      local is_session = status:find("^success") ~= nil
      for i, o in ipairs(is_session and SESSIONS or VISITS) do
        if not (o.early and version == "1.2") then
          add(version, status, o, mades[1],
            is_session and not o.bare and o.name and o.cert or i == 1)
        end
      end
    end
    for i = 2, #mades do
      for _, o in ipairs(SESSIONS) do
        if not o.early then add(version, "success_renew", o, mades[i]) end
      end
    end
  end
  return list
end

local function generate_sample(version, o, env)
  local sample = {
    doc = { conn = conn(version, o.name), ticket = {} }, full = o.full,
  }
  local c, ticket = sample.doc.conn, sample.doc.ticket
  c.cipher = version == "1.3" and "TLS_AES_256_GCM_SHA384"
    or "ECDHE-ECDSA-AES256-GCM-SHA384"
  c.group, c.alpn, c.resumed = "x25519", "h2", o.resumed
  c.alpn_offered, c.hello.extensions = nil, nil
  c.client_cert = o.cert and certificate(env.now) or nil
  ticket.index, ticket.timeout = o.index, 7200
  ticket.id, ticket.auth_time = "ffeeddccbbaa9988", env.now - o.age
  ticket.renewals = 0
  if o.resumed then
    c.hello.signatures, c.num_tickets = nil, 1
    ticket.renewals = 1
    ticket.previous = session(o, version, env.now)
    ticket.previous.status = version == "1.3" and "success_renew" or "success"
    if not o.bare then add_envelope(ticket.previous, o, o.made, env) end
  end
  sample.name = title(version, o.resumed and "resumed" or "full handshake", o)
  -- Of a ticket that has not all it could have.
  sample.partial = o.resumed and o.bare
  if o.index > 1 then sample.name = sample.name .. ", second ticket" end
  return sample
end

-- For generate; with `made`, tickets that come after one that was so made.
local function for_generate(made, env)
  local list = {}
  for _, version in ipairs { "1.3", "1.2" } do
    for _, name in ipairs { "shop.example", "admin.example", false } do
      for _, cert in ipairs { false, true } do
        local o = {
          name = name or nil, cert = cert, age = 0, index = 1,
          full = cert and name ~= false,
        }
        if made then
          o.resumed, o.made, o.age = true, made, 600
          list[#list + 1] = generate_sample(version, o, env)
          o.bare = true
        end
        list[#list + 1] = generate_sample(version, o, env)
        if version == "1.3" and not made then
          o.index = 2
          list[#list + 1] = generate_sample(version, o, env)
        end
      end
    end
  end
  return list
end

-- Facts that may be missing, with those that go along with them.
local MAY_MISS = {
  ["conn.server_name"] = {}, ["conn.group"] = {}, ["conn.alpn"] = {},
  ["conn.alpn_offered"] = {}, ["conn.peer_address"] = { "conn.peer_port" },
  ["conn.peer_port"] = { "conn.peer_address" },
  ["conn.local_address"] = { "conn.local_port" },
  ["conn.local_port"] = { "conn.local_address" },
  ["conn.client_cert"] = {},
  ["ticket.data"] = {}, ["ticket.auth_time"] = { "ticket.auth_age" },
  ["ticket.auth_age"] = { "ticket.auth_time" }, ["ticket.server_name"] = {},
  ["ticket.alpn"] = {}, ["ticket.client_cert"] = {}, ["ticket.policy"] = {},
  ["ticket.previous"] = {},
  ["ticket.previous.data"] = {},
  ["ticket.previous.auth_time"] = { "ticket.previous.auth_age" },
  ["ticket.previous.auth_age"] = { "ticket.previous.auth_time" },
  ["ticket.previous.server_name"] = {}, ["ticket.previous.alpn"] = {},
  ["ticket.previous.client_cert"] = {}, ["ticket.previous.policy"] = {},
}

local function lookup(doc, path)
  for name in path:gmatch("[^.]+") do
    if type(doc) ~= "table" then return nil end
    doc = doc[name]
  end
  return doc
end

local function remove(doc, path)
  local holder, name = path:match("^(.*)%.([^.]+)$")
  holder = lookup(doc, holder)
  if holder then holder[name] = nil end
end

-- The sample without one fact; nil if that can't be missing, or already is.
local function without(sample, path)
  local others = MAY_MISS[path]
  if not others or lookup(sample.doc, path) == nil then return nil end
  local doc = copy(sample.doc)
  remove(doc, path)
  for _, other in ipairs(others) do remove(doc, other) end
  return {
    name = sample.name .. ", without " .. path, doc = doc,
    partial = sample.partial or path:find("^ticket%.previous%.") ~= nil,
  }
end

-- The sample with these variables of the host's.
local function with_vars(sample, names, value)
  local doc = copy(sample.doc)
  for _, name in ipairs(names) do doc.conn.vars[name] = value end
  return { name = sample.name .. ', vars "' .. value .. '"', doc = doc }
end

return {
  for_decrypt = for_decrypt, for_generate = for_generate, without = without,
  with_vars = with_vars, lookup = lookup,
}
