-- SPDX-License-Identifier: MIT
--
-- Tests that fail in every way there is: run by tests/check_cli_test.sh, which
-- knows what is to be said about each.

describe("failing", function()
  it("by value", function() assert.equal("a", "b") end)
  it("in a function", function()
    local function check(value) assert.is_true(value) end
    check(false)
  end)
  it("by a loop", function() while true do end end)
  it("by a loop that catches", function()
    while true do pcall(function() while true do end end) end
  end)
  it("not after a loop", function() end)
  it("by a crash", function()
    local ffi = require "ffi"
    ffi.cast("volatile int *", 0)[0] = 1
  end)
  it("by an exit", function() os.exit(3) end)
  it("not after that", function() end)
  it("by a policy", function()
    usher.policy({ text = "return { decrypt = function(c) return c.x end }" })
      :decrypt()
  end)
  pending("not yet")
  it("not either", function() pending("later") end)
end)

describe("setup", function()
  setup(function() error("no way") end)
  it("fails for each", function() end)
end)
