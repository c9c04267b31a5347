-- SPDX-License-Identifier: MIT
--
-- What editors and linters are told: the files in lua/library for the Lua
-- language server, lua/library/usher.luacheckrc for luacheck, from the fact
-- table and the list of what the sandbox has.

local core = require "usher.core"
local modules = require "usher.annotate_modules"
local tests = require "usher.annotate_tests"

local TYPES = {
  string = "string", integer = "integer", boolean = "boolean",
  strings = "string[]", cert = "usher.Cert", hello = "usher.Hello",
  data = "table", vars = "table<string, string?>", previous = "usher.Ticket",
}
-- Facts that are there in both functions, whatever the client does.
local ALWAYS = {
  ["conn.version"] = true, ["conn.transport"] = true, ["conn.id"] = true,
  ["conn.vars"] = true, ["conn.num_tickets"] = true,
  ["conn.early_data"] = true, ["conn.hello"] = true,
  ["ticket.status"] = true, ["ticket.decrypted"] = true,
  ["ticket.key_name"] = true, ["issue.index"] = true,
  ["issue.timeout"] = true, ["issue.id"] = true, ["issue.renewals"] = true,
}
local WHERE = {
  read = { read = "", assign = "; assign in generate",
    no = " (in decrypt only)" },
  assign = { read = "; assign in decrypt", assign = "", no = "" },
  no = { read = " (in generate only)", assign = " (in generate only)" },
}

local function print_lines(text) io.write(text, "\n") end

local function class(name, object, doc)
  print_lines("\n---" .. doc)
  print_lines("---@class usher." .. name)
  for _, fact in ipairs(core.facts()) do
    if fact.object == object then
      local optional = ALWAYS[object .. "." .. fact.name] and "" or "?"
      local where = object == "conn" and WHERE[fact.decrypt][fact.generate]
        or fact.generate == "assign" and " (assignable)" or ""
      print_lines(("---@field %s %s%s %s%s"):format(fact.name,
        TYPES[fact.type], optional, fact.doc, where))
    end
  end
end

local function library()
  print_lines [[
---@meta
-- SPDX-License-Identifier: MIT
--
-- What a policy for Usher sees, for the Lua language server. Made by "usher
-- annotate library" out of src/facts/facts.def and src/cli/annotate*.lua; "make
-- annotations" writes it.

---A leaf certificate. What can't be read is nil.
---@class usher.Cert
---@field subject string? in the form of RFC 2253
---@field issuer string? in the form of RFC 2253
---@field serial string? hex digits
---@field sha256 string? hex digits
---@field not_before integer? seconds since 1970
---@field not_after integer? seconds since 1970

---Lists of numbers from IANA's registries. What can't be read is nil.
---@class usher.Hello
---@field ciphers integer[]?
---@field groups integer[]?
---@field signatures integer[]?
---@field extensions integer[]?]]
  class("Conn", "conn", "The connection.")
  class("Ticket", "ticket",
    "The ticket that a client offers, or that its handshake resumed with.")
  class("Issue", "issue", "The ticket that is being made.")
  print_lines [[

---@alias usher.Verdict
---| "default" what OpenSSL does without a policy
---| "use" the session resumes, the client gets no new ticket
---| "use_renew" the session resumes, the client gets a new ticket
---| "ignore" full handshake, no new ticket
---| "ignore_renew" full handshake, the client gets new tickets
---| "abort" the handshake is ended

---What the script returns.
---@class usher.Policy
---@field name? string tables are only read back under this name
---@field api? integer 1
---@field generate? fun(conn: usher.Conn, ticket: usher.Issue): table|string|false|nil, string?
---@field decrypt? fun(conn: usher.Conn, ticket: usher.Ticket): usher.Verdict?, string?
---@field selftest? fun()]]
  modules.usher()
end

-- Names as a list in braces, wrapped.
local function wrapped(names, indent)
  local text, line = {}, ""
  for i, name in ipairs(names) do
    local item = ('"%s"%s'):format(name, i < #names and "," or "")
    if #indent + #line + #item + 1 > 78 then
      text[#text + 1] = indent .. line
      line = ""
    end
    line = line == "" and item or line .. " " .. item
  end
  text[#text + 1] = indent .. line
  return table.concat(text, "\n")
end

local TEST_GLOBALS = {
  "after_each", "before_each", "context", "describe", "expose", "finally",
  "insulate", "it", "lazy_setup", "lazy_teardown", "match", "mock", "pending",
  "randomize", "setup", "spec", "spy", "strict_setup", "strict_teardown",
  "stub", "teardown", "test", "usher",
}

local function luacheck()
  local globals, libraries, order = {}, {}, {}
  for _, entry in ipairs(core.surface()) do
    if not entry.why then
      local to = globals
      if entry.library ~= "" then
        if not libraries[entry.library] then
          libraries[entry.library] = {}
          order[#order + 1] = entry.library
        end
        to = libraries[entry.library]
      end
      to[#to + 1] = entry.name
    end
  end
  print_lines [[
-- SPDX-License-Identifier: MIT
--
-- Exactly the globals of Usher's sandbox, and those of test files, for luacheck
-- (luacheck --config usher.luacheckrc). Made by "usher annotate luacheck" out of
-- src/sandbox/surface.c; "make annotations" writes it.

local usher = {
  read_globals = {]]
  print_lines(wrapped(globals, "    ") .. ",")
  for _, name in ipairs(order) do
    local fields = {}
    for _, field in ipairs(libraries[name]) do
      fields[#fields + 1] = field
    end
    print_lines("    " .. name .. " = {\n      fields = {")
    print_lines(wrapped(fields, "        "))
    print_lines("      },\n    },")
  end
  print_lines [[
  },
}

local usher_test = {
  read_globals = {]]
  print_lines(wrapped(TEST_GLOBALS, "    ") .. ",")
  print_lines [[
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
}]]
end

local WRITERS = {
  library = library, luacheck = luacheck, tests = tests,
  data = modules.data, ip = modules.ip, store = modules.store,
}

-- The exit status.
local function run(what)
  if WRITERS[what] then
    WRITERS[what]()
    return 0
  end
  local names = {}
  for name in pairs(WRITERS) do names[#names + 1] = name end
  table.sort(names)
  io.stderr:write("usher: annotate: takes one of ",
    table.concat(names, ", "), "\n")
  return 2
end

return { run = run }
