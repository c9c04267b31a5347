-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test by_name_test.lua

local function by_name(list)
  return usher.policy { text = [[
    local function say(what)
      return {
        generate = function() return { what = what } end,
        decrypt = function(conn, ticket)
          return "default", what .. " " .. ticket.data.what
        end,
      }
    end
    local silent = { decrypt = function() return "default", "silent" end }
    return require "usher.by_name" { name = "names", silent = silent,
      ]] .. list .. "}" }
end

-- Issued under one name, offered under another.
local function offer(policy, from, to)
  local ticket = policy:issue { conn = { server_name = from } }
  local verdict, reason =
    policy:present(ticket, { conn = { server_name = to } })
  return verdict == "default" and reason or verdict
end

describe("usher.by_name", function()
  local policy = by_name [[
    ["a.example"] = say "exact",
    ["*.example"] = say "star",
    ["*.b.example"] = say "longer",
    default = say "default",
  ]]

  it("finds the name, then the longest star, then the default", function()
    for name, what in pairs {
      ["a.example"] = "exact", ["x.a.example"] = "star",
      ["b.example"] = "star", ["x.b.example"] = "longer",
      ["y.x.b.example"] = "longer", ["example"] = "default",
      ["a.example."] = "exact", ["A.Example"] = "exact",
      ["X.A.EXAMPLE."] = "star", ["aexample"] = "default",
    } do
      assert.equal(what .. " " .. what, offer(policy, name, name))
    end
    assert.equal("default default", offer(policy, nil, nil))
    assert.equal("silent", offer(policy, "silent", "silent"))
  end)

  it("takes no ticket made under another entry", function()
    local names = { "a.example", "c.example", "x.b.example", "elsewhere",
      "silent" }
    for _, from in ipairs(names) do
      for _, to in ipairs(names) do
        if from ~= to then
          assert.equal("ignore_renew", offer(policy, from, to))
        end
      end
    end
  end)

  it("has a host for each name, even one called default", function()
    -- The word is no star: a client that asks for it gets its policy.
    assert.equal("default default", offer(policy, "default", nil))
  end)

  it("takes no name that clients' could never be", function()
    for key, says in pairs {
      ["A.example"] = "write 'a.example'", ["a.example."] = "write 'a.example'",
      ["*.B.example."] = "write '*.b.example'",
      ["a.example:443"] = "'a.example:443' is no host's name",
      ["a..example"] = "is no host's name", [" a.example"] = "write 'a.example'",
      ["::1"] = "is no host's name", [""] = "is no host's name",
    } do
      local ok, err = pcall(by_name, "[" .. ("%q"):format(key)
        .. "] = say 'x'")
      assert.is_false(ok)
      assert.matches(says, err, 1, true)
    end
  end)

  it("takes no ticket where there is no policy", function()
    local none = by_name ""
    assert.equal("ignore_renew", offer(none, "a.example", "a.example"))
    assert.equal("ignore_renew", offer(none, nil, nil))
  end)

  it("is quick with names of many dots", function()
    local name = ("a."):rep(126) .. "a"
    local ticket = policy:issue { conn = { server_name = name } }
    local _, _, result =
      policy:present(ticket, { conn = { server_name = name } })
    assert.is_true(result.instructions < 5000)
  end)

  for _, tls in ipairs { "1.2", "1.3" } do
    it("keeps hosts apart, TLS " .. tls, function()
      local server = usher.server(usher.policy { text = [[
        local usher = require "usher"
        return usher.by_name {
          name = "hosts",
          ["admin.example"] = usher.age { auth_age = 60 },
          ["*.example"] = usher.standard,
        }]] }, { tls = tls })
      local function visit(name, ticket)
        return server:visit { name = name, ticket = ticket }
      end
      local shop, admin = visit "shop.example", visit "admin.example"
      assert.is_false(visit("admin.example", shop.ticket).resumed)
      assert.is_false(visit("shop.example", admin.ticket).resumed)
      assert.is_false(visit("blog.example", shop.ticket).resumed)
      assert.is_true(visit("shop.example", shop.ticket).resumed)
      assert.is_true(visit("admin.example", admin.ticket).resumed)
      usher.clock.advance(61)
      assert.is_true(visit("shop.example", shop.ticket).resumed)
      assert.is_false(visit("admin.example", admin.ticket).resumed)
    end)
  end
end)
