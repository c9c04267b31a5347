-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test demo_test.lua

describe("demo", function()
  local server = usher.server(usher.policy("demo.lua"))

  it("does what ./bootstrap demo shows", function()
    local shop = server:visit { name = "shop.example" }
    assert.is_true(
      server:visit({ name = "shop.example", ticket = shop.ticket }).resumed)
    local admin = server:visit { name = "admin.example", ticket = shop.ticket }
    assert.is_false(admin.resumed)
    assert.equal("other virtual host", admin.reason)
    usher.clock.advance(2)
    local late = server:visit {
      name = "shop.example", ticket = shop.ticket,
      vars = { max_auth_age = "1" },
    }
    assert.is_false(late.resumed)
    assert.equal("signed in too long ago", late.reason)
  end)
end)
