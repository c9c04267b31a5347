-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test age_test.lua

local function age(options)
  return usher.policy { text = "return require 'usher.age' {" .. options .. "}" }
end

-- The reason for which such a ticket is refused; nil: it is accepted.
local function refused(options, ticket)
  ticket.status = "success_renew"
  local verdict, reason = age(options):decrypt { ticket = ticket }
  assert.equal(reason and "ignore_renew" or "default", verdict)
  return reason
end

describe("usher.age", function()
  it("caps what is given, and nothing else", function()
    assert.equal("signed in too long ago",
      refused("auth_age = 60", { auth_age = 61 }))
    assert.is_nil(refused("auth_age = 60",
      { auth_age = 60, age = 99, renewals = 99 }))
    assert.equal("ticket too old", refused("age = 60", { age = 61 }))
    assert.is_nil(refused("age = 60", { age = 60 }))
    assert.equal("renewed too often",
      refused("renewals = 2", { renewals = 3 }))
    assert.is_nil(refused("renewals = 2", { renewals = 2 }))
    assert.is_nil(refused("timeout = 60", {}))
  end)

  it("takes what is not known for too much", function()
    assert.equal("signed in too long ago", refused("auth_age = 1e9", {}))
    assert.equal("renewed too often", refused("renewals = 1e9", {}))
    assert.equal("ticket too old", refused("age = 1e9", {}))
  end)

  it("leaves what can't be decrypted to OpenSSL", function()
    assert.equal("default", (age("auth_age = 1"):decrypt()))
  end)

  it("refuses as it is told", function()
    local policy = age("auth_age = 60, refuse = 'abort'")
    assert.equal("abort",
      (policy:decrypt { ticket = { status = "success" } }))
  end)

  for _, tls in ipairs { "1.2", "1.3" } do
    describe("with TLS " .. tls, function()
      local function keep_on(options, pause)
        local server = usher.server(age(options), { tls = tls, timeout = 1e6 })
        local visit = server:visit()
        local n = 0
        repeat
          usher.clock.advance(pause)
          visit = server:visit { ticket = visit.ticket }
          n = n + 1
        until not visit.resumed or n == 20
        return n
      end

      it("ends a session that is renewed for ever", function()
        assert.equal(11, keep_on("auth_age = 1000", 100))
        assert.equal(20, keep_on("auth_age = 2000", 100))
      end)

      it("counts renewals", function()
        -- In TLS 1.2 a ticket is used again and again.
        assert.equal(tls == "1.3" and 4 or 20, keep_on("renewals = 2", 1))
      end)

      it("gives tickets a lifetime", function()
        local server = usher.server(age("timeout = 600"), { tls = tls })
        assert.equal(600, server:visit().ticket:lifetime())
      end)
    end)
  end
end)
