-- SPDX-License-Identifier: MIT
--
-- What editors are told about the modules that are written in C. Those in Lua
-- carry their annotations themselves.

local core = require "usher.core"
local write = require "usher.annotate_write"

local SOURCE = "src/cli/annotate_modules.lua"

local USHER = {
  now = { "", "return integer", "Seconds since 1970." },
  log = { "level, text",
    'param level "error"|"warning"|"info"\nparam text string',
    "A line in the host's log; 100 a minute at most." },
  hex = { "bytes", "param bytes string\nreturn string",
    "Hex digits, in lower case." },
  unhex = { "digits",
    "param digits string\nreturn string? bytes\nreturn string? why",
    "The bytes of hex digits; nil and why not." },
  base64 = { "bytes", "param bytes string\nreturn string",
    "Base64 with padding." },
  unbase64 = { "text",
    "param text string\nreturn string? bytes\nreturn string? why",
    "The bytes of base64; nil and why not." },
  sha256 = { "bytes", "param bytes string\nreturn string digest", "32 bytes." },
  hmac_sha256 = { "key, bytes",
    "param key string\nparam bytes string\nreturn string digest",
    "32 bytes." },
  random = { "n", "param n integer\nreturn string",
    "Random bytes, 1 to 1,024, good for secrets." },
  equal = { "a, b", "param a string\nparam b string\nreturn boolean",
    "Compares in a time that tells the lengths only." },
}

-- Modules that are fields of usher, too.
local FIELDS = {
  data = " usher.data", ip = " usher.ip", store = " usher.store",
  age = " fun(given: usher.age.Options): usher.Policy",
  bind = " fun(given: usher.bind.Options): usher.Policy",
  by_name = " fun(given: table<string, usher.Policy>): usher.Policy",
  chain = " fun(given: { name?: string, [integer]: usher.Policy }): "
    .. "usher.Policy",
  limit = " fun(given: usher.limit.Options): usher.Policy",
  once = " fun(given?: usher.once.Options): usher.Policy",
  options = " table for the library's own modules",
  part = " table for the library's own modules",
  revoke = " fun(given: usher.revoke.Options): usher.Policy",
  standard = " usher.Policy",
}

local IP = {
  parse = { "text", "param text string\nreturn string? address\n"
    .. "return 4|6? version",
    "An address in its usual form, and 4 or 6; nil if it is none." },
  prefix = { "address, bits4, bits6", "param address string\n"
    .. "param bits4? integer of an IPv4 address; 24 if nil\n"
    .. "param bits6? integer of an IPv6 address; 48 if nil\n"
    .. "return string network",
    'The network that an address lies in, as "192.0.2.0/24".' },
  contains = { "network, address", "param network string\n"
    .. "param address string\nreturn boolean",
    "Does the address lie in the network?" },
}

local STORE = {
  get = { "key", "param key string\nreturn string|number|boolean|nil value\n"
    .. 'return "busy"? why', "What is stored; nil if nothing is." },
  set = { "key, value, ttl", "param key string of 1 to 255 bytes\n"
    .. "param value string|number|boolean\n"
    .. "param ttl? number seconds to live; nil: no end\n"
    .. 'return true?\nreturn "busy"|"full"? why', "Stores a value." },
  add = { "key, value, ttl", "param key string of 1 to 255 bytes\n"
    .. "param value string|number|boolean\n"
    .. "param ttl? number seconds to live; nil: no end\n"
    .. 'return boolean? stored\nreturn "busy"|"full"? why',
    "Stores a value if there is none; of several at once, one gets true." },
  incr = { "key, by, ttl, from", "param key string of 1 to 255 bytes\n"
    .. "param by? integer 1 if nil\n"
    .. "param ttl? number seconds to live, of a number that begins\n"
    .. "param from? integer where it begins if there is none or less; "
    .. "0 if nil\n"
    .. 'return integer? sum\nreturn "busy"|"full"? why',
    "Adds to what is stored." },
  delete = { "key", 'param key string\nreturn boolean? there\n'
    .. 'return "busy"|"full"? why',
    "Was it there? Of several at once, one gets true." },
}

-- Behind the file's name: "form" is what its entries are.
local function options_of(form)
  return "param file string relative to the script's folder\nparam options? { "
    .. (form and "form?: usher.Form, " or "")
    .. "may_be_empty?: boolean, at_least?: integer }\n"
end

local DATA = {
  set = { "file, options", options_of(true) .. "return usher.Set",
    "Reads a list, one entry a line." },
  map = { "file, options", options_of(true) .. "return usher.Map",
    "Reads keys and, behind a blank, their values." },
  networks = { "file, options", options_of() .. "return usher.Networks",
    "Reads networks and addresses." },
  plain = { "text, form", "param text string\nparam form usher.Form\n"
    .. "return string? plain\nreturn string? why",
    "An entry in the one spelling that facts have; nil if it is none." },
}

local FORM = { "", "return usher.Form?", "What its entries are; nil: any." }

-- The objects of usher.data, by what makes them.
local OBJECTS = {
  set = { "Set", "The entries of a file. # counts them.", {
    contains = { "value", "param value string\nreturn boolean",
      "Is it an entry?" },
    form = FORM,
  } },
  map = { "Map", "The keys and values of a file. # counts them.", {
    get = { "key", "param key string\nreturn string?",
      "The value of a key, or nil." },
    form = FORM,
  } },
  networks = { "Networks",
    "The networks of a file. # counts those not within another one.", {
      contains = { "address", "param address string\nreturn boolean",
        "Does one of them cover the address?" },
    } },
}

local MODULES = {
  ["usher"] = USHER, ["usher.data"] = DATA, ["usher.ip"] = IP,
  ["usher.store"] = STORE,
}

-- Raises where the annotations are not about what there is.
local function check()
  local real, fields = core.modules(), {}
  local written_in_c = {}
  for name, functions in pairs(real) do
    local field = name:match("^usher%.(.*)")
    if field then fields[field] = true end
    if functions ~= true then written_in_c[name] = true end
  end
  write.agree("the library", written_in_c, MODULES)
  write.agree("usher", fields, FIELDS)
  for name, told in pairs(MODULES) do
    write.agree(name, write.set(real[name]), told)
  end
  for name, object in pairs(OBJECTS) do
    -- The first upvalue of what makes them is their metatable.
    local _, meta = debug.getupvalue(real["usher.data"][name], 1)
    write.agree("usher.data." .. name, write.set(meta.__index), object[3])
    assert(meta.__len)
  end
end

local function module(name, what)
  local title = name:match("[^.]*$")
  write.head(name .. ", " .. what, SOURCE)
  write.lines("", "---@class " .. name, "local " .. title .. " = {}")
  write.functions(title .. ".", MODULES[name])
  return title
end

local modules = {}

function modules.usher()
  check()
  write.class("usher", 'What require "usher" gives.', FIELDS)
  write.lines("local usher = {}")
  write.functions("usher.", USHER)
  write.lines("", "return usher")
end

function modules.ip()
  check()
  write.lines("", "return " .. module("usher.ip", "addresses and networks"))
end

function modules.store()
  check()
  write.lines("", "return "
    .. module("usher.store", "what threads and processes share"))
end

function modules.data()
  check()
  local title = module("usher.data", "lists from files")
  write.lines("", "---@alias usher.Form", '---| "serial" | "sha256" '
    .. '| "certificate" | "id" | "key_name" | "hex" | "host"')
  for _, name in ipairs(write.sorted(OBJECTS)) do
    local object = OBJECTS[name]
    write.lines("", "---" .. object[2], "---@class usher." .. object[1],
      "---@operator len: integer", "local " .. object[1] .. " = {}")
    write.functions(object[1] .. ":", object[3])
  end
  write.lines("", "return " .. title)
end

return modules
