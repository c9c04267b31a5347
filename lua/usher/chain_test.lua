-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test chain_test.lua

local function chain(list)
  return usher.policy { text = [[
    -- What it decides, and what it saw.
    local function part(name, verdict, more)
      local policy = {
        name = name,
        generate = function(conn, ticket)
          local before = ticket.previous and ticket.previous.data
          return { n = (before and before.n or 0) + 1 }
        end,
        decrypt = function(conn, ticket)
          local data = ticket.data
          return verdict, data and name .. data.n
        end,
      }
      for key, value in pairs(more or {}) do policy[key] = value end
      return policy
    end
    return require "usher.chain" { name = "c", ]] .. list .. "}" }
end

-- Of policies that give these verdicts, in this order.
local function asked(...)
  local list = {}
  for i, verdict in ipairs { ... } do
    list[i] = ("part('%s', '%s'),"):format(("abc"):sub(i, i), verdict)
  end
  local policy = chain(table.concat(list))
  return policy:present(policy:issue())
end

local function same(want, ...)
  assert.same(want, { (select(1, ...)), (select(2, ...)) })
end

describe("usher.chain", function()
  it("leaves out no part that is beside the list", function()
    for _, key in ipairs { "0", "0.5", "-1" } do
      local ok, err = pcall(chain, "part('a'), [" .. key .. "] = part('b')")
      assert.is_false(ok)
      assert.matches("a list of policies, not '" .. key .. "'", err, 1, true)
    end
    assert.is_false((pcall(chain, "part('a'), nil, part('b')")))
  end)

  it("takes the first refusal, with its reason", function()
    same({ "ignore_renew", "b1" }, asked("default", "ignore_renew", "abort"))
    same({ "abort", "a1" }, asked("abort", "ignore"))
    same({ "ignore", "c1" }, asked("use_renew", "use", "ignore"))
  end)

  it("accepts if all do, and renews if one wants it", function()
    same({ "default", "a1; b1" }, asked("default", "default"))
    same({ "use", "a1; b1" }, asked("default", "use"))
    same({ "use_renew", "a1; b1; c1" }, asked("use", "use_renew", "use"))
  end)

  it("keeps data apart, over renewals too", function()
    local policy = chain("part('a'), part('b')")
    local first = policy:issue()
    assert.same({ a = { n = 1 }, b = { n = 1 } }, first.data)
    local second = policy:issue({}, first)
    assert.same({ a = { n = 2 }, b = { n = 2 } }, second.data)
    same({ "default", "a2; b2" }, policy:present(second))
  end)

  it("keeps what a part stored that adds nothing", function()
    local policy = chain [[part("a"), part("b", nil, {
      generate = function(conn, ticket)
        if not ticket.previous then return { n = 7 } end
      end })]]
    local ticket = policy:issue({}, policy:issue())
    assert.same({ a = { n = 2 }, b = { n = 7 } }, ticket.data)
  end)

  it("gives no part another's data", function()
    local policy = chain [[part("a", nil, { generate = function() end }),
      part("b", nil, { name = "b", decrypt = function(conn, ticket)
        return "default", tostring(ticket.data.a)
      end })]]
    same({ "default", "nil" }, policy:present(policy:issue()))
  end)

  it("ends the handshake where a part does", function()
    local policy = chain [[part("a"), part("b", nil, {
      generate = function() return false, "no" end })]]
    local ticket, reason = policy:issue()
    assert.is_nil(ticket)
    assert.equal("no", reason)
  end)

  it("passes on assignments, and errors", function()
    local policy = chain [[part("a", nil, {
      generate = function(conn, ticket) ticket.timeout = 60 end })]]
    assert.equal(60, policy:issue().timeout)
    policy = chain [[part("a", nil, {
      decrypt = function(conn, ticket) return ticket.dta end })]]
    local result = policy:run("decrypt")
    assert.matches("did you mean 'data'", result.error.message)
  end)

  it("takes no strings as data", function()
    local policy = chain [[part("a", nil, {
      generate = function() return "bytes" end })]]
    assert.matches("must return a table, nil or false, not a string",
      policy:run("generate").error.message)
  end)

  it("does not take another's data for its own", function()
    for _, value in ipairs { "7", "'n'", "true", "{ n = 'b' }" } do
      local other = usher.policy { text = [[return { name = "c",
        generate = function() return { b = ]] .. value .. " } end }" }
      local policy = chain "require 'usher.bind' { server_name = true }"
      local verdict = policy:present(other:issue(),
        { conn = { server_name = "a" } })
      assert.equal("ignore_renew", verdict)
    end
  end)

  it("runs the selftests of its parts", function()
    assert.has_error(function()
      chain [[part("a", nil, { selftest = function() error("boom") end })]]
    end)
    chain [[part("a", nil, { selftest = function() end })]]
  end)
end)
