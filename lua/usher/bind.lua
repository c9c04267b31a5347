-- SPDX-License-Identifier: MIT
--
-- What a ticket is bound to, declared once; both callbacks come from it. What
-- was seen when the ticket was made is stored in it under one letter each, with
-- false for what was not there: a ticket from before the declaration lacks the
-- letter, and so never fits. What can't be read now fits nothing, not even that.

local usher = require "usher"
local ip = require "usher.ip"
local options = require "usher.options"

-- Globals and fields of libraries cost more to read.
local concat, sha256 = table.concat, usher.sha256

---@class usher.bind.Options
---@field name? string the policy's name
---@field server_name? boolean the name the client asked for
---@field alpn? boolean|string[] the application protocol agreed on
---@field client_cert? boolean|"required" the certificate that was shown
---@field local_address? boolean the address the client connected to
---@field local_port? boolean its port
---@field network? boolean|{v4?: integer, v6?: integer} the client's
---@field hello? boolean ciphers, groups, signature algorithms offered
---@field vars? string[] names of conn.vars
---@field epoch? string changes when old tickets are to end
---@field refuse? "ignore_renew"|"ignore"|"abort"

local kinds = {
  name = "string",
  server_name = "boolean",
  alpn = "boolean|strings",
  client_cert = "boolean|string",
  local_address = "boolean",
  local_port = "boolean",
  network = "boolean|table",
  hello = "boolean",
  vars = "strings",
  epoch = "string",
  refuse = "string",
}

-- Numbers that browsers vary from visit to visit (RFC 8701), and signals that
-- stand in the list of ciphers.
local function is_noise(code)
  return code % 0x0101 == 0 and code % 16 == 10
    or code == 0x00ff or code == 0x5600
end

local function codes(list)
  local kept, n = {}, 0
  for i = 1, #list do
    local code = list[i]
    if not is_noise(code) then
      n = n + 1
      kept[n] = code
    end
  end
  return concat(kept, ",")
end

-- Eight bytes over what the ClientHello offered; nil if it can't be read.
local function shape(conn)
  local hello = conn.hello
  if not hello or not hello.ciphers or not hello.groups
    or not hello.signatures then
    return nil
  end
  return sha256(codes(hello.ciphers) .. ";" .. codes(hello.groups) .. ";"
    .. codes(hello.signatures)):sub(1, 8)
end

-- Is the protocol still among those that the client offers? Which of them the
-- server takes now can't be known yet.
local function offers(stored, conn)
  local offered = conn.alpn_offered
  if not offered then return false end
  if not stored then return stored == false and not offered[1] end
  for i = 1, #offered do
    if offered[i] == stored then return true end
  end
  return false
end

-- The protocol that a server with this order of preference takes; nil if that
-- can't be known.
local function choose(order, conn)
  local offered = conn.alpn_offered
  if not offered then return nil end
  local among = {}
  for i = 1, #offered do among[offered[i]] = true end
  for i = 1, #order do
    if among[order[i]] then return order[i] end
  end
  return false
end

-- Each adds an item: what is stored (made), and whether it fits (same). `same`
-- must be false for nil.
local add = {}

function add.server_name(item)
  item.letter, item.reason = "n", "other virtual host"
  item.made = function(conn) return conn.server_name or false end
  item.same = function(stored, conn)
    return stored == (conn.server_name or false)
  end
end

function add.alpn(item, order)
  item.letter, item.reason = "a", "other application protocol"
  item.made = function(conn) return conn.alpn or false end
  item.same = offers
  if order ~= true then
    item.same = function(stored, conn)
      return stored ~= nil and stored == choose(order, conn)
    end
  end
end

-- There is no certificate of the connection yet when a ticket is offered. The
-- session's is what the application will see.
function add.client_cert(item, mode)
  item.letter, item.reason = "c", "other client certificate"
  item.made = function(conn)
    local cert = conn.client_cert
    if not cert then return false end
    return cert.sha256 and usher.unhex(cert.sha256)
  end
  item.same = function(stored, _, ticket)
    local cert = ticket.client_cert
    if not cert then return mode ~= "required" and stored == false end
    return type(stored) == "string" and usher.hex(stored) == cert.sha256
  end
end

function add.local_address(item)
  item.letter, item.reason = "l", "other local address"
  item.made = function(conn) return conn.local_address end
  item.same = function(stored, conn)
    return stored ~= nil and stored == conn.local_address
  end
end

function add.local_port(item)
  item.letter, item.reason = "p", "other local port"
  item.made = function(conn) return conn.local_port end
  item.same = function(stored, conn)
    return stored ~= nil and stored == conn.local_port
  end
end

function add.network(item, _, v4, v6)
  item.letter, item.reason = "w", "other network"
  item.made = function(conn)
    local peer = conn.peer_address
    return peer and ip.prefix(peer, v4, v6)
  end
  item.same = function(stored, conn)
    local peer = conn.peer_address
    return stored ~= nil and peer ~= nil
      and stored == ip.prefix(peer, v4, v6)
  end
end

-- After a resumption the signature algorithms can't be read any more; but
-- decrypt has just found that the ClientHello fits the ticket.
function add.hello(item)
  item.letter, item.reason = "h", "other ClientHello"
  item.made = function(conn, ticket)
    local previous = ticket.previous
    if not previous then return shape(conn) end
    local data = previous.data
    return data and data.h
  end
  item.same = function(stored, conn)
    return stored ~= nil and stored == shape(conn)
  end
end

function add.epoch(item, epoch)
  item.letter, item.reason = "e", "the rules have changed"
  item.made = function() return epoch end
  item.same = function(stored) return stored == epoch end
end

local function add_var(item, name)
  item.letter, item.reason = "$" .. name, "other " .. name
  item.made = function(conn) return conn.vars[name] or false end
  item.same = function(stored, conn)
    return stored == (conn.vars[name] or false)
  end
end

-- What costs least comes first.
local order = {
  "epoch", "server_name", "local_address", "local_port", "alpn", "network",
  "client_cert", "hello",
}

local function items_of(given, v4, v6)
  local items = {}
  for _, name in ipairs(order) do
    if given[name] then
      local item = {}
      add[name](item, given[name], v4, v6)
      items[#items + 1] = item
    end
  end
  for _, name in ipairs(given.vars or {}) do
    local item = {}
    add_var(item, name)
    items[#items + 1] = item
  end
  return items
end

local function generate_of(items)
  local letter, made = items[1].letter, items[1].made
  return function(conn, ticket)
    local data = { [letter] = made(conn, ticket) }
    for i = 2, #items do
      local item = items[i]
      data[item.letter] = item.made(conn, ticket)
    end
    return data
  end
end

local function decrypt_of(items, refuse)
  return function(conn, ticket, mine)
    if not ticket.decrypted then return "default" end
    local data = mine
    if data == nil then data = ticket.data end
    if not data then return refuse, "not one of ours" end
    for i = 1, #items do
      local item = items[i]
      if not item.same(data[item.letter], conn, ticket) then
        return refuse, item.reason
      end
    end
    return "default"
  end
end

-- What no connection can have, it would never be compared with.
local function check_lengths(option, list, most)
  for _, item in ipairs(type(list) == "table" and list or {}) do
    if item == "" or #item > most then
      error("usher.bind: option '" .. option .. "' takes strings of 1 to "
        .. most .. " bytes, not '" .. item .. "'", 3)
    end
  end
end

--- A policy, or a part of usher.chain: a ticket is good only where all that is
--- declared is as it was when the ticket was made.
---@param given usher.bind.Options
---@return usher.Policy
local function bind(given)
  options.check("usher.bind", given, kinds)
  local refuse = options.refusal("usher.bind", given)
  local v4, v6 = options.network("usher.bind", given)
  local mode = given.client_cert
  if type(mode) == "string" and mode ~= "required" then
    error("usher.bind: option 'client_cert' must be true or 'required', not '"
      .. mode .. "'", 2)
  end
  check_lengths("alpn", given.alpn, 255)
  check_lengths("vars", given.vars, 64)
  local items = items_of(given, v4, v6)
  if #items == 0 then
    error("usher.bind is told to bind to nothing; say server_name = true, or "
      .. "another of its options", 2)
  end
  return setmetatable({
    name = given.name,
    generate = generate_of(items),
    decrypt = decrypt_of(items, refuse),
  }, { __index = { key = "b", takes_data = true } })
end

return bind
