-- SPDX-License-Identifier: MIT
--
-- One policy made of several. Every ticket is asked about at each of them in
-- turn; the first that refuses it has decided, with its reason. What they store
-- goes into one table, so each needs keys of its own in it.

---@alias usher.Verdict
---| "default" | "use" | "use_renew" | "ignore" | "ignore_renew" | "abort"

---@class usher.Policy
---@field generate? fun(conn: userdata, ticket: userdata): any, string?
---@field decrypt? fun(conn: userdata, ticket: userdata): usher.Verdict?, string?
---@field selftest? fun()

local refuses = { ignore = true, ignore_renew = true, abort = true }

-- The functions of that name, in order.
local function collect(policies, name)
  local list = {}
  for i = 1, #policies do
    list[#list + 1] = policies[i][name]
  end
  return list
end

local function merge(into, from)
  for key, value in pairs(from) do
    if into[key] ~= nil then
      error("usher.chain: two policies store '" .. tostring(key) .. "'", 0)
    end
    into[key] = value
  end
end

local function decrypt_of(functions)
  return function(conn, ticket)
    local accepted, why
    for i = 1, #functions do
      local verdict, reason = functions[i](conn, ticket)
      if refuses[verdict] then return verdict, reason end
      if verdict ~= "default" and not accepted then
        accepted, why = verdict, reason
      end
    end
    return accepted or "default", why
  end
end

local function generate_of(functions)
  return function(conn, ticket)
    local data
    for i = 1, #functions do
      local part, reason = functions[i](conn, ticket)
      if part == false then return false, reason end
      if part ~= nil then
        if type(part) ~= "table" then
          error("usher.chain: a policy's generate returned a " .. type(part)
            .. "; in a chain it has to be a table, nil or false", 0)
        end
        data = data or {}
        merge(data, part)
      end
    end
    return data
  end
end

--- A policy that asks others, in order.
---@param policies usher.Policy[]
---@return usher.Policy
local function chain(policies)
  local decrypt = collect(policies, "decrypt")
  local generate = collect(policies, "generate")
  local selftest = collect(policies, "selftest")
  return {
    decrypt = #decrypt > 0 and decrypt_of(decrypt) or nil,
    generate = #generate > 0 and generate_of(generate) or nil,
    selftest = #selftest > 0 and function()
      for i = 1, #selftest do selftest[i]() end
    end or nil,
  }
end

return chain
