---@meta
-- SPDX-License-Identifier: MIT
--
-- For the Lua language server: usher.store, what threads and processes share.
-- Made out of src/cli/annotate_modules.lua; "make annotations" writes it.

---@class usher.store
local store = {}

---Stores a value if there is none; of several at once, one gets true.
---@param key string of 1 to 255 bytes
---@param value string|number|boolean
---@param ttl? number seconds to live; nil: no end
---@return boolean? stored
---@return "busy"|"full"? why
function store.add(key, value, ttl) end

---Was it there? Of several at once, one gets true.
---@param key string
---@return boolean? there
---@return "busy"|"full"? why
function store.delete(key) end

---What is stored; nil if nothing is.
---@param key string
---@return string|number|boolean|nil value
---@return "busy"? why
function store.get(key) end

---Adds to what is stored.
---@param key string of 1 to 255 bytes
---@param by? integer 1 if nil
---@param ttl? number seconds to live, of a number that begins
---@param from? integer where it begins if there is none or less; 0 if nil
---@return integer? sum
---@return "busy"|"full"? why
function store.incr(key, by, ttl, from) end

---Stores a value.
---@param key string of 1 to 255 bytes
---@param value string|number|boolean
---@param ttl? number seconds to live; nil: no end
---@return true?
---@return "busy"|"full"? why
function store.set(key, value, ttl) end

return store
