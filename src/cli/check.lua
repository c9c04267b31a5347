-- SPDX-License-Identifier: MIT
--
-- usher check: loads a policy as a server would, looks at its text, runs its
-- functions over the samples, and prints what is wrong, a finding a line.

local core = require "usher.core"
local lines = require "usher.lines"
local lint = require "usher.lint"
local samples = require "usher.samples"
local advice = require "usher.advice"
local util = require "usher.util"

local read = util.read

local TRACED_CPU = 100 -- the tracing costs CPU time, which is no limit's fault
local MADES_MAX = 10   -- different tables of generate that decrypt is given

local Check = {}
Check.__index = Check

-- `where`, which facts it was seen with, does not make it another finding.
function Check:add(file, line, what, todo, where)
  local key = file .. ":" .. line .. ":" .. what
  if self.seen[key] then return end
  self.seen[key] = true
  local finding = {
    file = file, line = line, todo = todo, order = #self.findings,
    what = where and what .. " (" .. where .. ")" or what,
  }
  self.findings[#self.findings + 1] = finding
  return finding
end

-- What may be meant. It does not count as a finding.
function Check:warn(...)
  local finding = self:add(...)
  if finding then finding.level = "warning" end
end

-- The names in a finding: those in quotes, and the last ones of a.b.c.
local function names_in(text)
  local names = {}
  for name in text:gmatch("'([^']+)'") do names[name] = true end
  for name in text:gmatch("[%w_]%.([%a_][%w_]*)") do names[name] = true end
  return names
end

-- Has the look at the text found this already, in its own words?
function Check:is_known(file, line, what, code)
  local names = names_in(what)
  for _, finding in ipairs(self.findings) do
    if finding.static and finding.line == line and finding.file == file then
      if code == "return" or (what:find("^attempt to compare")
        and finding.what:find("compared")) then
        return true
      end
      for name in pairs(names_in(finding.what)) do
        if names[name] then return true end
      end
    end
  end
  return false
end

-- An error of the library's: "script:line: what; what to do".
function Check:add_error(err)
  local text = advice.strip(err)
  local what, todo = text:match("^(.-); (.*)$")
  self:add(self:file_of(err), err.line, what or text,
    todo or advice.for_load(err))
end

-- The wrong lines of the data files that were read. A server loads no policy
-- with such; here it goes on without them.
function Check:add_wrong_lines()
  for _, err in ipairs(core.wrong_lines()) do
    if err.more == 0 then
      self:add_error(err)
    else
      local rest = self:add(err.script, 0, ("and %d more wrong line%s"):format(
        err.more, err.more > 1 and "s" or ""), "correct those above first")
      if rest then rest.last = true end
    end
  end
end

-- The file that an error is about: the policy's, or one that it requires.
function Check:file_of(err)
  return err.script ~= "" and err.script or self.file
end

local existing = {}

-- Whether an expression is something in the sandbox.
local function exists(expression)
  if existing[expression] == nil then
    local text = "assert((" .. expression .. ") ~= nil) return {}"
    existing[expression] = core.policy("=probe", text, {}) ~= nil
  end
  return existing[expression]
end

--
-- Running
--

local function new_account()
  return {
    samples = 0, instructions = 0, memory = 0, bytes = 0,
    worst = nil, worst_bytes = nil,
  }
end

-- How messages name the file of a chunk, as "@lists.lua"; nil for what is not
-- beside the policy.
function Check:file_of_chunk(source)
  local name = source:match("^@(.*)")
  if name == self.file:match("[^/]*$") then return self.file end
  local file = self.file:match("^(.*/)") or ""
  return name and file .. name
end

-- The line that ran last, and its file.
function Check:place_of(result)
  return self:file_of_chunk(result.source or "") or self.file, result.line
end

-- Would decrypt have let a ticket with these facts resume? Where it is refused,
-- generate never meets it.
function Check:resumes(sample)
  local doc = sample.doc
  if not self.policy:info().decrypt then return true end
  local result = self.policy:call("decrypt", {
    conn = doc.conn, ticket = doc.ticket.previous,
  })
  local verdict = result.verdict
  return verdict == "default" or verdict == "use" or verdict == "use_renew"
end

-- One call.
function Check:call(fn, sample)
  local account = self.accounts[fn]
  local result = self.policy:call(fn, sample.doc)
  account.samples = account.samples + 1
  if result.instructions >= account.instructions then
    if result.instructions > account.instructions or not account.worst then
      account.worst = sample.name
    end
    account.instructions = result.instructions
  end
  account.memory = math.max(account.memory, result.memory)
  if fn == "generate" and #(result.app_data or "") > account.bytes then
    account.bytes, account.worst_bytes = #result.app_data, sample.name
    account.file, account.line = self:place_of(result)
  end
  if result.error then
    local err = result.error
    local file, line = self:file_of(err), err.line
    -- What a function returned is known to be wrong only once it has.
    if (err.code == "return" or err.code == "app_data" or line == 0)
      and result.line > 0 then
      file, line = self:place_of(result)
    end
    local what, todo, where =
      advice.for_run(err, sample, self.trees[file], line)
    if not self:is_known(file, line, what, err.code) then
      self:add(file, line, what, todo, where)
    end
  end
  for _, name in ipairs(result.asked_vars) do
    if not self.vars[name] then
      self.vars[name] = true
      self.vars[#self.vars + 1] = name
    end
  end
  return result
end

-- The sample, and where it is a full one, the same without each fact that was
-- asked for and may be missing, and with what was asked of conn.vars.
function Check:run(fn, sample)
  local results = {}
  if sample.partial and not self:resumes(sample) then return results end
  local result = self:call(fn, sample)
  results[1] = result
  if not sample.full then return results end
  local asked = {}
  for path in pairs(result.asked) do asked[#asked + 1] = path end
  table.sort(asked)
  for _, path in ipairs(asked) do
    local less = samples.without(sample, path)
    if less and not (less.partial and not self:resumes(less)) then
      results[#results + 1] = self:call(fn, less)
    end
  end
  for _, value in ipairs { "1", "text" } do
    if #self.vars > 0 then
      local more = samples.with_vars(sample, self.vars, value)
      results[#results + 1] = self:call(fn, more)
    end
  end
  return results
end

-- What generate makes of its samples: the different ones.
function Check:run_generate(env)
  local mades, seen = {}, {}
  local function note(results)
    for _, result in ipairs(results) do
      local key = result.cbor or (result.kind == "string" and result.app_data)
      if key and not seen[key] and #mades < MADES_MAX then
        seen[key] = true
        mades[#mades + 1] = {
          kind = result.kind, app_data = result.app_data,
          cbor = result.cbor and result.cbor:gsub(".", function(c)
            return ("%02x"):format(c:byte())
          end),
        }
      end
    end
  end
  for _, sample in ipairs(samples.for_generate(nil, env)) do
    note(self:run("generate", sample))
  end
  for _, sample in ipairs(samples.for_generate(mades[1] or {}, env)) do
    note(self:run("generate", sample))
  end
  return mades
end

-- What is wrong with recorded facts, or nil.
function Check:run_all()
  local info = self.policy:info()
  local env = {
    now = core.now(), name = info.name, revision = info.revision,
  }
  local mades = {}
  if info.generate then mades = self:run_generate(env) end
  if info.decrypt then
    for _, sample in ipairs(samples.for_decrypt(mades, env)) do
      self:run("decrypt", sample)
    end
  end
  for _, facts in ipairs(self.options.facts) do
    if info[facts.fn] then
      local ok, why = pcall(
        self.call, self, facts.fn, { name = facts.path, doc = facts.path })
      if not ok then return why:gsub("^usher%.check:%d+: ", "") end
    end
  end
end

function Check:look_at_sizes()
  local account, most = self.accounts.generate, self.options.app_data_clients
  if account.bytes <= most then return end
  self:warn(account.file, account.line,
    ("%d bytes in the ticket are more than some clients can offer back")
      :format(account.bytes),
    ("store %d at most; see APP DATA in usher(7)"):format(most),
    account.worst_bytes)
end

-- Lines of the policy that have code, and that no sample ran.
function Check:find_unreached()
  local missed = {}
  for _, chunk in ipairs(core.coverage()) do
    if chunk.path == self.file
      and self:file_of_chunk(chunk.source) == self.file then
      for _, line in ipairs(lines.active(self.text)) do
        if not chunk.lines[line] then missed[#missed + 1] = line end
      end
    end
  end
  return missed
end

function Check:load(traced)
  local options = {}
  for name, value in pairs(self.options.limits) do options[name] = value end
  if traced then
    options.cpu_time_limit =
      math.min(options.cpu_time_limit * TRACED_CPU, 2 ^ 31)
  end
  return core.policy(self.file, nil, options)
end

-- Where loading ended: out of memory, the library can't say.
function Check:line_of_load()
  core.trace("lines")
  self:load(true)
  core.trace()
  return core.line()
end

-- The static findings of one file. What can't be parsed here was compiled
-- before, so the parser is at fault, and the rest of the checks go on.
function Check:look(file, text)
  local ok, findings, tree = pcall(lint.check, text, {
    facts = core.facts(), surface = core.surface(), near = core.near,
    exists = exists,
  })
  if not ok then
    self.note = file .. ": the text was not looked at: "
      .. (type(findings) == "table" and findings.message or findings)
    return
  end
  self.trees[file] = tree
  for _, f in ipairs(findings) do
    if not self:is_known(file, f.line, f.what) then
      self:add(file, f.line, f.what, f.todo)
    end
  end
  for _, finding in ipairs(self.findings) do finding.static = true end
end

-- The same of the modules beside it: those that a load ran.
function Check:look_at_modules()
  for _, chunk in ipairs(core.coverage()) do
    local file = chunk.path == self.file and self:file_of_chunk(chunk.source)
    if file and not self.trees[file] then
      local text = read(file)
      if text then self:look(file, text) end
    end
  end
end

local function unreadable(why)
  io.stderr:write("usher: check: ", why, "\n")
  return "unreadable"
end

-- "unreadable" if the file is, or recorded facts are; or nil.
function Check:go()
  core.wrong_lines()
  local policy, err = self:load(false)
  self:add_wrong_lines()
  self.text = read(self.file)
  if not policy and (err.code == "file" or err.code == "system") then
    return unreadable(err.message)
  end
  if not policy then
    if err.line == 0 then err.line = self:line_of_load() end
    self:add_error(err)
    self.findings[1].static = true
  end
  if self.text and (not err or err.code ~= "syntax"
    or self:file_of(err) ~= self.file) then
    self:look(self.file, self.text)
  end
  if not policy then return end
  policy:close()
  core.trace("exact")
  self.policy, err = self:load(true)
  core.wrong_lines()
  if not self.policy then
    core.trace()
    return self:add_error(err)
  end
  self:look_at_modules()
  local why = self:run_all()
  core.trace()
  self:look_at_sizes()
  if why then return unreadable(why) end
  self.unreached = self:find_unreached()
  self.info = self.policy:info()
  self.policy:close()
end

--
-- Printing
--

local function ranges(numbers)
  local list = {}
  for i, line in ipairs(numbers) do
    local last = list[#list]
    if last and last[2] == numbers[i - 1] and line - last[2] <= 1 then
      last[2] = line
    else
      list[#list + 1] = { line, line }
    end
  end
  for i, range in ipairs(list) do
    list[i] = range[1] == range[2] and tostring(range[1])
      or range[1] .. "-" .. range[2]
  end
  return table.concat(list, ", ")
end

-- How many there are, without the warnings.
local function count(findings)
  local n = 0
  for _, f in ipairs(findings) do
    if f.level ~= "warning" then n = n + 1 end
  end
  return n
end

local function print_text(self)
  for _, f in ipairs(self.findings) do
    local place = f.line > 0 and f.file .. ":" .. f.line or f.file
    print(place .. ": " .. (f.level and f.level .. ": " or "") .. f.what
      .. (f.todo and "; " .. f.todo or ""))
  end
  local n = count(self.findings)
  local warnings = #self.findings - n
  print(("%s: %s%s"):format(self.file, n == 0 and "no findings"
    or n == 1 and "1 finding" or n .. " findings",
    warnings == 0 and "" or warnings == 1 and ", 1 warning"
    or ", " .. warnings .. " warnings"))
  if self.note then print("  " .. self.note) end
  if not self.info then return end
  for _, fn in ipairs { "decrypt", "generate" } do
    local a = self.accounts[fn]
    if self.info[fn] then
      print(("  %-9s %d samples; at most %d of %d instructions (%s)"):format(
        fn, a.samples, a.instructions, self.info.instruction_limit, a.worst))
      print(("  %-9s and %d of %d bytes of memory"):format("", a.memory,
        self.info.memory_limit))
      if fn == "generate" then
        print(("  %-9s and %d of %d bytes in the ticket (%s)"):format("",
          a.bytes, self.info.app_data_limit, a.worst_bytes or "none"))
      end
    end
  end
  if #self.unreached > 0 then
    print("  no sample reached line " .. ranges(self.unreached))
  end
end

local function print_json(self)
  for _, f in ipairs(self.findings) do
    print(core.json {
      file = f.file, line = f.line > 0 and f.line or nil, what = f.what,
      todo = f.todo, level = f.level,
    })
  end
  local summary = { file = self.file, findings = count(self.findings) }
  if self.info then
    for _, fn in ipairs { "decrypt", "generate" } do
      local a = self.accounts[fn]
      if self.info[fn] then
        summary[fn] = {
          samples = a.samples, instructions = a.instructions,
          instruction_limit = self.info.instruction_limit,
          instructions_sample = a.worst, memory = a.memory,
          memory_limit = self.info.memory_limit,
        }
      end
    end
    if self.info.generate then
      summary.generate.bytes = self.accounts.generate.bytes
      summary.generate.bytes_limit = self.info.app_data_limit
      summary.generate.bytes_sample = self.accounts.generate.worst_bytes
    end
    if #self.unreached > 0 then summary.unreached = ranges(self.unreached) end
  end
  print(core.json(summary))
end

local function check_file(file, options)
  local self = setmetatable({
    file = file, options = options, findings = {}, seen = {}, vars = {},
    trees = {},
    accounts = { decrypt = new_account(), generate = new_account() },
  }, Check)
  local failed = self:go()
  if failed then return failed end
  table.sort(self.findings, function(a, b)
    if a.file ~= b.file then return a.file < b.file end
    if a.last ~= b.last then return b.last == true end
    if a.line ~= b.line then return a.line < b.line end
    return a.order < b.order
  end)
  local print_all = options.json and print_json or print_text
  print_all(self)
  return nil, count(self.findings)
end

-- The exit status of `usher check`. options: json, limits, facts: a list of
-- {path, fn}.
local function run(files, options)
  local status = 0
  for _, file in ipairs(files) do
    local failed, n = check_file(file, options)
    if failed then
      status = 2
    elseif n > 0 and status == 0 then
      status = 1
    end
  end
  return status
end

return { run = run }
