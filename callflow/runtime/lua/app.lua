-- The app that a script declares, and `callflow`: what is not a call's. Given the sandbox, the tasks, the calls, the verbs, the
-- world outside.

local box, kit, call_kit, VERBS, outside = ...

local type, next, error, setmetatable, load, pcall = type, next, error, setmetatable, load, pcall
local pack, unpack, insert, remove, concat = table.pack, table.unpack, table.insert, table.remove, table.concat
local format, sub = string.format, string.sub
local ask, request, fail, expect_function = kit.ask, kit.request, kit.fail, kit.expect_function

local MAX_LINE = 4096 -- octets of what is logged at once
local LINE = 2000 -- what a line is charged as, in instructions: the engine has work with it

local declared -- the app
local adopted = {} -- functions for legs that were originated, by channel

local App = { __metatable = false, __name = "callflow.App" }
App.__index = App

local function add_route(app, pattern, f)
  if type(pattern) ~= "string" then error("route: expected a text as pattern, got " .. type(pattern), 3) end
  if app.functions[pattern] then
    error(format('route "%s" is taken already: each pattern leads to one function', pattern), 3)
  end
  app.functions[pattern] = f
  insert(app.patterns, pattern)
end

--- Give the calls to numbers that match a pattern, the whole number, to a function.
function App.route(app, ...)
  local patterns = { ... }
  local f = remove(patterns)
  expect_function(f, "route")
  if #patterns == 0 then error("route: expected a pattern and a function", 2) end
  for _, pattern in ipairs(patterns) do add_route(app, pattern, f) end
end

--- Give the calls that a lost session had to this function.
function App.on_reattach(app, f)
  expect_function(f, "on_reattach")
  app.reattached = f
end

--- Give the texts that users write to numbers of this app's routes, outside of calls, to this function.
function App.on_message(app, f)
  expect_function(f, "on_message")
  app.reader = f
end

local Text = { __metatable = false, __name = "callflow.TextMessage" }
Text.__index = Text

--- A text that somebody wrote to a number of this app's.
local function text_of(sender, to, body, content_type)
  return setmetatable({ sender = sender, to = to, body = body, content_type = content_type }, Text)
end

--- Write back, from the number it was written to.
function Text.reply(text, body)
  local args = call_kit.arguments("reply", VERBS.send_text, { text.sender, body, sender = text.to })
  return call_kit.outcome(ask("app", "reply", VERBS.send_text.command, args))
end

--- Dial without a caller: the leg that answers goes to a script, an app, a route or a bridge.
function App.originate(_, options)
  local args = call_kit.arguments("originate", VERBS.originate, options) or {}
  local script = args.script
  args.script = nil
  local legs = ask("legs", "originate", "", args.stages or {})
  args.stages = nil
  local result = call_kit.outcome(ask("originate", "originate", "", args, legs[1], script ~= nil))
  if result.answered and script then
    adopted[result.leg] = script
    request(0, "adopt", result.leg, result.target)
  end
  return result
end

local function add_verb(name, verb)
  App[name] = function(_, ...)
    local args = call_kit.arguments(name, verb, ...)
    return call_kit.outcome(ask("app", name, verb.command, args))
  end
end

for name, verb in next, VERBS do
  if verb.of_app and verb.kind == "plain" then add_verb(name, verb) end
end

local callflow = {}

function callflow.app(name, options)
  if declared then error("callflow.app: expected one app in a script", 2) end
  if type(name) ~= "string" then error("callflow.app: expected a name, got " .. type(name), 2) end
  local language = type(options) == "table" and options.language or "en"
  if type(language) ~= "string" then error("callflow.app: expected a language such as en, got " .. type(language), 2) end
  declared = setmetatable({ name = name, language = language, functions = {}, patterns = {} }, App)
  return declared
end

-- Time, and things beside each other

local function expect_seconds(seconds, command)
  if type(seconds) ~= "number" or seconds ~= seconds then fail("bad_argument", "expected seconds", command) end
end

local function expect_call(command)
  return kit.current() or fail("wrong_state", "expected to be in a call", command)
end

function callflow.sleep(seconds)
  expect_seconds(seconds, "sleep")
  ask("sleep", "sleep", seconds)
end

--- Seconds since the epoch.
callflow.now = box.now

--- Run a function beside the caller, until it returns or the script of the call is over.
function callflow.spawn(f, ...)
  expect_function(f, "spawn")
  local run = expect_call("spawn").run
  kit.expect_room(run, "spawn")
  local task = kit.spawn(run, run.on_spawned, f)
  kit.advance(task, ...)
  return call_kit.undoing(function() kit.cancel(task) end)
end

--- Run a function later, unless what is returned is closed before.
function callflow.after(seconds, f)
  expect_seconds(seconds, "after")
  expect_function(f, "after")
  return callflow.spawn(function()
    callflow.sleep(seconds)
    f()
  end)
end

--- Run functions beside each other: what the first to return gives. The others are ended.
function callflow.race(...)
  local functions, parent = { ... }, expect_call("race")
  for _, f in ipairs(functions) do expect_function(f, "race") end
  if #functions == 0 then fail("bad_argument", "expected functions, got none", "race") end
  local results, children, is_joining = nil, {}, false
  local function done(...)
    if results then return end
    results = pack(...)
    for _, child in ipairs(children) do kit.cancel(child) end
    parent.children = nil
    if is_joining then kit.advance(parent) end
  end
  parent.children = children
  for at, f in ipairs(functions) do
    kit.expect_room(parent.run, "race")
    children[at] = kit.spawn(parent.run, done, f)
  end
  for _, child in ipairs(children) do kit.advance(child) end
  if not results then
    is_joining = true
    kit.join()
  end
  if results[1] then return unpack(results, 2, results.n) end
  error(results[2].value, 0)
end

--- Run a function for so many seconds at most: true and what it returns, or false.
function callflow.within(seconds, f)
  expect_seconds(seconds, "within")
  expect_function(f, "within")
  return callflow.race(
    function() return true, f() end,
    function() callflow.sleep(seconds) return false end)
end

local Event = { __metatable = false, __name = "callflow.Event" }
Event.__index = Event

local Place = { __metatable = false } -- of a task that waits, until it does not

function Place.__close(place)
  for at, task in ipairs(place.tasks) do
    if task == place.task then return remove(place.tasks, at) end
  end
end

--- Something that happens once: scripts of any calls wait for it.
function callflow.event()
  return setmetatable({ happened = false, tasks = {} }, Event)
end

function Event.wait(event)
  if event.happened then return end
  local place <close> = setmetatable({ tasks = event.tasks, task = expect_call("wait") }, Place)
  insert(event.tasks, place.task)
  ask("rest", "wait")
end

function Event.set(event)
  if event.happened then return end
  event.happened = true
  for _, task in ipairs(event.tasks) do
    if task.number then request(0, "wake", task.number) end
  end
end

function Event.is_set(event)
  return event.happened
end

-- What can be heard

local Sound = { __metatable = false, __name = "callflow.Sound" }

local function sound(source, fields)
  fields.source = source
  return setmetatable(fields, Sound)
end

function callflow.tone(plan, seconds) return sound("tone", { plan = plan, seconds = seconds }) end
function callflow.silence(seconds) return sound("silence", { seconds = seconds }) end
function callflow.text(text, options)
  options = type(options) == "table" and options or {}
  return sound("text", { text = text, language = options.language, voice = options.voice })
end
function callflow.say(text, options)
  options = type(options) == "table" and options or {}
  return sound("say", { text = text, kind = options.kind, language = options.language })
end

-- What calls of an app share, also with those of its other versions

callflow.store = box.library({
  get = function(key) return (ask("store", "store.get", "get", key)) end,
  set = function(key, value) ask("store", "store.set", "set", key, value) end,
  add = function(key, number) return (ask("store", "store.add", "add", key, number or 1)) end,
})

-- The world outside

callflow.http, callflow.db = outside.http, outside.db

-- The log

local function logger(level)
  return function(...)
    box.charge(LINE)
    local words = pack(...)
    for at = 1, words.n do words[at] = box.told(words[at]) end
    local task = kit.current()
    request(0, "log", level, sub(concat(words, " "), 1, MAX_LINE), task and task.run.id)
  end
end

callflow.log = box.library({
  debug = logger("debug"), info = logger("info"), warning = logger("warning"), error = logger("error"),
})

-- Files

local modules, loading = {}, {}
local globals, seal

--- A file of the script's, as a function; or nil, and why not.
local function compiled(content, path)
  return load(content, "@" .. path, "t", globals)
end

local function require(name)
  if type(name) ~= "string" then error("require: expected a name, got " .. type(name), 2) end
  if modules[name] ~= nil then return modules[name] end
  if loading[name] then error(format("require: %s requires itself", name), 2) end
  local content, path = box.ask("require", name)
  if not content then error("require: " .. path, 2) end
  local chunk, problem = compiled(content, path)
  if not chunk then error(problem, 0) end
  loading[name] = true
  local ok, value = pcall(chunk, name)
  loading[name] = nil
  if not ok then error(value, 0) end
  modules[name] = value == nil and true or value
  return modules[name]
end

globals, seal = box.globals({ callflow = box.library(callflow), print = logger("info"), require = require })

return {
  compiled = compiled, seal = seal, adopted = adopted, log = callflow.log, text_of = text_of,
  declared = function() return declared end,
}
