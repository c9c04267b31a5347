-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test max_age_test.lua

local DAY = 24 * 60 * 60

describe("max_age", function()
  local policy = usher.policy("max_age.lua")

  it("takes a ticket without a time for too old", function()
    local verdict, reason = policy:decrypt { ticket = { decrypted = true } }
    assert.equal("ignore_renew", verdict)
    assert.equal("signed in too long ago", reason)
  end)

  it("leaves tickets that can't be decrypted to OpenSSL", function()
    assert.equal("default", (policy:decrypt()))
  end)

  it("counts from the full handshake, through every renewal", function()
    local ticket = policy:issue()
    for _ = 1, 3 do
      usher.clock.advance(DAY / 4)
      assert.equal("default", (policy:present(ticket)))
      ticket = policy:issue({}, ticket)
    end
    usher.clock.advance(DAY / 4)
    assert.equal("default", (policy:present(ticket)))
    usher.clock.advance(1)
    assert.equal("ignore_renew", (policy:present(ticket)))
  end)

  it("takes a limit of the host's", function()
    local ticket = policy:issue()
    usher.clock.advance(60)
    local function ask(limit)
      return (policy:present(ticket,
        { conn = { vars = { max_auth_age = limit } } }))
    end
    assert.equal("default", ask("60"))
    assert.equal("ignore_renew", ask("59"))
    assert.equal("default", ask("no number"))
  end)

  for _, tls in ipairs { "1.2", "1.3" } do
    it("ends a session that was renewed all day, TLS " .. tls, function()
      local server = usher.server(policy, { tls = tls, timeout = DAY })
      local visit = server:visit()
      for _ = 1, 6 do
        usher.clock.advance(DAY / 8)
        visit = server:visit { ticket = visit.ticket }
        assert.is_true(visit.resumed)
      end
      usher.clock.advance(DAY / 4 + 1)
      visit = server:visit { ticket = visit.ticket }
      assert.is_false(visit.resumed)
      assert.is_true(visit.completed)
    end)
  end
end)
