-- What a script may use of Lua, and how much of it: given the limits, it returns the means to run a script's functions.
-- Every function of a script runs in a coroutine with a count hook, which looks at the limits. What the hook cannot see
-- (a C function at work, a finalizer, a message handler) is bounded, charged for, or not there.

local limits = ... -- instructions and seconds of one step, memory in KiB, text in octets

local create, resume, yield, status = coroutine.create, coroutine.resume, coroutine.yield, coroutine.status
local sethook, stack, metatable = debug.sethook, debug.traceback, debug.getmetatable
local collect, clock = collectgarbage, os.clock
local pcall, xpcall, error, type, select, next, rawget, rawset = pcall, xpcall, error, type, select, next, rawget, rawset
local getmetatable, setmetatable, tostring, rawlen = getmetatable, setmetatable, tostring, rawlen
local pack, unpack, insert, remove, move, sort, concat =
  table.pack, table.unpack, table.insert, table.remove, table.move, table.sort, table.concat
local find, match, gmatch, gsub, sub, rep, format = string.find, string.match, string.gmatch, string.gsub, string.sub, string.rep, string.format
local floor, os_time, os_date = math.floor, os.time, os.date

local box = {}

-- The limits of a step

local STRIDE = 100 -- instructions between two looks
local LOOKS = 10 -- between two looks at the clock, which are dearer
local LARGE = 16 * 1024 -- KiB: with so much in memory a single instruction may copy it for long, and each look is at the clock
local COLLECTION = 50000 -- what a full collection is charged as, in instructions
local used, looks, began, over = 0, 0, 0, nil
local where -- a script was when it passed a limit
local now = 0 -- seconds since the epoch

local function look_at_memory()
  collect()
  used = used + COLLECTION
  if collect("count") > limits.memory then
    over = format("it needs too much memory: expected at most %d KiB for all calls of the script", limits.memory)
  end
end

local function look_at_clock()
  looks = 0
  if clock() - began > limits.seconds then
    over = format("it computes for too long: expected at most %g s between two verbs", limits.seconds)
  end
end

local function hook()
  if not over then
    used, looks = used + STRIDE, looks + 1
    local memory = collect("count")
    if used > limits.instructions then
      over = format("it computes for too long: expected at most %d instructions between two verbs", limits.instructions)
    elseif memory > limits.memory then
      look_at_memory()
    elseif looks >= LOOKS or memory > LARGE then
      look_at_clock()
    end
    if not over then return end
  end
  sethook(hook, "", 1) -- a pcall that catches this does not get far
  error(over, 2)
end

--- Count what a C function does, which the hook does not see.
local function charge(instructions)
  if instructions > 0 then used = used + instructions end
  if used > limits.instructions then hook() end
end

--- A step begins, at that time.
function box.begin(at)
  now = at
  used, looks, began, over, where = 0, 0, clock(), nil, nil
end

function box.now()
  return now
end

--- Which limit was passed in this step, if one was.
function box.passed()
  return over
end

function box.exceed(reason)
  over = over or reason
end

local function hooked(f)
  local thread = create(f)
  sethook(thread, hook, "", STRIDE)
  return thread
end

-- Coroutines: those of the script's own pass on what is asked of the engine inside of them

local ASK = {}
box.ASK = ASK

--- Suspend whatever runs until the engine has an answer.
function box.ask(...)
  return yield(ASK, ...)
end

--- A text for an error of any kind: its __tostring may fail, or do anything that a script may.
local function told(value)
  if type(value) == "string" then return value end
  local ok, text = pcall(tostring, value)
  if ok and type(text) == "string" then return text end
  return "(an error of type " .. type(value) .. ")"
end
box.told = told

--- Only the script's own lines.
local function trace()
  local lines = {}
  for line in gmatch(stack(nil, 1), "[^\n]+") do
    local at = match(line, "^%s*(.*)$")
    if not find(at, "^callflow:") and not find(at, "^%[C%]") and at ~= "stack traceback:" and at ~= "(...tail calls...)" and #lines < 50 then
      insert(lines, "  " .. at)
    end
  end
  return concat(lines, "\n")
end

local function note(value)
  local noted = { value = value, trace = trace() }
  if over then where = where or noted.trace end
  return noted
end

--- Where the script was.
function box.where()
  return where or ""
end

--- A coroutine for a function: it ends with true and what that returned, or false and {value, trace}.
function box.coroutine(f)
  return hooked(function(...) return xpcall(f, note, ...) end)
end

local function passed_on(thread, ok, tag, ...)
  if not ok or tag ~= ASK then return ok, tag, ... end
  return box.resume_own(thread, yield(ASK, ...))
end

function box.resume_own(thread, ...)
  return passed_on(thread, resume(thread, ...))
end

local function wrapped(ok, first, ...)
  if ok then return first, ... end
  error(first, 0)
end

local own_coroutine = {
  create = function(f)
    if type(f) ~= "function" then error("bad argument #1 to 'create' (function expected)", 2) end
    charge(200)
    -- The pcall is for <close>: after an error in a coroutine without one its handlers would run without the hook.
    return hooked(function(...) return wrapped(pcall(f, ...)) end)
  end,
  resume = function(thread, ...) return box.resume_own(thread, ...) end,
  yield = yield,
  status = status,
  isyieldable = coroutine.isyieldable,
  close = coroutine.close,
}
function own_coroutine.wrap(f)
  local thread = own_coroutine.create(f)
  return function(...) return wrapped(box.resume_own(thread, ...)) end
end

-- Text

local MAX_PATTERN = 500 -- characters
local MAX_WORK = 1e7 -- steps of one match, at worst

local function text(value, name)
  if type(value) == "number" then return tostring(value) end
  if type(value) ~= "string" then
    error(format("bad argument to '%s' (string expected, got %s)", name, type(value)), 3)
  end
  return value
end

--- Backtracking takes n^k / k! steps for k repetitions over n characters, and nothing can stop it meanwhile.
local function expect_bounded(subject, pattern, name)
  if #pattern > MAX_PATTERN then
    error(format("string.%s: expected a pattern of at most %d characters, got %d", name, MAX_PATTERN, #pattern), 3)
  end
  local repeats = select(2, gsub(pattern, "[*+-]", "")) + select(2, gsub(pattern, "%%[bf]", ""))
  if sub(pattern, 1, 1) ~= "^" then repeats = repeats + 1 end
  local options = select(2, gsub(pattern, "?", ""))
  local work, length = 1, #subject + 1
  for k = 1, repeats do
    work = work * length / k
    if work > MAX_WORK then break end
  end
  if work * 2 ^ options > MAX_WORK then
    error(format("string.%s: this pattern could take too long over %d characters: expected fewer characters, "
      .. "or fewer of * + - ?", name, #subject), 3)
  end
  charge(floor(#subject / 16))
end

local own_string = {
  byte = string.byte, char = string.char, len = string.len, sub = sub, format = format,
}
for _, name in next, { "lower", "upper", "reverse" } do
  local native = string[name]
  own_string[name] = function(s)
    s = text(s, name)
    charge(floor(#s / 16))
    return native(s)
  end
end

function own_string.find(s, pattern, init, plain)
  s, pattern = text(s, "find"), text(pattern, "find")
  if plain then
    charge(floor(#s / 16))
  else
    expect_bounded(s, pattern, "find")
  end
  return find(s, pattern, init, plain)
end

function own_string.match(s, pattern, init)
  s, pattern = text(s, "match"), text(pattern, "match")
  expect_bounded(s, pattern, "match")
  return match(s, pattern, init)
end

function own_string.gmatch(s, pattern, init)
  s, pattern = text(s, "gmatch"), text(pattern, "gmatch")
  expect_bounded(s, pattern, "gmatch")
  return gmatch(s, pattern, init)
end

function own_string.gsub(s, pattern, replacement, n)
  s, pattern = text(s, "gsub"), text(pattern, "gsub")
  expect_bounded(s, pattern, "gsub")
  if type(replacement) == "string" and (#s + 1) * #replacement > limits.text then
    error(format("string.gsub: expected a result of at most %d octets", limits.text), 2)
  end
  return gsub(s, pattern, replacement, n)
end

function own_string.rep(s, n, separator)
  s, separator = text(s, "rep"), separator and text(separator, "rep") or ""
  if type(n) ~= "number" then error("bad argument #2 to 'rep' (number expected)", 2) end
  if n > 0 and (#s + #separator) * n > limits.text then
    error(format("string.rep: expected a result of at most %d octets", limits.text), 2)
  end
  charge(n > 0 and floor((#s + #separator) * n / 16) or 0)
  return rep(s, n, separator)
end

-- Tables: C functions that go through a whole one are charged for it

local MAX_UNPACKED = 5000 -- values

--- What there is to go through. A length that the script makes up could be any.
local function length(t, name)
  if type(t) ~= "table" then error(format("bad argument #1 to '%s' (table expected, got %s)", name, type(t)), 3) end
  local meta = metatable(t)
  if meta and rawget(meta, "__len") ~= nil then
    error(format("table.%s: expected a table without a __len of its own", name), 3)
  end
  return rawlen(t)
end

local function number(value, name)
  if type(value) ~= "number" then error(format("table.%s: expected a number, got %s", name, type(value)), 3) end
  return value
end

local own_table = {
  pack = pack,
  insert = function(t, ...)
    local count = length(t, "insert")
    if select("#", ...) > 1 then charge(floor(count / 4)) end
    return insert(t, ...)
  end,
  remove = function(t, ...)
    local count = length(t, "remove")
    if select("#", ...) > 0 then charge(floor(count / 4)) end
    return remove(t, ...)
  end,
  concat = function(t, ...)
    charge(length(t, "concat"))
    return concat(t, ...)
  end,
  unpack = function(t, i, j)
    local first, last = number(i or 1, "unpack"), number(j or length(t, "unpack"), "unpack")
    if last - first > MAX_UNPACKED then error(format("table.unpack: expected at most %d values", MAX_UNPACKED), 2) end
    return unpack(t, first, last)
  end,
  move = function(t, from, to, at, other)
    length(t, "move")
    charge(number(to, "move") - number(from, "move"))
    return move(t, from, to, at, other)
  end,
  sort = function(t, before)
    charge(length(t, "sort") * 20)
    return sort(t, before)
  end,
}

-- What cannot be changed: the libraries, and a script's globals once it is loaded

local frozen = setmetatable({}, { __mode = "k" })

local function freeze(content, refuse)
  local proxy = setmetatable({}, { __index = content, __newindex = refuse, __metatable = false })
  frozen[proxy] = true
  return proxy
end

local function refuse_library(_, name)
  error(format("expected a name of your own, got %s: the libraries cannot be changed", told(name)), 2)
end

local function library(content)
  return freeze(content, refuse_library)
end
box.library = library

local own_xpcall = function(f, handler, ...)
  -- The handler runs after the unwinding: inside of it the hook would not be called.
  local results = pack(pcall(f, ...))
  if results[1] then return unpack(results, 1, results.n) end
  return false, handler(results[2])
end

local functions = {
  assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pairs = pairs, pcall = pcall,
  rawequal = rawequal, rawget = rawget, rawlen = rawlen, select = select, tonumber = tonumber, tostring = tostring,
  type = type, xpcall = own_xpcall, _VERSION = _VERSION,
  rawset = function(t, key, value)
    if frozen[t] then refuse_library(t, key) end
    return rawset(t, key, value)
  end,
  setmetatable = function(t, meta)
    if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
      error("setmetatable: expected a metatable without __gc: take <close>", 2)
    end
    return setmetatable(t, meta)
  end,
}

local own_math = {}
for name, value in next, math do own_math[name] = value end
local own_os = {
  clock = function() return now end,
  time = function(at) return at == nil and floor(now) or os_time(at) end,
  date = function(shape, at) return os_date(shape, at or floor(now)) end,
  difftime = os.difftime,
}

--- The globals of a script: libraries, what the engine gives, and the script's own until it is `loaded`.
function box.globals(given)
  local content, is_loaded = {}, false
  for name, value in next, functions do content[name] = value end
  for name, value in next, given do content[name] = value end
  content.coroutine, content.string, content.table = library(own_coroutine), library(own_string), library(own_table)
  content.math, content.os, content.utf8 = library(own_math), library(own_os), library(utf8)
  local globals = freeze(content, function(_, name, value)
    if is_loaded then
      error(format("expected a local variable, got the global %s: calls share nothing but callflow.store", told(name)), 2)
    end
    content[name] = value
  end)
  content._G = globals
  return globals, function() is_loaded = true end
end

-- Texts have methods: of the bounded library, and nobody changes which.
local texts = getmetatable("")
texts.__index, texts.__metatable = library(own_string), false

box.charge, box.library, box.trace = charge, library, trace
return box
