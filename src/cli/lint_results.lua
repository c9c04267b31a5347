-- SPDX-License-Identifier: MIT
--
-- What is wrong with what the policy's functions return: verdicts that do not
-- exist, values of the wrong type, fields of the ticket's table that nobody
-- stores, functions without any effect.

local contains = require("usher.util").contains

local VERDICTS = {
  "default", "use", "use_renew", "ignore", "ignore_renew", "abort",
}
local COMPARISONS = {
  ["=="] = true, ["~="] = true, ["<"] = true, [">"] = true, ["<="] = true,
  [">="] = true,
}
local TYPE_NAMES = {
  ["true"] = "boolean", ["false"] = "boolean", number = "number",
  table = "table", func = "function",
}

-- Calls fn with each expression whose value `expr` may have.
local function each_result(expr, fn)
  if expr.t == "paren" then return each_result(expr.a, fn) end
  if expr.t == "binary" and expr.op == "and" then
    return each_result(expr.b, fn)
  end
  if expr.t == "binary" and expr.op == "or" then
    if expr.a.t == "paren" or expr.a.t == "binary" or expr.a.t == "string" then
      each_result(expr.a, fn)
    end
    return each_result(expr.b, fn)
  end
  fn(expr)
end

local function is_boolean(lint, expr)
  if expr.t == "paren" then return is_boolean(lint, expr.a) end
  if expr.t == "unary" then return expr.op == "not" end
  if expr.t == "binary" then return COMPARISONS[expr.op] or false end
  local _, fact = lint.tree:kind(expr)
  return fact ~= nil and fact.type == "boolean"
end

local function type_of(lint, expr)
  return TYPE_NAMES[expr.t] or (is_boolean(lint, expr) and "boolean") or nil
end

--
-- decrypt
--

local function check_verdict(lint, expr)
  local given = type_of(lint, expr)
  if given then
    lint:add(expr.line, "decrypt returns a " .. given,
      "return the name of a verdict")
  elseif expr.t == "string" and not contains(VERDICTS, expr.value) then
    lint:unknown(expr.line, "decrypt returns an unknown verdict, '"
      .. expr.value .. "'", expr.value, VERDICTS, "use one of " .. table.concat(VERDICTS, ", "))
  end
end

-- A local that is returned: what is near to a verdict was meant to be one.
local function check_local(lint, var)
  for _, value in ipairs(var.values) do
    if value and value.t == "string" and not contains(VERDICTS, value.value)
      and lint.env.near(value.value, VERDICTS) then
      check_verdict(lint, value)
    end
  end
end

local function check_reason(lint, expr)
  local given = type_of(lint, expr)
  if given then
    lint:add(expr.line, "the reason, the second value, is a " .. given,
      "it must be a string")
  end
end

-- `return cond and "use"` is false where cond is.
local function check_and(lint, expr)
  if expr.t == "binary" and expr.op == "and" and is_boolean(lint, expr.a) then
    lint:add(expr.line, "decrypt returns false where the condition fails",
      'add: or "default"')
  end
end

local function check_decrypt(lint, func)
  local _, answering = lint.tree:answering(func)
  for _, ret in ipairs(lint.tree.returns) do
    local first = answering[ret.func] and ret.values[1]
    if first then
      check_and(lint, first)
      each_result(first, function(expr)
        if expr.t == "name" and expr.var and not expr.var.param then
          check_local(lint, expr.var)
        else
          check_verdict(lint, expr)
        end
      end)
      if ret.values[2] then check_reason(lint, ret.values[2]) end
    end
  end
end

--
-- generate
--

local function check_generated(lint, expr)
  local given = type_of(lint, expr)
  if given and given ~= "table" and expr.t ~= "false" then
    lint:add(expr.line, "generate returns a " .. given,
      "return a table, a string, nil or false")
  end
end

-- The names that generate's tables have; nil if it can't be told.
local function stored_names(lint, func)
  local names, list = {}, {}
  for _, ret in ipairs(lint.tree.returns) do
    local expr = ret.func == func and ret.values[1]
    if expr then
      local var = expr.t == "name" and expr.var
      if var and not var.param and var.writes == 1 and var.values[1] then
        expr = var.values[1]
        for _, node in ipairs(lint.tree.nodes) do
          if node.t == "index" and node.obj.t == "name"
            and node.obj.var == var and node.written then
            if node.key.t ~= "string" then return nil end
            names[node.key.value] = true
          end
        end
      end
      if expr.t ~= "table" and expr.t ~= "nil" and expr.t ~= "false" then
        return nil
      end
      for _, item in ipairs(expr.items or {}) do
        if not item.key or item.key.t ~= "string" then return nil end
        names[item.key.value] = true
      end
    end
  end
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return #list > 0 and list or nil
end

-- A name that is read and never stored, near to one that is stored and never
-- read, is misspelt. (Read or stored alone, it may be another version's.)
local function check_data(lint, func)
  local names = stored_names(lint, func)
  local reads = {}
  for _, node in ipairs(lint.tree.nodes) do
    if node.t == "index" and node.key.t == "string"
      and lint.tree:kind(node.obj) == "data" then
      reads[#reads + 1] = node
      reads[node.key.value] = true
    end
  end
  for _, node in ipairs(reads) do
    local name = node.key.value
    if names and not contains(names, name) then
      local near = lint.env.near(name, names)
      if near and not reads[near] then
        lint:add(node.line, "generate stores no field '" .. name .. "'",
          "did you mean '" .. near .. "'?")
      end
    end
  end
end

--
-- Both
--

local function has_effect(lint, func)
  local function is_inside(inner)
    while inner and inner ~= func do inner = inner.outer end
    return inner == func
  end
  for _, ret in ipairs(lint.tree.returns) do
    if is_inside(ret.func) and #ret.values > 0 then return true end
  end
  for _, node in ipairs(lint.tree.nodes) do
    if is_inside(node.func) and (node.t == "call" or node.t == "method"
      or node.written) then
      return true
    end
  end
  return false
end

local function check(lint)
  local decrypt, generate = lint.tree.decrypt, lint.tree.generate
  if decrypt then
    check_decrypt(lint, decrypt)
    if not has_effect(lint, decrypt) then
      lint:add(decrypt.line, "decrypt returns nothing and does nothing",
        'return a verdict, as "default", or leave it out')
    end
  end
  if generate then
    for _, ret in ipairs(lint.tree.returns) do
      if ret.func == generate and ret.values[1] then
        each_result(ret.values[1], function(expr)
          check_generated(lint, expr)
        end)
      end
    end
    check_data(lint, generate)
    if not has_effect(lint, generate) then
      lint:add(generate.line, "generate returns nothing and does nothing",
        "return the table to store, or leave it out")
    end
  end
end

return { check = check, VERDICTS = VERDICTS }
