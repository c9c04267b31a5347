-- SPDX-License-Identifier: MIT
--
-- What usher.chain and usher.by_name give to the policies inside them: a ticket
-- whose `data` is their own part of what the whole stored.

local options = require "usher.options"

-- What the library's policies have behind their fields; usher.Policy itself is
-- in lua/library/usher.lua.
---@class usher.Part: usher.Policy
---@field key? string what its data are kept under, if it has no name
---@field takes_data? boolean decrypt takes them as a third argument
---@field burns? boolean generate uses up what was accepted, before others fail

local part = {}

-- Globals and fields of libraries cost more to read.
local type, setmetatable = type, setmetatable

--- A function from a ticket to its view, which picks out of its data. Each call
--- has handles of its own; only the view of the latest is good, and for as long
--- as its handle is.
---@param pick fun(data: table): table? the policy's part of the data
---@return fun(ticket: userdata): table
function part.viewer(pick)
  local handle, view, previous, inner
  local meta = { __metatable = false }

  local function handle_of(asked)
    if asked == view then return handle end
    if asked == inner then return previous end
    error("expired: a ticket was used outside the call it was given to; keep "
      .. "its facts, not the handle", 3)
  end

  function meta.__index(asked, fact)
    local value = handle_of(asked)[fact]
    if fact == "data" then
      local mine = value and pick(value)
      return type(mine) == "table" and mine or nil
    end
    if fact == "previous" and value then
      if previous ~= value then
        previous, inner = value, setmetatable({}, meta)
      end
      return inner
    end
    return value
  end

  function meta.__newindex(asked, fact, value)
    handle_of(asked)[fact] = value
  end

  function meta.__tostring(asked)
    return asked == inner and "ticket.previous" or "ticket"
  end

  return function(ticket)
    if handle ~= ticket then
      handle, view = ticket, setmetatable({}, meta)
    end
    return view
  end
end

--- A policy's decrypt, for what may be its part of the data. Those of the
--- library take that as a third argument (false: nothing) and don't look at
--- ticket.data; others get a view of the ticket. nil if there is none.
---@param policy usher.Part
---@param view fun(ticket: userdata): table
---@return fun(conn: userdata, ticket: userdata, mine: any)?
function part.decrypt(policy, view)
  local decrypt = policy.decrypt
  if not decrypt then return nil end
  if policy.takes_data then
    return function(conn, ticket, mine)
      return decrypt(conn, ticket, type(mine) == "table" and mine or false)
    end
  end
  return function(conn, ticket) return decrypt(conn, view(ticket)) end
end

--- What a policy's generate adds to the new ticket. Where it adds nothing, what
--- it stored in the ticket that the handshake resumed with goes on. Two values
--- as generate returns them, the first of them a table, nil or false.
---@param policy usher.Policy
---@param conn userdata
---@param view table
---@return table|false|nil
---@return string?
function part.generate(policy, conn, view)
  if not policy.generate then return nil end
  local data, reason = policy.generate(conn, view)
  if data == false or type(data) == "table" then return data, reason end
  if data ~= nil then
    error("a generate within a policy of several must return a table, nil or "
      .. "false, not a " .. type(data), 0)
  end
  local previous = view.previous
  return previous and previous.data
end

local fields = { "name", "api", "generate", "decrypt", "selftest" }

local function check_field(module, what, name, value)
  for _, field in ipairs(fields) do
    if name == field then
      if field ~= "name" and field ~= "api" and type(value) ~= "function" then
        error(module .. ": '" .. name .. "' of " .. what
          .. " must be a function, not a " .. type(value), 5)
      end
      return
    end
  end
  local near = type(name) == "string" and options.near(name, fields)
  error(module .. ": " .. what .. " has an unknown field '" .. tostring(name)
    .. "'" .. (near and "; did you mean '" .. near .. "'?" or ""), 5)
end

--- Raises an error unless it is a policy's table. The line it names is two
--- calls further up than the function that calls this one.
---@param module string
---@param what string
---@param policy any
function part.check(module, what, policy)
  if type(policy) ~= "table" then
    error(module .. ": " .. what .. " must be a policy, a table with its "
      .. "functions generate and decrypt, not a " .. type(policy), 4)
  end
  for name, value in pairs(policy) do
    check_field(module, what, name, value)
  end
  if not policy.generate and not policy.decrypt then
    error(module .. ": " .. what .. " has neither generate nor decrypt", 4)
  end
end

--- Does one of them use tickets up in generate?
---@param policies usher.Part[]
---@return boolean?
function part.burns(policies)
  for _, policy in ipairs(policies) do
    if policy.burns then return true end
  end
end

--- One selftest of those that the policies have, or nil.
---@param policies usher.Policy[]
---@return fun()?
function part.selftest(policies)
  local tests = {}
  for _, policy in ipairs(policies) do
    if policy.selftest then tests[#tests + 1] = policy.selftest end
  end
  if #tests == 0 then return nil end
  return function()
    for _, test in ipairs(tests) do test() end
  end
end

return part
