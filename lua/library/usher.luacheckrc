-- SPDX-License-Identifier: MIT
--
-- Exactly the globals of Usher's sandbox, and those of test files, for luacheck
-- (luacheck --config usher.luacheckrc). Made by "usher annotate luacheck" out of
-- src/sandbox/surface.c; "make annotations" writes it.

local usher = {
  read_globals = {
    "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall",
    "print", "rawequal", "rawget", "rawset", "require", "select",
    "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
    "_VERSION",
    string = {
      fields = {
        "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower",
        "match", "rep", "reverse", "sub", "upper"
      },
    },
    table = {
      fields = {
        "concat", "insert", "maxn", "move", "remove", "sort"
      },
    },
    math = {
      fields = {
        "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg",
        "exp", "floor", "fmod", "frexp", "huge", "ldexp", "log", "log10",
        "max", "min", "modf", "pi", "pow", "rad", "random", "randomseed",
        "sin", "sinh", "sqrt", "tan", "tanh"
      },
    },
    os = {
      fields = {
        "clock", "date", "time"
      },
    },
    bit = {
      fields = {
        "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol",
        "ror", "rshift", "tobit", "tohex"
      },
    },
  },
}

local usher_test = {
  read_globals = {
    "after_each", "before_each", "context", "describe", "expose", "finally",
    "insulate", "it", "lazy_setup", "lazy_teardown", "match", "mock",
    "pending", "randomize", "setup", "spec", "spy", "strict_setup",
    "strict_teardown", "stub", "teardown", "test", "usher",
    assert = { other_fields = true },
  },
}

return {
  stds = { usher = usher, usher_test = usher_test },
  std = "usher",
  unused_args = false,
  files = {
    ["**/*_test.lua"] = { std = "luajit+usher_test" },
  },
}
