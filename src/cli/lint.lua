-- SPDX-License-Identifier: MIT
--
-- What is wrong with a policy whatever facts it meets: names that do not exist,
-- also on lines that no sample reaches. Only what is certain is a finding; a
-- value that may be something else is left alone.

local tree = require "usher.tree"
local results = require "usher.lint_results"
local util = require "usher.util"

local contains = util.contains

local CERT = {
  "subject", "issuer", "serial", "sha256", "not_before", "not_after",
}
local HELLO = { "ciphers", "groups", "signatures", "extensions" }
local VERDICTS = results.VERDICTS
-- What a fact is compared with: all values that it can have.
local VALUES = {
  status = { "empty", "no_decrypt", "success", "success_renew" },
  transport = { "tls", "dtls", "quic" },
  version = {
    "TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "DTLSv1.2", "DTLSv1",
    "DTLSv1.3",
  },
}
local TYPES = {
  string = "string", number = "number", ["true"] = "boolean",
  ["false"] = "boolean", table = "table",
}
local FACT_TYPES = {
  string = "string", integer = "number", boolean = "boolean",
}

local Lint = {}
Lint.__index = Lint

function Lint:add(line, what, todo)
  self.findings[#self.findings + 1] = { line = line, what = what, todo = todo }
end

function Lint:unknown(line, what, name, names, otherwise)
  local near = self.env.near(name, names)
  self:add(line, what,
    near and "did you mean '" .. near .. "'?" or otherwise)
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--
-- Globals and libraries
--

function Lint:global(node)
  local name = node.name
  if node.written then
    local what = self.surface[""][name] == true
      and "assignment to global '" .. name .. "', which is read-only"
      or "assignment to undefined global '" .. name .. "'"
    return self:add(node.line, what, "write local " .. name)
  end
  local entry = self.surface[""][name]
  if entry == true or self.surface[name] or self.env.exists(name) then
    return
  end
  local what = "undefined global '" .. name .. "'"
  if entry then
    self:add(node.line, what, "it is not in the sandbox: " .. entry.why)
  elseif contains(VERDICTS, name) then
    self:add(node.line, what, 'a verdict is a string: write "' .. name .. '"')
  elseif name == "conn" or name == "ticket" then
    self:add(node.line, what,
      "it is a parameter of generate and decrypt; pass it on")
  else
    local names = { "string", "table", "math", "os", "bit" }
    for _, each in ipairs(sorted(self.surface[""])) do
      if self.surface[""][each] == true then names[#names + 1] = each end
    end
    self:unknown(node.line, what, name, names,
      "declare it by local, in an outer block or above")
  end
end

function Lint:library(node)
  local library, name = node.obj.name, node.key.value
  local names = self.surface[library]
  if not names or name == nil then return end
  if node.written then
    return self:add(node.line, "assignment to " .. library .. "." .. name
      .. ", which is read-only", "use a local function")
  end
  if names[name] == true
    or self.env.exists(library .. "[" .. ("%q"):format(name) .. "]") then
    return
  end
  local what = library .. "." .. name .. " does not exist"
  if names[name] then
    self:add(node.line, what, "it is not in the sandbox: " .. names[name].why)
  else
    self:unknown(node.line, what, name, sorted(names),
      "usher(7) lists what there is")
  end
end

--
-- Facts
--

local HANDLE_NAMES = {
  conn = "conn", ticket = "ticket", issue = "ticket",
  previous = "ticket.previous",
}

function Lint:fact(node, kind)
  local object, name = self.tree.objects[kind], node.key.value
  local facts = self.tree.facts[object]
  local handle = HANDLE_NAMES[kind]
  if node.key.t ~= "string" then
    if TYPES[node.key.t] then
      self:add(node.line, handle .. " has no fact by a "
        .. TYPES[node.key.t], "use a name")
    end
    return
  end
  local fact = facts[name]
  if not fact then
    local what = handle .. " has no fact '" .. name .. "'"
    if kind == "issue" and self.tree.facts.ticket[name] then
      return self:add(node.line, what .. " in generate",
        "of the ticket that the client came with it is ticket.previous."
        .. name)
    end
    return self:unknown(node.line, what, name, sorted(facts),
      "usher(7) lists what there is")
  end
  local context = tree.context(node.func)
  if not context then return end
  if node.written then
    self:assigned(node, handle, fact, context)
  elseif fact[context] == "no" then
    local other = object == "conn" and self.tree.facts.ticket[name]
      and context == "decrypt" and "; the session's is ticket." .. name or ""
    self:add(node.line, handle .. "." .. name .. " is always nil in "
      .. context, "it is known in "
      .. (context == "decrypt" and "generate" or "decrypt") .. " only" .. other)
  end
end

function Lint:assigned(node, handle, fact, context)
  local name = handle .. "." .. fact.name
  if fact.type == "vars" then
    return self:add(node.line, "conn.vars can't be replaced",
      "assign to conn.vars.NAME")
  end
  if fact[context] ~= "assign" then
    local other = context == "decrypt" and "generate" or "decrypt"
    return self:add(node.line, name .. " can't be assigned in " .. context,
      fact[other] == "assign" and "do it in " .. other
      or "keep the value in a local")
  end
  local given = node.value and TYPES[node.value.t]
  if given and given ~= FACT_TYPES[fact.type] then
    self:add(node.line, name .. " takes a " .. FACT_TYPES[fact.type]
      .. ", not a " .. given, "convert it")
  elseif fact.name == "early_data" and given
    and node.value.t == "true" then
    self:add(node.line, name .. " can be assigned false only",
      "to accept early data, leave it alone")
  end
end

local FIELDS = { cert = CERT, hello = HELLO }
local FIELD_OWNERS = { cert = "a certificate", hello = "conn.hello" }

function Lint:field(node, kind)
  if node.key.t ~= "string" or node.written or self.written[kind] then
    return
  end
  if not contains(FIELDS[kind], node.key.value) then
    self:unknown(node.line, FIELD_OWNERS[kind] .. " has no field '"
      .. node.key.value .. "'", node.key.value, FIELDS[kind],
      "it has " .. table.concat(FIELDS[kind], ", "))
  end
end

function Lint:index(node)
  if node.obj.t == "name" and not node.obj.var and node.key.t == "string" then
    return self:library(node)
  end
  local kind = self.tree:kind(node.obj)
  if self.tree.objects[kind or ""] then return self:fact(node, kind) end
  if FIELDS[kind or ""] then return self:field(node, kind) end
  if kind == "vars" and node.written and node.value then
    local given = TYPES[node.value.t]
    if given and given ~= "string" then
      self:add(node.line, "conn.vars takes strings, not a " .. given,
        "use tostring")
    end
  end
end

function Lint:method(node)
  local kind, fact = self.tree:kind(node.obj)
  if self.tree.objects[kind or ""] then
    local known = self.tree.facts[self.tree.objects[kind]][node.name]
    local handle = HANDLE_NAMES[kind]
    if known then
      self:add(node.line, handle .. ":" .. node.name .. "() calls a fact",
        "write " .. handle .. "." .. node.name)
    else
      self:unknown(node.line, handle .. " has no fact '" .. node.name .. "'",
        node.name, sorted(self.tree.facts[self.tree.objects[kind]]),
        "usher(7) lists what there is")
    end
  elseif kind == "fact" and fact.type == "string" then
    if self.surface.string[node.name] ~= true
      and not self.env.exists("string." .. node.name) then
      self:unknown(node.line, "a string has no method '" .. node.name .. "'",
        node.name, sorted(self.surface.string), "usher(7) lists what there is")
    end
  elseif kind == "fact" then
    self:add(node.line, "a " .. (FACT_TYPES[fact.type] or "table")
      .. " has no methods", "use a function of a library")
  end
end

function Lint:call(node)
  local _, fact = self.tree:kind(node.fn)
  local name = fact and self.tree:fact_name(node.fn)
  if name and node.fn.t == "index" then
    self:add(node.line, name .. " is no function",
      "leave out the parentheses")
  end
end

--
-- Comparisons
--

local RELATIONS = { ["<"] = true, [">"] = true, ["<="] = true, [">="] = true }

function Lint:compare(node)
  local equality = node.op == "==" or node.op == "~="
  if not equality and not RELATIONS[node.op] then return end
  local a, b = node.a, node.b
  local _, fact = self.tree:kind(a)
  if not fact then
    a, b = b, a
    _, fact = self.tree:kind(a)
  end
  local name = fact and self.tree:fact_name(a)
  if not name then return end
  local has, given = FACT_TYPES[fact.type], TYPES[b.t]
  local always = node.op == "==" and "is never true" or "is always true"
  if not has or not given then return end
  if has ~= given then
    return self:add(node.line, name .. " is a " .. has
      .. ", and is compared with a " .. given, equality
      and "that " .. always or "compare it with a " .. has)
  end
  if not equality or b.t ~= "string" then return end
  local values = VALUES[fact.name]
  if values and not contains(values, b.value) then
    return self:unknown(node.line, name .. ' is never "' .. b.value .. '"',
      b.value, values, "it can be " .. table.concat(values, ", "))
  end
  local plain = b.value:lower():gsub("%.$", "")
  if fact.name ~= "server_name" or plain == b.value then return end
  self:add(node.line, name .. ' is never "' .. b.value .. '"',
    (b.value:find("%u") and "it is in lower case: " or "it ends in no dot: ")
      .. '"' .. plain .. '"')
end

--
-- All of them
--

local RULES = {
  index = Lint.index, method = Lint.method, call = Lint.call,
  binary = Lint.compare,
}

-- The facts that each line reads, straight or through a local: for advice.
function Lint:facts_by_line()
  local lines = {}
  local function note(line, expr)
    local name = self.tree:fact_name(expr)
    if not name then return end
    lines[line] = lines[line] or {}
    if not contains(lines[line], name) then
      table.insert(lines[line], name)
    end
  end
  for _, node in ipairs(self.tree.nodes) do
    if node.t == "index" and not node.written then note(node.line, node) end
  end
  for _, var in ipairs(self.tree.vars) do
    for _, use in ipairs(var.uses) do note(use.line, use) end
  end
  return lines
end

-- env: facts and surface as core has them, near, and exists(expression), which
-- asks a sandbox. A list of {line, what, todo}, and the tree with facts_at, a
-- list of the facts that each line reads.
local function check(text, env)
  local self = setmetatable({
    env = env, findings = {}, tree = tree.new(text, env.facts),
    surface = { [""] = {} }, written = {},
  }, Lint)
  for _, entry in ipairs(env.surface) do
    self.surface[entry.library] = self.surface[entry.library] or {}
    self.surface[entry.library][entry.name] = entry.why and entry or true
  end
  for _, node in ipairs(self.tree.nodes) do
    if node.t == "index" and node.written then
      local kind = self.tree:kind(node.obj)
      if FIELDS[kind or ""] then self.written[kind] = true end
    end
  end
  for _, node in ipairs(self.tree.globals) do self:global(node) end
  for _, node in ipairs(self.tree.nodes) do
    local rule = RULES[node.t]
    if rule then rule(self, node) end
  end
  results.check(self)
  self.tree.facts_at = self:facts_by_line()
  return self.findings, self.tree
end

return { check = check }
