-- SPDX-License-Identifier: MIT
--
-- What can be told of a policy's syntax tree: which functions are the
-- policy's, which parameters and locals are its handles, in which of the two
-- functions a helper runs, what a function returns.

local parser = require "usher.parser"

local OBJECTS = {
  conn = "conn", ticket = "ticket", previous = "ticket", issue = "issue",
}
-- The kind of what a fact of this type gives, where it has a kind of its own.
local COMPOUND = {
  cert = "cert", hello = "hello", data = "data", vars = "vars",
  previous = "previous",
}

local Tree = {}
Tree.__index = Tree

-- The function that an expression is, if there is no doubt about it.
local function function_of(expr)
  if not expr then return nil end
  if expr.t == "func" then return expr end
  if expr.t == "paren" then return function_of(expr.a) end
  local var = expr.t == "name" and expr.var
  if var and not var.param and var.writes == 1 and var.values[1] then
    return var.values[1].t == "func" and var.values[1] or nil
  end
end

local function only(set, name)
  return set[name] and next(set, next(set)) == nil
end

local function is_empty_table(expr)
  return expr.t == "table" and #expr.items == 0
end

-- In which of the policy's functions this code runs: a set of names.
local function contexts(func)
  while func and not func.contexts do func = func.outer end
  return func and func.contexts or {}
end

-- A table that stands for a handle in a selftest.
local function is_fake(expr, func)
  if not only(contexts(func), "selftest") then return false end
  if expr.t == "table" then return true end
  local var = expr.t == "name" and expr.var
  return var and not var.param and var.values[1]
    and var.values[1].t == "table"
end

--
-- Kinds
--

-- "conn", "ticket", "issue", "previous", "vars", "cert", "hello", "data", or
-- "fact" for a plain value; and for what is read from a handle, the fact.
function Tree:kind(expr, depth)
  depth = depth or 0
  if not expr or depth > 20 then return nil end
  if expr.t == "paren" then return self:kind(expr.a, depth + 1) end
  if expr.t == "name" then
    local var = expr.var
    if not var then return nil end
    if var.param then
      return var.writes == 0 and var.func.kinds
        and var.func.kinds[var.param] or nil
    end
    if var.writes ~= 1 or not var.values[1] then return nil end
    return self:kind(var.values[1], depth + 1)
  end
  if expr.t == "binary" and expr.op == "and" then
    return self:kind(expr.b, depth + 1)
  end
  if expr.t == "binary" and expr.op == "or" then
    local a, fact = self:kind(expr.a, depth + 1)
    if a and a ~= "fact" and (is_empty_table(expr.b)
      or a == self:kind(expr.b, depth + 1)) then
      return a, fact
    end
    return nil
  end
  if expr.t == "index" and expr.key.t == "string" then
    local object = OBJECTS[self:kind(expr.obj, depth + 1) or ""]
    local fact = object and self.facts[object][expr.key.value]
    if fact then return COMPOUND[fact.type] or "fact", fact end
  end
  return nil
end

-- Is there a fact, or something of one, behind this name, for people?
function Tree:fact_name(expr)
  local kind, fact = self:kind(expr)
  if not fact then return nil end
  while expr.t == "paren" or expr.t == "name" do
    expr = expr.t == "paren" and expr.a or expr.var.values[1]
  end
  if expr.t == "binary" then return nil end
  local holder = self:kind(expr.obj)
  local names = {
    conn = "conn.", ticket = "ticket.", issue = "ticket.",
    previous = "ticket.previous.",
  }
  return names[holder] and names[holder] .. fact.name, kind
end

--
-- Functions
--

-- "decrypt" or "generate" if the code runs in just that one.
local function context(func)
  local set = contexts(func)
  return only(set, "decrypt") and "decrypt"
    or only(set, "generate") and "generate" or nil
end

-- The field's value in the table that the script returns.
function Tree:field(name)
  local last = self.main.body[#self.main.body]
  local expr = last and last.t == "return" and last.values[1]
  while expr and expr.t == "paren" do expr = expr.a end
  local holder = expr and expr.t == "name" and expr.var
  if holder then
    if holder.writes ~= 1 then return nil end
    for _, node in ipairs(self.nodes) do
      if node.t == "index" and node.written and node.obj.t == "name"
        and node.obj.var == holder and node.key.value == name
        and node.key.t == "string" then
        return node.value or nil
      end
    end
    expr = holder.values[1]
  end
  if not expr or expr.t ~= "table" then return nil end
  for _, item in ipairs(expr.items) do
    if item.key and item.key.t == "string" and item.key.value == name then
      return item.value
    end
  end
end

local function seed(func, name, kinds)
  if not func then return end
  if func.contexts then -- one function for both
    func.contexts[name] = true
    func.kinds[2] = nil
    return
  end
  func.contexts, func.kinds, func.seed = { [name] = true }, kinds, true
end

-- The calls of a local function; nil if it is used in another way too.
local function calls_of(tree, var)
  local calls, callee = {}, {}
  for _, node in ipairs(tree.nodes) do
    if node.t == "call" and node.fn.t == "name" then
      if node.fn.var == var then
        calls[#calls + 1] = { node = node, args = node.args }
        callee[node.fn] = true
      elseif not node.fn.var and node.fn.name == "pcall" and node.args[1]
        and node.args[1].t == "name" and node.args[1].var == var then
        calls[#calls + 1] = {
          node = node, args = { unpack(node.args, 2) },
        }
        callee[node.args[1]] = true
      end
    end
  end
  for _, use in ipairs(var.uses) do
    if not callee[use] then return nil end
  end
  return calls
end

-- What all calls have in common for one parameter.
function Tree:common_kind(calls, i)
  local kind
  for _, call in ipairs(calls) do
    local arg = call.args[i]
    if not (arg and is_fake(arg, call.node.func)) then
      local this = arg and self:kind(arg)
      if not this or this == "fact" or (kind and kind ~= this) then
        return nil
      end
      kind = this
    end
  end
  return kind
end

-- One round over the helpers; true if anything new was learnt.
function Tree:spread()
  local changed = false
  for _, helper in ipairs(self.helpers) do
    local func, calls = helper.func, helper.calls
    for i = 1, calls and #func.params or 0 do
      local kind = self:common_kind(calls, i)
      if kind ~= func.kinds[i] then
        func.kinds[i] = kind
        changed = true
      end
    end
    for _, call in ipairs(calls or {}) do
      for name in pairs(contexts(call.node.func)) do
        if name ~= "selftest" and not func.contexts[name] then
          func.contexts[name] = true
          changed = true
        end
      end
    end
  end
  return changed
end

function Tree:find_functions()
  self.decrypt = function_of(self:field("decrypt"))
  self.generate = function_of(self:field("generate"))
  seed(self.decrypt, "decrypt", { "conn", "ticket" })
  seed(self.generate, "generate", { "conn", "issue" })
  seed(function_of(self:field("selftest")), "selftest", {})
  self.helpers = {}
  local seen = {}
  local function consider(node)
    local var = node.var
    local func = var and function_of(node)
    if not func or func.seed or seen[func] then return end
    seen[func] = true
    func.contexts, func.kinds = {}, {}
    local helper = { func = func, var = var, calls = calls_of(self, var) }
    self.helpers[#self.helpers + 1] = helper
    func.helper = helper
  end
  for _, node in ipairs(self.nodes) do
    if node.t == "call" and node.fn.t == "name" then
      consider(node.fn)
      for _, arg in ipairs(node.args) do
        if arg.t == "name" then consider(arg) end
      end
    end
  end
  for _ = 1, 20 do
    if not self:spread() then break end
  end
end

-- The functions whose first result is that of `func`: itself, and helpers of
-- which it returns what they return, and which are good for nothing else.
function Tree:answering(func)
  local list, known = { func }, { [func] = true }
  local function consider(helper)
    if known[helper.func] or not helper.calls or #helper.calls == 0 then
      return
    end
    for _, call in ipairs(helper.calls) do
      local node, tail = call.node, false
      for _, ret in ipairs(self.returns) do
        tail = tail or (known[ret.func] and ret.values[1] == node)
      end
      if not tail then return end
    end
    known[helper.func] = true
    list[#list + 1] = helper.func
  end
  for _ = 1, #self.helpers do
    for _, helper in ipairs(self.helpers) do consider(helper) end
  end
  return list, known
end

local function new(text, facts)
  local tree = setmetatable(parser.parse(text), Tree)
  tree.facts = { conn = {}, ticket = {}, issue = {} }
  for _, fact in ipairs(facts) do
    tree.facts[fact.object][fact.name] = fact
  end
  tree.objects = OBJECTS
  tree:find_functions()
  return tree
end

return { new = new, context = context }
