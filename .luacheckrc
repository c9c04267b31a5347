-- SPDX-License-Identifier: MIT
--
-- The sandbox's globals for lua/ and examples/; what the program's own scripts
-- have is LuaJIT's whole library.

local config = dofile "lua/library/usher.luacheckrc"

config.files["src/cli/*.lua"] = { std = "luajit" }
config.files["lua/library"] = {
  std = "luajit", globals = { "usher" }, ignore = { "211", "241" },
}
config.files["tests/cli/failing.lua"] = { std = "luajit+usher_test" }

return config
