-- SPDX-License-Identifier: MIT
--
-- Full handshakes are dear, and a network can ask for many. A policy can't
-- refuse them, but it can make them cheaper: above the rate, what can resume
-- does so without a new ticket, and what can't gets none either.

local usher = require "usher"
local ip = require "usher.ip"
local store = require "usher.store"
local options = require "usher.options"

---@class usher.limit.Options
---@field name? string the policy's name
---@field rate number full handshakes a second, of one network
---@field burst? number that may come at once; ten seconds' worth if missing
---@field network? boolean|{v4?: integer, v6?: integer} how large a network is
---@field over? "cheap"|"end" what a full handshake above the rate gets

local kinds = {
  name = "string",
  rate = "number",
  burst = "number",
  network = "boolean|table",
  over = "string",
}

-- Whether this handshake has been counted: "1", or "2" if above the rate.
local COUNTED = "usher.limit"

-- Seconds; a bucket begins anew after that, a full one sooner.
local TTL = 3600

-- The bucket is kept as one number, the time in milliseconds at which it will
-- be full again; each token puts that off by what it takes to get it back. So
-- one atomic addition takes a token, from now on where that is past.
local function bucket_of(given, v4, v6)
  local token = math.ceil(1000 / given.rate)
  local room = token * (given.burst or math.max(10 * given.rate, 1))
  local ttl = math.max(2 * room / 1000, TTL)
  local bucket = {}

  local function key(conn)
    local peer = conn.peer_address
    return "usher.limit:" .. (peer and ip.prefix(peer, v4, v6) or "")
  end

  -- True if there was none. A store that does not answer is busy, which is
  -- what a flood looks like.
  function bucket.take(conn)
    local now = usher.now() * 1000
    local name = key(conn)
    local full = store.incr(name, token, ttl, now)
    if not full then return true end
    if full - now <= room then return false end
    store.incr(name, -token, ttl)
    return true
  end

  -- The same without taking one.
  function bucket.is_empty(conn)
    local full, why = store.get(key(conn))
    if not full then return why ~= nil end
    return full + token - usher.now() * 1000 > room
  end

  return bucket
end

local function decrypt_of(bucket)
  return function(conn, ticket)
    if ticket.decrypted then
      if bucket.is_empty(conn) then return "use", "above the rate" end
      return "default"
    end
    local counted = conn.vars[COUNTED]
    if not counted then
      counted = bucket.take(conn) and "2" or "1"
      conn.vars[COUNTED] = counted
    end
    if counted == "2" then return "ignore", "above the rate" end
    return "default"
  end
end

-- A first visit in TLS 1.3 comes here only.
local function generate_of(bucket, ends)
  return function(conn, ticket)
    if conn.resumed or ticket.index > 1 or conn.vars[COUNTED] then return end
    if not bucket.take(conn) then return end
    if ends then return false, "above the rate" end
    conn.num_tickets = 1
  end
end

--- A part of usher.chain, or a policy.
---@param given usher.limit.Options
---@return usher.Policy
local function limit(given)
  options.check("usher.limit", given, kinds)
  if not given.rate or given.rate == 0 then
    error("usher.limit needs a rate: full handshakes a second, as rate = 10",
      2)
  end
  if given.over and given.over ~= "cheap" and given.over ~= "end" then
    error("usher.limit: option 'over' must be 'cheap' or 'end', not '"
      .. given.over .. "'", 2)
  end
  local bucket = bucket_of(given, options.network("usher.limit", given))
  return setmetatable({
    name = given.name,
    decrypt = decrypt_of(bucket),
    generate = generate_of(bucket, given.over == "end"),
  }, { __index = { key = "m", takes_data = true } })
end

return limit
