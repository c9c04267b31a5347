-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test once_test.lua
--
-- A HelloRetryRequest, several tickets in one ClientHello and connections that
-- run at the same time are in tests/check_once.c.

local USED = "used before, or forgotten"

local function once(options)
  return usher.policy {
    text = "return require 'usher.once' {" .. (options or "") .. "}",
  }
end

for _, tls in ipairs { "1.2", "1.3" } do
  for _, burn in ipairs { "decrypt", "generate" } do
    describe("usher.once, burn = " .. burn .. ", TLS " .. tls, function()
      local policy, server

      before_each(function()
        policy = once("burn = '" .. burn .. "'")
        server = usher.server(policy, { tls = tls, early_data = 1024 })
      end)

      it("lets a ticket in once", function()
        local visit = server:visit()
        for _ = 1, 3 do
          local ticket = visit.ticket
          visit = server:visit { ticket = ticket }
          assert.is_true(visit.resumed)
          assert.equal(1, visit.tickets)
          local again = server:visit { ticket = ticket }
          assert.is_false(again.resumed)
          assert.is_true(again.completed)
          assert.equal(USED, again.reason)
        end
      end)

      it("counts each ticket of a handshake by itself", function()
        local visit = server:visit()
        for _, ticket in ipairs(visit.all_tickets) do
          assert.is_true(server:visit({ ticket = ticket }).resumed)
          assert.is_false(server:visit({ ticket = ticket }).resumed)
        end
      end)

      it("refuses what the store does not know", function()
        local keys = usher.keys()
        local here = usher.server(policy, { tls = tls, keys = keys })
        local there = usher.server(once(), { tls = tls, keys = keys })
        local bare = usher.server(usher.policy { text = "return {}" },
          { tls = tls, keys = keys })
        local ticket = here:visit().ticket
        assert.equal(USED, there:visit({ ticket = ticket }).reason)
        assert.is_true(here:visit({ ticket = ticket }).resumed)
        assert.equal("not one of ours",
          here:visit({ ticket = bare:visit().ticket }).reason)
      end)

      it("forgets in nobody's favour when the store is full", function()
        local small = usher.policy { text = [[
          local once = require "usher.once" { burn = "]] .. burn .. [[" }
          local store = require "usher.store"
          return {
            name = "small",
            generate = function(conn, ticket)
              once.generate(conn, ticket)
              if conn.vars.flood then
                for i = 1, 1000 do
                  store.set(conn.vars.flood .. i, ("x"):rep(100))
                end
              end
            end,
            decrypt = once.decrypt,
          }]], instruction_limit = 10000000, cpu_time_limit = 10000000 }
        local full = usher.server(small, { tls = tls })
        local used, unused = full:visit().ticket, full:visit().ticket
        assert.is_true(full:visit({ ticket = used }).resumed)
        for i = 1, 20 do
          full:visit { vars = { flood = ("%d."):format(i) } }
        end
        assert.is_false(full:visit({ ticket = used }).resumed)
        local visit = full:visit { ticket = unused }
        assert.is_false(visit.resumed)
        assert.equal(USED, visit.reason)
      end)

      it("keeps an id for as long as the ticket", function()
        local short = usher.server(once(), { tls = tls, timeout = 100 })
        local ticket = short:visit().ticket
        usher.clock.advance(99)
        assert.is_true(short:visit({ ticket = ticket }).resumed)
      end)

      if tls == "1.3" then
        it("says no to early data that were recorded", function()
          local ticket = server:visit().ticket
          local ask = { ticket = ticket, early_data = "pay 100" }
          local first, second = server:visit(ask), server:visit(ask)
          assert.is_true(first.resumed)
          assert.equal(burn == "decrypt" and "accepted" or "rejected",
            first.early_data)
          assert.equal("rejected", second.early_data)
          assert.is_false(second.resumed)
          -- The renewed ticket can have them.
          ask.ticket = first.ticket
          assert.is_true(server:visit(ask).resumed)
        end)
      end

      it("uses nothing up where it is no ticket", function()
        local ticket = server:visit().ticket
        assert.is_false(server:visit({ ticket = ticket:altered() }).resumed)
        assert.is_true(server:visit({ ticket = ticket }).resumed)
      end)
    end)
  end
end

describe("usher.once", function()
  it("stores nothing in the ticket", function()
    local kind = once():generate {
      ticket = { id = "0123456789abcdef", timeout = 10 },
    }
    assert.equal("keep", kind)
  end)

  it("refuses as it is told", function()
    assert.equal("ignore", (once("refuse = 'ignore'"):decrypt {
      ticket = { status = "success", id = "0123456789abcdef" },
    }))
  end)

  it("burns before the others' generates can fail", function()
    local fails = "{ name = 'f', generate = function(conn)"
      .. " if conn.resumed then error 'no' end return {} end }"
    for _, parts in ipairs {
      "FAILS, ONCE", "ONCE, FAILS", "FAILS, chain { name = 'c', ONCE }",
      "FAILS, require 'usher.by_name' { default = ONCE }",
    } do
      local server = usher.server(usher.policy { text =
        "local chain = require 'usher.chain' return chain { name = 'all', "
        .. parts:gsub("FAILS", fails):gsub("ONCE",
          "require 'usher.once' { burn = 'generate' }") .. "}"
      }, { tls = "1.3" })
      local visit = { ticket = server:visit().ticket, errors = true }
      assert.is_true(server:visit(visit).resumed)
      assert.is_false(server:visit(visit).resumed)
    end
  end)

  it("burns at once where no new ticket will be made", function()
    local policy, keys = once "burn = 'generate'", usher.keys()
    local server = usher.server(policy, { tls = "1.3", keys = keys })
    local none = usher.server(policy,
      { tls = "1.3", keys = keys, num_tickets = 0 })
    local ticket = server:visit().ticket
    assert.is_true(none:visit({ ticket = ticket }).resumed)
    assert.is_false(none:visit({ ticket = ticket }).resumed)
    assert.is_false(server:visit({ ticket = ticket }).resumed)
  end)
end)
