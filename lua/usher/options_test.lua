-- SPDX-License-Identifier: MIT
--
-- Run it:  usher test options_test.lua

-- The error of a wrong use in line 2.
local function wrong(use)
  local ok, err = pcall(usher.policy, {
    name = "policy.lua",
    text = "local usher = require 'usher'\nlocal policy = " .. use
      .. "\nreturn policy\n",
  })
  assert.is_false(ok)
  return err
end

describe("options", function()
  for use, says in pairs {
    ["usher.bind { sni = true }"] =
      "usher.bind has no option 'sni'; did you mean 'server_name'?",
    ["usher.bind { servername = true }"] =
      "usher.bind has no option 'servername'; did you mean 'server_name'?",
    ["usher.bind { colour = 1 }"] =
      "usher.bind has no option 'colour'; its options are alpn, client_cert,",
    ["usher.bind { true }"] = "usher.bind: options have names",
    ["usher.age { auth_age = '1' }"] =
      "usher.age: option 'auth_age' must be a number, 0 or more, not '1'",
    ["usher.age { auth_age = 0/0 }"] = "a number, 0 or more",
    ["usher.once { burn = 'later' }"] =
      "usher.once: option 'burn' must be 'decrypt' or 'generate', not 'later'",
    ["usher.once { brn = 'decrypt' }"] = "did you mean 'burn'?",
    ["usher.limit {}"] = "usher.limit needs a rate",
    ["usher.limit { rate = 1, over = 'x' }"] = "must be 'cheap' or 'end'",
    ["usher.limit { rate = 1, network = { v5 = 1 } }"] =
      "has 'v4' and 'v6', not 'v5'",
    ["usher.revoke { serials = {} }"] = "a file's name, a list of strings",
    ["usher.standard.with { auth_ag = 1 }"] = "did you mean 'auth_age'?",
    ["usher.chain { usher.age { age = 1 }, 7 }"] = "part 2 must be a policy",
    ["usher.by_name { [1] = usher.age { age = 1 } }"] =
      "by server names, not by a number",
  } do
    it("tells what is wrong with " .. use, function()
      local err = wrong(use)
      assert.matches("policy.lua:2: ", err, 1, true)
      assert.matches(says, err, 1, true)
    end)
  end
end)
