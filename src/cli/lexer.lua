-- SPDX-License-Identifier: MIT
--
-- Tokens of Lua 5.1 as LuaJIT has it. The text has been compiled before, so it
-- is well-formed; where it is not, the lexer raises.

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local
    nil not or repeat return then true until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end

local OPERATORS = {
  "...", "..", "==", "~=", "<=", ">=", "::", "+", "-", "*", "/", "%", "^", "#",
  "<", ">", "=", "(", ")", "{", "}", "[", "]", ";", ":", ",", ".",
}

local ESCAPES = {
  a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v",
}

local function fail(line, what)
  error({ line = line, message = what }, 0)
end

local function utf8_char(n)
  if n < 0x80 then return string.char(n) end
  if n < 0x800 then
    return string.char(0xc0 + math.floor(n / 64), 0x80 + n % 64)
  end
  if n < 0x10000 then
    return string.char(0xe0 + math.floor(n / 4096),
      0x80 + math.floor(n / 64) % 64, 0x80 + n % 64)
  end
  return string.char(0xf0 + math.floor(n / 262144) % 8,
    0x80 + math.floor(n / 4096) % 64, 0x80 + math.floor(n / 64) % 64,
    0x80 + n % 64)
end

local function count_lines(text)
  local _, n = text:gsub("\n", "")
  return n
end

-- A quoted string that begins at `at`: its value, and where it ends.
local function quoted(text, at, line)
  local quote, parts, i = text:sub(at, at), {}, at + 1
  while true do
    local plain = text:match("^[^\\\n" .. quote .. "]+", i)
    if plain then
      parts[#parts + 1] = plain
      i = i + #plain
    end
    local c = text:sub(i, i)
    if c == quote then return table.concat(parts), i + 1, line end
    if c ~= "\\" then fail(line, "unfinished string") end
    local e = text:sub(i + 1, i + 1)
    local digits = text:match("^%d%d?%d?", i + 1)
    local hex = text:match("^x(%x%x)", i + 1)
    local point = text:match("^u{(%x+)}", i + 1)
    if digits then
      parts[#parts + 1] = string.char(tonumber(digits) % 256)
      i = i + 1 + #digits
    elseif hex then
      parts[#parts + 1] = string.char(tonumber(hex, 16))
      i = i + 4
    elseif point then
      parts[#parts + 1] = utf8_char(tonumber(point, 16))
      i = i + 4 + #point
    elseif e == "z" then
      local space = text:match("^%s*", i + 2)
      line = line + count_lines(space)
      i = i + 2 + #space
    else
      if e == "\n" then line = line + 1 end
      parts[#parts + 1] = ESCAPES[e] or e
      i = i + 2
    end
  end
end

-- [[...]] or [==[...]==] at `at`: its value and where it ends, or nil.
local function long(text, at, line)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local first = at + #level + 2
  local from, to = text:find("]" .. level .. "]", first, true)
  if not from then fail(line, "unfinished long string") end
  local value = text:sub(first, from - 1)
  return (value:gsub("^\r?\n", "")), to + 1, line + count_lines(value)
end

-- Skips spaces and comments.
local function skip(text, at, line)
  while true do
    local space = text:match("^%s+", at)
    if space then
      line = line + count_lines(space)
      at = at + #space
    elseif text:sub(at, at + 1) == "--" then
      local value, to, last = long(text, at + 2, line)
      if value then
        at, line = to, last
      else
        at = text:find("\n", at, true) or #text + 1
      end
    else
      return at, line
    end
  end
end

local function number_at(text, at)
  return text:match("^0[xX][%x%.]+[pP][+-]?%d+[%a]*", at)
    or text:match("^0[xX][%x%.]+[%a]*", at)
    or text:match("^%d[%d%.]*[eE][+-]?%d+[%a]*", at)
    or text:match("^%d[%d%.]*[%a]*", at)
    or text:match("^%.%d+[eE][+-]?%d+", at)
    or text:match("^%.%d+", at)
end

-- A list of tokens {kind, value, line}; kind is "name", "string", "number",
-- "eof", or the keyword or operator itself.
local function tokens(text)
  local list, at, line = {}, 1, 1
  if text:sub(1, 1) == "#" then at = text:find("\n", 1, true) or #text + 1 end
  while true do
    at, line = skip(text, at, line)
    local token = { line = line }
    list[#list + 1] = token
    if at > #text then
      token.kind = "eof"
      return list
    end
    local name, number = text:match("^[%a_\128-\255][%w_\128-\255]*", at),
      number_at(text, at)
    local value, to, last = long(text, at, line)
    if name then
      token.kind, token.value = KEYWORDS[name] and name or "name", name
      at = at + #name
    elseif number then
      token.kind, token.value = "number", number
      at = at + #number
    elseif value then
      token.kind, token.value = "string", value
      at, line = to, last
    elseif text:match("^[\"']", at) then
      token.kind = "string"
      token.value, at, line = quoted(text, at, line)
    else
      for _, operator in ipairs(OPERATORS) do
        if text:sub(at, at + #operator - 1) == operator then
          token.kind = operator
          break
        end
      end
      if not token.kind then fail(line, "unexpected symbol") end
      at = at + #token.kind
    end
  end
end

return { tokens = tokens }
