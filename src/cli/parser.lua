-- SPDX-License-Identifier: MIT
--
-- A syntax tree of a Lua script, with each name bound to its local variable.
--
-- Expressions are tables {t = kind, line = n, ...}:
--   name (name, var)      var is nil for a global
--   index (obj, key)      key is an expression; obj.x has a "string" key
--   call (fn, args)       method (obj, name, args)
--   func (params, body, last, vararg)
--   table (items: {key, value}), binary (op, a, b), unary (op, a)
--   string, number (value), nil, true, false, vararg, paren (a)
-- Statements:
--   local (vars, values), assign (targets, values), call (call), do (body),
--   while (cond, body), repeat (body, cond), if (clauses: {cond, body}),
--   fornum (var, values, body), forin (vars, values, body), return (values)
-- A variable is {name, line, values, writes, uses, func, param}: the expressions
-- that were assigned (false where it can't be told which value), how many
-- assignments, and the name nodes that read it.

local lexer = require "usher.lexer"

local BINARY = {
  ["or"] = { 1, 1 }, ["and"] = { 2, 2 },
  ["<"] = { 3, 3 }, [">"] = { 3, 3 }, ["<="] = { 3, 3 }, [">="] = { 3, 3 },
  ["~="] = { 3, 3 }, ["=="] = { 3, 3 },
  [".."] = { 5, 4 }, ["+"] = { 6, 6 }, ["-"] = { 6, 6 },
  ["*"] = { 7, 7 }, ["/"] = { 7, 7 }, ["%"] = { 7, 7 }, ["^"] = { 10, 9 },
}
local UNARY_PRIORITY = 8
local BLOCK_ENDS = {
  ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true,
  eof = true,
}

local Parser = {}
Parser.__index = Parser

function Parser:peek() return self.list[self.at] end
function Parser:is(kind) return self.list[self.at].kind == kind end

function Parser:take(kind)
  local token = self.list[self.at]
  if kind and token.kind ~= kind then
    error({ line = token.line, message = "'" .. kind .. "' expected" }, 0)
  end
  self.at = self.at + 1
  return token
end

function Parser:accept(kind)
  if self:is(kind) then return self:take() end
end

function Parser:over() return BLOCK_ENDS[self:peek().kind] end

--
-- Scopes
--

function Parser:open() self.scope = { vars = {}, outer = self.scope } end
function Parser:close() self.scope = self.scope.outer end

function Parser:declare(name, line)
  local var = {
    name = name, line = line, values = {}, writes = 0, uses = {},
    func = self.func,
  }
  self.scope.vars[name] = var
  self.vars[#self.vars + 1] = var
  return var
end

function Parser:find(name)
  local scope = self.scope
  while scope do
    if scope.vars[name] then return scope.vars[name] end
    scope = scope.outer
  end
end

local function write(var, value)
  var.writes = var.writes + 1
  var.values[#var.values + 1] = value or false
end

-- Which expression each of n variables gets; false where it is a further value
-- of a call or of "...".
local function distribute(values, n)
  local last, list = values[#values], {}
  local open = last and (last.t == "call" or last.t == "method"
    or last.t == "vararg")
  for i = 1, n do
    if i <= #values then
      list[i] = values[i]
    elseif open then
      list[i] = false
    else
      list[i] = { t = "nil", line = last and last.line }
    end
  end
  return list
end

--
-- Expressions
--

function Parser:body(line, is_method)
  local func = { t = "func", line = line, params = {}, outer = self.func }
  self.func = func
  self:open()
  local function param(name, at)
    local var = self:declare(name, at)
    var.param = #func.params + 1
    func.params[var.param] = var
  end
  if is_method then param("self", line) end
  self:take("(")
  while not self:accept(")") do
    if self:accept("...") then
      func.vararg = true
    else
      local token = self:take("name")
      param(token.value, token.line)
    end
    self:accept(",")
  end
  func.body = self:block()
  func.last = self:take("end").line
  self:close()
  self.func = func.outer
  return func
end

function Parser:table_constructor()
  local node = { t = "table", line = self:take("{").line, items = {} }
  while not self:accept("}") do
    local item = {}
    local following = self.list[self.at + 1]
    if self:accept("[") then
      item.key = self:expression()
      self:take("]")
      self:take("=")
    elseif self:is("name") and following.kind == "=" then
      local token = self:take()
      item.key = { t = "string", value = token.value, line = token.line }
      self:take("=")
    end
    item.value = self:expression()
    node.items[#node.items + 1] = item
    if not self:accept(",") then self:accept(";") end
  end
  return node
end

function Parser:arguments()
  if self:is("string") then
    local token = self:take()
    return { { t = "string", value = token.value, line = token.line } }
  end
  if self:is("{") then return { self:table_constructor() } end
  local args = {}
  self:take("(")
  while not self:accept(")") do
    args[#args + 1] = self:expression()
    self:accept(",")
  end
  return args
end

function Parser:name()
  local token = self:take("name")
  local node = {
    t = "name", name = token.value, line = token.line, func = self.func,
    var = self:find(token.value),
  }
  if node.var then
    node.var.uses[#node.var.uses + 1] = node
  else
    self.globals[#self.globals + 1] = node
  end
  return node
end

function Parser:suffixed()
  local node
  if self:is("(") then
    local line = self:take().line
    node = { t = "paren", a = self:expression(), line = line }
    self:take(")")
  else
    node = self:name()
  end
  while true do
    local token = self:peek()
    if token.kind == "." then
      self:take()
      local key = self:take("name")
      node = {
        t = "index", obj = node, line = key.line, func = self.func,
        key = { t = "string", value = key.value, line = key.line },
      }
    elseif token.kind == "[" then
      self:take()
      node = {
        t = "index", obj = node, line = token.line, func = self.func,
        key = self:expression(),
      }
      self:take("]")
    elseif token.kind == ":" then
      self:take()
      local name = self:take("name")
      node = {
        t = "method", obj = node, name = name.value, line = name.line,
        func = self.func, args = self:arguments(),
      }
    elseif token.kind == "(" or token.kind == "string" or token.kind == "{" then
      node = {
        t = "call", fn = node, line = token.line, func = self.func,
        args = self:arguments(),
      }
    else
      return node
    end
    self.nodes[#self.nodes + 1] = node
  end
end

function Parser:simple()
  local token = self:peek()
  local kind = token.kind
  if kind == "string" or kind == "number" then
    self:take()
    return { t = kind, value = token.value, line = token.line }
  elseif kind == "nil" or kind == "true" or kind == "false" then
    self:take()
    return { t = kind, line = token.line }
  elseif kind == "..." then
    self:take()
    return { t = "vararg", line = token.line }
  elseif kind == "{" then
    return self:table_constructor()
  elseif kind == "function" then
    self:take()
    return self:body(token.line)
  end
  return self:suffixed()
end

function Parser:expression(limit)
  local token = self:peek()
  local node
  limit = limit or 0
  if token.kind == "not" or token.kind == "-" or token.kind == "#" then
    self:take()
    node = {
      t = "unary", op = token.kind, line = token.line,
      a = self:expression(UNARY_PRIORITY),
    }
  else
    node = self:simple()
  end
  while true do
    local operator = self:peek()
    local priority = BINARY[operator.kind]
    if not priority or priority[1] <= limit then return node end
    self:take()
    node = {
      t = "binary", op = operator.kind, line = operator.line, a = node,
      b = self:expression(priority[2]), func = self.func,
    }
    self.nodes[#self.nodes + 1] = node
  end
end

function Parser:expressions()
  local list = { self:expression() }
  while self:accept(",") do list[#list + 1] = self:expression() end
  return list
end

--
-- Statements
--

function Parser:block()
  local body = {}
  self:open()
  while not self:over() do
    local statement = self:statement()
    if statement then body[#body + 1] = statement end
    if statement and statement.t == "return" then break end
  end
  self:close()
  return body
end

function Parser:statement_local(line)
  if self:accept("function") then
    local token = self:take("name")
    local var = self:declare(token.value, token.line)
    local func = self:body(line)
    write(var, func)
    return { t = "local", vars = { var }, values = { func }, line = line }
  end
  local names = { self:take("name") }
  while self:accept(",") do names[#names + 1] = self:take("name") end
  local values = self:accept("=") and self:expressions() or {}
  local each = distribute(values, #names)
  local vars = {}
  for i, token in ipairs(names) do
    vars[i] = self:declare(token.value, token.line)
    write(vars[i], each[i])
  end
  return { t = "local", vars = vars, values = values, line = line }
end

local function assign(targets, values, line)
  local each = distribute(values, #targets)
  for i, target in ipairs(targets) do
    target.written = true
    target.value = each[i]
    if target.t == "name" and target.var then
      write(target.var, each[i])
      -- Not a use.
      for j = #target.var.uses, 1, -1 do
        if target.var.uses[j] == target then
          table.remove(target.var.uses, j)
        end
      end
    end
  end
  return { t = "assign", targets = targets, values = values, line = line }
end

function Parser:statement_function(line)
  local target = self:name()
  local is_method = false
  while self:is(".") or self:is(":") do
    is_method = self:take().kind == ":"
    local key = self:take("name")
    target = {
      t = "index", obj = target, line = key.line, func = self.func,
      key = { t = "string", value = key.value, line = key.line },
    }
    self.nodes[#self.nodes + 1] = target
  end
  return assign({ target }, { self:body(line, is_method) }, line)
end

function Parser:statement_for(line)
  local names = { self:take("name") }
  local node = { line = line }
  if self:accept("=") then
    node.t = "fornum"
  else
    node.t = "forin"
    while self:accept(",") do names[#names + 1] = self:take("name") end
    self:take("in")
  end
  node.values = self:expressions()
  self:take("do")
  self:open()
  node.vars = {}
  for i, token in ipairs(names) do
    node.vars[i] = self:declare(token.value, token.line)
    write(node.vars[i], false)
  end
  node.body = self:block()
  self:close()
  self:take("end")
  return node
end

function Parser:statement_if(line)
  local node = { t = "if", line = line, clauses = {} }
  repeat
    local cond = self:expression()
    self:take("then")
    node.clauses[#node.clauses + 1] = { cond = cond, body = self:block() }
  until not self:accept("elseif")
  if self:accept("else") then
    node.clauses[#node.clauses + 1] = { body = self:block() }
  end
  self:take("end")
  return node
end

function Parser:statement_repeat(line)
  local node = { t = "repeat", line = line, body = {} }
  -- The condition sees the block's locals.
  self:open()
  while not self:over() do
    node.body[#node.body + 1] = self:statement()
  end
  self:take("until")
  node.cond = self:expression()
  self:close()
  return node
end

function Parser:statement()
  local token = self:peek()
  local kind, line = token.kind, token.line
  if self:accept(";") then return nil end
  if self:accept("local") then return self:statement_local(line) end
  if self:accept("function") then return self:statement_function(line) end
  if self:accept("if") then return self:statement_if(line) end
  if self:accept("for") then return self:statement_for(line) end
  if self:accept("repeat") then return self:statement_repeat(line) end
  if self:accept("break") then return nil end
  if kind == "goto" and self.list[self.at + 1].kind == "name" then
    self:take()
    self:take("name")
    return nil
  end
  if self:accept("::") then
    self:take("name")
    self:take("::")
    return nil
  end
  if self:accept("do") then
    local body = self:block()
    self:take("end")
    return { t = "do", body = body, line = line }
  end
  if self:accept("while") then
    local cond = self:expression()
    self:take("do")
    local body = self:block()
    self:take("end")
    return { t = "while", cond = cond, body = body, line = line }
  end
  if self:accept("return") then
    local node = { t = "return", line = line, func = self.func, values = {} }
    if not self:over() and not self:is(";") then
      node.values = self:expressions()
    end
    self:accept(";")
    self.returns[#self.returns + 1] = node
    return node
  end
  local targets = { self:suffixed() }
  if targets[1].t == "call" or targets[1].t == "method" then
    return { t = "call", call = targets[1], line = line }
  end
  while self:accept(",") do targets[#targets + 1] = self:suffixed() end
  self:take("=")
  return assign(targets, self:expressions(), line)
end

-- {main, vars, globals, nodes, returns}: the whole script as a func, and all
-- variables, global names, suffixed and binary expressions, and returns in it.
local function parse(text)
  local self = setmetatable({
    list = lexer.tokens(text), at = 1,
    vars = {}, globals = {}, nodes = {}, returns = {},
  }, Parser)
  local main = { t = "func", line = 0, params = {}, vararg = true }
  self.func = main
  main.body = self:block()
  return {
    main = main, vars = self.vars, globals = self.globals,
    nodes = self.nodes, returns = self.returns,
  }
end

return { parse = parse }
