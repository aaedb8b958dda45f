-- What a script sees of its calls. Given the sandbox and the verbs (from callflow/protocol, see verb.py), it returns what the
-- engine calls: each entry is one step. What a script asks for waits in a queue until the engine has taken it.

local box, VERBS, OUTCOMES, HANDLES, ENDED = ...

local create, resume, close, status = coroutine.create, coroutine.resume, coroutine.close, coroutine.status
local type, select, next, error, pcall, tostring = type, select, next, error, pcall, tostring
local setmetatable, getmetatable, rawget = setmetatable, getmetatable, rawget
local pack, unpack, insert, remove, concat = table.pack, table.unpack, table.insert, table.remove, table.concat
local format, gsub, match, rep, sub = string.format, string.gsub, string.match, string.rep, string.sub
local ASK = box.ASK

local calls = {}   -- by channel
local run_of = {}  -- by channel: the script that steers it
local adopted = {} -- functions for legs that were originated, by channel
local waiting = {} -- tasks, by the number of what they asked
local queue, numbers = {}, 0
local current      -- the task that runs
local app          -- what the script declares
local now = 0

local MAX_TASKS = 100   -- of one call
local MAX_PRESSES = 10  -- of bound digits that wait

-- Asking

local function request(...)
  insert(queue, pack(...))
end

-- Errors of verbs are tables: code, message, command, and where

local Error = {}
Error.__index = Error
Error.__metatable = false
Error.__name = "callflow.Error"
function Error.__tostring(e)
  return e.where .. (e.command and e.command .. ": " or "") .. e.message
end
function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

--- Where the script is: its innermost line.
local function place()
  local line = match(box.trace(), "^%s*([^\n]-:%d+): ")
  return line and line .. ": " or ""
end

local function fail(code, message, command)
  error(setmetatable({ code = code, message = message, command = command, where = place() }, Error), 0)
end

local function settled(command, ok, first, ...)
  if ok then return first, ... end
  fail(first, ..., command)
end

local function ask(kind, command, ...)
  if not current then fail("wrong_state", "expected to be in a call: scripts are loaded without one", command or kind) end
  return settled(command, box.ask(kind, ...))
end

-- Tasks: the coroutines of a call. One that is closed does not come back: its <close> variables are closed

local advance, conclude, kill

local function cancel(task)
  if task.is_done then return end
  task.is_done = true
  task.run.count = task.run.count - 1
  task.run.tasks[task] = nil
  for _, child in next, task.children or {} do cancel(child) end
  if task.number then
    waiting[task.number] = nil
    request(0, "drop", task.number)
  end
  local before = current
  current = task
  pcall(close, task.thread)
  current = before
  if box.passed() then kill(task.run, box.passed()) end
end

local function finish(task, ok, ...)
  task.is_done = true
  task.run.count = task.run.count - 1
  task.run.tasks[task] = nil
  for _, child in next, task.children or {} do cancel(child) end
  task.on_done(ok, ...)
end

local function expect_room(run, verb)
  if run.count >= MAX_TASKS then
    fail("overloaded", format("expected at most %d coroutines in a call", MAX_TASKS), verb)
  end
end

local function spawn(run, on_done, f, ...)
  local task = { run = run, thread = box.coroutine(f), on_done = on_done }
  run.tasks[task] = true
  run.count = run.count + 1
  return task
end

--- A script has passed a limit: whatever it has caught, it is over.
function kill(run, reason)
  if run.is_killed then return end
  run.is_killed = true
  for task in next, run.tasks do
    if not task.is_done then
      task.is_done = true
      if task.number then
        waiting[task.number] = nil
        request(0, "drop", task.number)
      end
    end
  end
  run.tasks, run.count, run.is_over = {}, 0, true
  request(0, "killed", run.id, reason, box.where())
end

local function stepped(task, ok, tag, kind, ...)
  if ok and tag == false and type(kind) ~= "table" then -- an error that no handler has seen: the memory is full
    box.exceed("it needs too much memory: " .. tostring(kind))
  end
  if box.passed() then return kill(task.run, box.passed()) end
  if status(task.thread) == "dead" then
    if not ok then return finish(task, false, { value = tag, trace = "" }) end
    return finish(task, tag, kind, ...)
  end
  if tag ~= ASK then
    task.thread = nil
    return finish(task, false, { value = "coroutine.yield: expected to be in a coroutine of the script's own", trace = "" })
  end
  if kind == "join" then return (...)(task) end
  numbers = numbers + 1
  task.number = numbers
  waiting[numbers] = task
  request(numbers, kind, ...)
end

function advance(task, ...)
  if task.is_done then return end
  local before = current
  current, task.number = task, nil
  stepped(task, resume(task.thread, ...))
  current = before
end

-- Calls

local Call = {}
local Methods = {}
Call.__index = Methods
Call.__metatable = false
Call.__name = "callflow.Call"
function Call.__tostring(call)
  return "call " .. call.id
end

local Source = { __metatable = false, __name = "callflow.Source" }

local function is_plain(value)
  return type(value) == "table" and getmetatable(value) == nil
end

local function expect_run(call, name)
  return run_of[call.id] or fail("call_ended", "the script of this call is over", name)
end

--- Values as the engine takes them: calls by their ids.
local function given(value)
  if type(value) == "table" and calls[rawget(value, "id")] == value then return value.id end
  return value
end

--- What a verb is given: values in their order, or one table that holds them, and options by name.
local function arguments(name, verb, ...)
  local count = select("#", ...)
  if count == 0 then return nil end
  local positional, args = { ... }, nil
  local table = positional[1]
  if count == 1 and is_plain(table) then
    args, positional, count = {}, {}, 0
    for key, value in next, table do
      if type(key) == "number" then
        if key > count then count = key end
        positional[key] = given(value)
      else
        args[match(key, "^(.-)_?$")] = given(value)
      end
    end
    if verb.is_map then return { [verb.is_map] = args } end
  end
  args = args or {}
  local names = verb.positional
  for at = 1, count do
    local field = names[at]
    local value = given(positional[at])
    if value == nil then
      if count > #names then fail("bad_argument", format("expected a value, got nil as value %d", at), name) end
    elseif verb.rest and at >= #names then
      local rest = args[verb.rest]
      if type(rest) ~= "table" then rest = {} args[verb.rest] = rest end
      rest[at - #names + 1] = value
    elseif field == nil then
      fail("bad_argument", format("expected at most %d values, got %d; options stand in one table with them", #names, count), name)
    else
      args[field] = value
    end
  end
  return args
end

--- An outcome: {outcome = "digits", digits = true, value = "1"}; false for what has none.
local function outcome(tag, ...)
  if not tag then return ... end
  local result, names = { outcome = tag }, OUTCOMES[tag]
  for at = 1, #names do result[names[at]] = (select(at, ...)) end
  if result[tag] == nil then result[tag] = true end
  return result
end

for name, verb in next, VERBS do
  local command = verb.command
  if not verb.is_special then
    Methods[name] = function(call, ...)
      local args = arguments(name, verb, ...)
      return outcome(ask("do", name, call.id, command, args))
    end
  end
end

-- What goes on beside the script

local Handle = {}
local Going = {}
Handle.__index = Going
Handle.__metatable = false
Handle.__name = "callflow.Handle"
function Handle.__close(handle)
  handle:close()
end

function Going.wait(handle)
  return outcome(ask("await", "wait", handle.call.id, handle.id))
end

--- Stop it, and say how far it came.
function Going.stop(handle)
  handle:close()
  return handle:wait()
end

--- Stop it, and do not wait.
function Going.close(handle)
  if not handle.is_closed and not handle.call.is_over then
    handle.is_closed = true
    request(0, "stop", handle.call.id, handle.id)
  end
end

local function control(handle, name, args)
  args.command = handle.id
  return outcome(ask("do", name, handle.call.id, "control", args))
end
function Going.pause(handle) return control(handle, "pause", { action = "pause" }) end
function Going.resume(handle) return control(handle, "resume", { action = "resume" }) end
function Going.seek(handle, by_ms) return control(handle, "seek", { seek_ms = by_ms }) end
function Going.gain(handle, gain_db) return control(handle, "gain", { gain_db = gain_db }) end

for name, of in next, HANDLES do
  local verb = VERBS[of]
  Methods[name] = function(call, ...)
    local id = ask("begin", name, call.id, verb.command, arguments(name, verb, ...))
    return setmetatable({ id = id, call = call }, Handle)
  end
end

--- What a block sets and its end takes back.
local Undo = { __metatable = false, __name = "callflow.Undo" }
Undo.__index = { close = function(undo)
  if undo.back then
    local back = undo.back
    undo.back = nil
    back()
  end
end }
function Undo.__close(undo)
  undo:close()
end

local function undoing(call, command, args)
  return setmetatable({ back = function()
    if not call.is_over then request(0, "tell", call.id, command, args) end
  end }, Undo)
end

function Methods.holding(call, ...)
  call:hold(...)
  return undoing(call, "resume")
end

function Methods.muting(call, direction)
  call:mute(direction)
  return undoing(call, "unmute", { direction = direction or "in" })
end

local function serve_presses(call, digits, f)
  local binding = { presses = 0 }
  function binding.press(run)
    binding.presses = binding.presses + 1
    if binding.presses > 1 then
      if binding.presses > MAX_PRESSES then binding.presses = MAX_PRESSES end
      return
    end
    advance(spawn(run, run.on_spawned, function()
      while binding.presses > 0 do
        f()
        binding.presses = binding.presses - 1
      end
    end))
  end
  return binding
end

function Methods.binding_digits(call, digits, f)
  if type(f) ~= "function" then fail("bad_argument", "expected digits and a function", "binding_digits") end
  call:bind_digits(digits)
  local run = expect_run(call, "binding_digits")
  run.bindings = run.bindings or {}
  local bindings = run.bindings
  local key = call.id .. " " .. digits
  bindings[key] = serve_presses(call, digits, f)
  local undo = undoing(call, "unbind_digits", { digits = digits })
  local back = undo.back
  undo.back = function()
    bindings[key] = nil
    back()
  end
  return undo
end

-- Ends

local function ending(name, verb)
  Methods[name] = function(call, ...)
    if name == "hangup" and call.is_over then return end
    ask("end", name, call.id, verb.command, arguments(name, verb, ...))
  end
end
for name, verb in next, VERBS do
  if verb.is_special == "ending" then ending(name, verb) end
end

--- Wait for the end, and say how it came.
function Methods.wait_hangup(call)
  if not call.is_over then ask("wait_ended", "wait_hangup", call.id) end
  return call.ended
end

--- Have a function called with the end of the call, when the script is over.
function Methods.on_hangup(call, f)
  if type(f) ~= "function" then fail("bad_argument", "expected a function, got " .. type(f), "on_hangup") end
  local run = expect_run(call, "on_hangup")
  run.on_hangup = run.on_hangup or {}
  insert(run.on_hangup, f)
end

-- Dialling

local function new_call(run, id, facts)
  facts.id, facts.is_answered, facts.is_over = id, facts.is_answered or false, false
  facts.variables = facts.variables or {}
  calls[id], run_of[id] = setmetatable(facts, Call), run
  return facts
end

local function forget(id)
  calls[id], run_of[id] = nil, nil
end

--- The legs of a dial as calls; with a function to confirm, each answered one is asked.
local function adopt(origin, run, legs, confirm)
  for at = 1, #legs, 2 do
    local id, target = legs[at], legs[at + 1]
    local leg = new_call(run, id, {
      direction = "outbound", caller = origin and origin.caller, callee = { uri = target, number = target, name = "" },
      to = target, origin = origin,
    })
    run.confirms[id] = confirm
    run.legs[id] = leg
  end
end

local function won(tag, ...)
  local result = outcome(tag, ...)
  local leg = tag == "answered" and calls[result.leg]
  if leg then
    leg.is_answered, result.leg = true, leg
  end
  return result
end

function Methods.dial(call, ...)
  local args = arguments("dial", VERBS.dial, ...) or {}
  local confirm
  if type(args.confirm) == "function" then
    confirm = args.confirm
    args.confirm = { timeout = args.timeout or 30 }
  end
  local run = expect_run(call, "dial")
  local legs = ask("legs", "dial", call.id, args.stages or {})
  adopt(call, run, legs, confirm)
  args.stages = nil
  return won(ask("dial", "dial", call.id, args, legs[1]))
end

--- Have the caller choose, and go on with the function of the choice: what that returns, or why there was no choice.
function Methods.menu(call, menu)
  local keys, shortest, longest = {}, 99, 0
  for key, f in next, is_plain(menu) and menu.choices or {} do
    key = tostring(key)
    if type(f) ~= "function" or not match(key, "^[0-9*#A-D]+$") then
      fail("bad_argument", format("expected functions under keys such as 1 or *5, got %s under %s", type(f), key), "menu")
    end
    shortest, longest = math.min(shortest, #key), math.max(longest, #key)
    insert(keys, (gsub(key, ".", "[%0]")))
  end
  if longest == 0 then fail("bad_argument", 'expected { "menu.wav", choices = { ["1"] = f } }', "menu") end
  table.sort(keys)
  local gather = { min = shortest, max = longest, valid = concat(keys, "|"), timeout = menu.timeout or 5,
    retries = menu.retries or 2, invalid = menu.invalid or {}, terminators = match(concat(keys), "#") and "" or "#" }
  for at, source in ipairs(menu) do gather[at] = source end
  local entry = call:gather(gather)
  if not entry.digits then return entry end
  local choices = menu.choices
  return (choices[entry.value] or choices[math.tointeger(entry.value)])(call)
end

function Methods.set(call, variables, ...)
  local changes = {}
  for name, value in next, is_plain(variables) and variables or {} do
    changes[name] = value
    call.variables[name] = value or nil
  end
  ask("do", "set", call.id, "set", { variables = changes })
end

function Methods.get(call, ...)
  local found = outcome(ask("do", "get", call.id, "get", { variables = { ... } }))
  for name, value in next, found do call.variables[name] = value end
  return found
end

-- The app

local App = {}
App.__index = App
App.__metatable = false
App.__name = "callflow.App"

local function expect_function(f, verb)
  if type(f) ~= "function" then error(format("%s: expected a function, got %s", verb, type(f)), 3) end
end

function App.route(self, ...)
  local patterns = { ... }
  local f = remove(patterns)
  expect_function(f, "route")
  if #patterns == 0 then error("route: expected a pattern and a function", 2) end
  for _, pattern in ipairs(patterns) do
    if type(pattern) ~= "string" then error("route: expected a text as pattern, got " .. type(pattern), 2) end
    if self.functions[pattern] then error(format('route "%s" is taken already: each pattern leads to one function', pattern), 2) end
    self.functions[pattern] = f
    insert(self.patterns, pattern)
  end
  return f
end

function App.on_reattach(self, f)
  expect_function(f, "on_reattach")
  self.reattached = f
end

--- Dial without a caller: the leg that answers goes to a script, an app, a route or a bridge.
function App.originate(self, options)
  local args = arguments("originate", VERBS.originate, options) or {}
  local script = args.script
  args.script = nil
  local legs = ask("legs", "originate", "", args.stages or {})
  args.stages = nil
  local result = outcome(ask("originate", "originate", "", args, legs[1], script ~= nil))
  if result.answered and script then
    adopted[result.leg] = script
    request(0, "adopt", result.leg, result.target)
  end
  return result
end

local callflow = {}

function callflow.app(name)
  if app then error("callflow.app: expected one app in a script", 2) end
  if type(name) ~= "string" then error("callflow.app: expected a name, got " .. type(name), 2) end
  app = setmetatable({ name = name, functions = {}, patterns = {} }, App)
  return app
end

local function expect_seconds(seconds, verb)
  if type(seconds) ~= "number" or seconds ~= seconds then fail("bad_argument", "expected seconds", verb) end
end

function callflow.sleep(seconds)
  expect_seconds(seconds, "sleep")
  ask("sleep", "sleep", seconds)
end

--- Seconds since the epoch.
function callflow.now()
  return now
end

--- Run a function beside the caller, until it returns or the script of the call is over.
function callflow.spawn(f, ...)
  if type(f) ~= "function" then fail("bad_argument", "expected a function, got " .. type(f), "spawn") end
  if not current then fail("wrong_state", "expected to be in a call", "spawn") end
  expect_room(current.run, "spawn")
  local task = spawn(current.run, current.run.on_spawned, f, ...)
  advance(task, ...)
  return setmetatable({ back = function() cancel(task) end }, Undo)
end

--- Run a function later, unless what is returned is closed before.
function callflow.after(seconds, f)
  expect_seconds(seconds, "after")
  if type(f) ~= "function" then fail("bad_argument", "expected a function, got " .. type(f), "after") end
  return callflow.spawn(function()
    callflow.sleep(seconds)
    f()
  end)
end

--- Run functions beside each other: what the first to return gives. The others are ended.
function callflow.race(...)
  local functions, parent = { ... }, current
  local run = parent and parent.run or fail("wrong_state", "expected to be in a call", "race")
  local results, children, is_waiting = nil, {}, false
  parent.children = children
  local function done(...)
    if results then return end
    results = pack(...)
    for _, child in next, children do cancel(child) end
    parent.children = nil
    if is_waiting then advance(parent) end
  end
  for at, f in ipairs(functions) do
    if type(f) ~= "function" then fail("bad_argument", "expected functions, got " .. type(f), "race") end
    expect_room(run, "race")
    children[at] = spawn(run, done, f)
  end
  for _, child in ipairs(children) do
    if not results then advance(child) end
  end
  if not results then
    is_waiting = true
    box.ask("join", function() end)
  end
  if results[1] then return unpack(results, 2, results.n) end
  error(results[2].value, 0)
end

--- Run a function for so many seconds at most: true and what it returns, or false.
function callflow.within(seconds, f)
  return callflow.race(
    function() return true, f() end,
    function() callflow.sleep(seconds) return false end)
end

local function source(kind, fields)
  fields.source = kind
  return setmetatable(fields, Source)
end
function callflow.tone(plan, seconds) return source("tone", { plan = plan, seconds = seconds }) end
function callflow.silence(seconds) return source("silence", { seconds = seconds }) end
function callflow.say(text, options)
  local fields = { text = text }
  for name, value in next, options or {} do fields[name] = value end
  return source("say", fields)
end

-- What calls of an app share, also with those of its other versions

callflow.store = box.library({
  get = function(key) return (ask("store", "store.get", "get", key)) end,
  set = function(key, value) ask("store", "store.set", "set", key, value) end,
  add = function(key, number) return (ask("store", "store.add", "add", key, number or 1)) end,
})

local function logger(level)
  return function(...)
    local words = pack(...)
    for at = 1, words.n do words[at] = box.told(words[at]) end
    request(0, "log", level, sub(concat(words, " "), 1, 4096), current and current.run.id)
  end
end
callflow.log = box.library({
  debug = logger("debug"), info = logger("info"), warning = logger("warning"), error = logger("error"),
})

local modules, loading = {}, {}
local globals, seal

local function required(name)
  if type(name) ~= "string" then error("require: expected a name, got " .. type(name), 3) end
  if modules[name] ~= nil then return modules[name] end
  if loading[name] then error(format("require: %s requires itself", name), 3) end
  local content, path = box.ask("require", name)
  if not content then error("require: " .. path, 3) end
  local chunk, problem = load(content, "@" .. path, "t", globals)
  if not chunk then error(problem, 0) end
  loading[name] = true
  local value = chunk(name)
  loading[name] = nil
  modules[name] = value == nil and true or value
  return modules[name]
end

globals, seal = box.globals({
  callflow = box.library(callflow),
  print = logger("info"),
  require = function(name) return required(name) end,
})

local function new_run(id)
  return { id = id, tasks = {}, count = 0, legs = {}, confirms = {} }
end

-- Steps: what the engine calls

local steps = {}

local function step(at)
  now = at
  box.set_now(at)
  box.begin()
end

--- An error as the engine is told it.
local function report(problem)
  if type(problem) ~= "table" then problem = { value = problem, trace = "" } end
  local value = problem.value
  local thread = box.coroutine(function() return box.told(value) end)
  local _, ok, text = resume(thread)
  text = ok == true and type(text) == "string" and text or "(an error of type " .. type(value) .. ")"
  local code = type(value) == "table" and getmetatable(value) == false and rawget(value, "code") or nil
  return sub(text, 1, 4096), sub(problem.trace, 1, 8192), code
end

--- Run the script once, so that it declares its app.
function steps.load(at, content, path)
  step(at)
  local chunk, problem = load(content, "@" .. path, "t", globals)
  if not chunk then return request(0, "load_failed", problem, "") end
  local run = new_run("")
  local function done(ok, result)
    if not ok then return request(0, "load_failed", report(result)) end
    seal()
    if not app then return request(0, "load_failed", 'expected an app, such as local app = callflow.app("reception")', "") end
    request(0, "loaded", app.name, app.patterns)
  end
  local task = spawn(run, done, chunk)
  local before = current
  current = nil
  task.is_loading = true
  -- Without a `current` task verbs refuse to be used.
  local function go(...)
    local ok, tag, kind, name = resume(task.thread, ...)
    if box.passed() then return request(0, "load_failed", box.passed(), "") end
    if status(task.thread) == "dead" then
      if not ok then return done(false, { value = tag, trace = "" }) end
      return done(tag, kind)
    end
    if tag == ASK and kind == "require" then
      numbers = numbers + 1
      waiting[numbers] = { go = go }
      return request(numbers, "require", name)
    end
    done(false, { value = "the script waits while it is loaded: only functions of calls can", trace = "" })
  end
  go(path)
  current = before
end

local function main_done(run)
  return function(ok, result)
    if not ok then
      local text, trace, code = report(result)
      if box.passed() then return kill(run, box.passed()) end
      if code ~= "call_ended" and code ~= "disconnected" then
        run.has_failed = true
        request(0, "failed", run.id, text, trace)
      end
    end
    conclude(run)
  end
end

local function start(run, f, ...)
  run.on_spawned = function(ok, result)
    if not ok and not run.is_over then
      for task in next, run.tasks do cancel(task) end
      main_done(run)(false, result)
    end
  end
  run.main = spawn(run, main_done(run), f, ...)
  advance(run.main, ...)
end

local function rejecting(call)
  callflow.log.warning("no route of this app takes " .. tostring(call.to))
  call:reject("not_found")
end

--- A call has come: its script starts. `state`: of a call that is taken up again.
function steps.start(at, id, pattern, direction, to, user, uri, number, name, callee_uri, callee_number, callee_name, state)
  step(at)
  local run = new_run(id)
  local call = new_call(run, id, {
    direction = direction, to = to, user = user, caller = { uri = uri, number = number, name = name },
    callee = { uri = callee_uri, number = callee_number, name = callee_name },
  })
  run.call, call.legs = call, {}
  local f = adopted[id] or app.functions[pattern] or rejecting
  call.is_answered, adopted[id] = adopted[id] ~= nil, nil
  if state then
    call.is_answered, call.variables, call.is_reattached = state.is_answered, state.variables, true
    f = app.reattached or f
  end
  for _, leg in ipairs(state and state.legs or {}) do
    leg.origin, leg.caller = call, call.caller
    run.legs[leg.id] = new_call(run, leg.id, leg)
    insert(call.legs, leg)
  end
  start(run, f, call)
end

--- An answer: to a task, or to the loading.
function steps.resume(at, number, ...)
  step(at)
  local task = waiting[number]
  if not task then return end
  waiting[number] = nil
  if task.go then return task.go(...) end
  advance(task, ...)
end

--- The task that asked this knows that its call ends: it goes on for a while.
function steps.spare(number)
  local task = waiting[number]
  if task then task.is_spared = true end
end

--- A call is answered. A leg that wants to be confirmed is asked.
function steps.answered(at, id)
  local call, run = calls[id], run_of[id]
  if not call then return end
  call.is_answered = true
  local confirm = run.confirms[id]
  if not confirm then return end
  step(at)
  local task = spawn(run, function(ok, accepts)
    run.confirms[id] = nil
    if not ok then return run.on_spawned(false, accepts) end
    request(0, "tell", id, "confirm", { accept = accepts and true or false })
  end, confirm)
  run.confirms[id] = task
  advance(task, call)
end

function steps.matched(at, id, digits)
  local run = run_of[id]
  local binding = run and run.bindings and run.bindings[id .. " " .. digits]
  if not binding then return end
  step(at)
  binding.press(run)
end

--- The script is over: what it leaves is hung up, and then what it wanted for the end is done.
function conclude(run)
  if not run.is_over then
    run.is_over = true
    for task in next, run.tasks do cancel(task) end
    request(0, "over", run.id, run.has_failed or false)
  end
  if not run.ended or run.is_concluded then return end
  run.is_concluded = true
  local functions = run.on_hangup or {}
  if #functions == 0 then return request(0, "done", run.id) end
  local task
  task = spawn(run, function() request(0, "done", run.id) end, function()
    for _, f in ipairs(functions) do
      local ok, problem = pcall(f, run.ended)
      if not ok then
        request(0, "failed", run.id, "on_hangup: " .. box.told(problem), "")
      end
    end
  end)
  advance(task)
end

--- A call has ended. Those of its tasks that know of it go on, see `spare`.
function steps.ended(at, id, ...)
  local call, run = calls[id], run_of[id]
  if not call then return end
  step(at)
  call.is_over, call.ended = true, {}
  for nth, name in ipairs(ENDED) do call.ended[name] = (select(nth, ...)) end
  local confirming = run.confirms[id]
  run.confirms[id] = nil
  if type(confirming) == "table" then cancel(confirming) end
  if call ~= run.call then
    run.legs[id] = nil
    return forget(id)
  end
  run.ended = call.ended
  if run.is_over then return conclude(run) end
  local is_spared = run.main.is_spared and not run.main.is_done
  for task in next, run.tasks do
    if not (is_spared and task.is_spared) then cancel(task) end
  end
  if not is_spared then conclude(run) end
end

--- A script that was to go on for a while has had its time.
function steps.expire(at, id)
  local run = run_of[id]
  if not run then return end
  step(at)
  for task in next, run.tasks do cancel(task) end
  conclude(run)
  if run.is_concluded then request(0, "done", id) end
end

--- The call is somebody else's, or nothing of it is left.
function steps.forget(at, id)
  local run = run_of[id]
  if not run then return end
  step(at)
  run.is_over, run.is_concluded = true, true
  for task in next, run.tasks do cancel(task) end
  for leg in next, run.legs do forget(leg) end
  forget(id)
end

--- A leg that was dialled, and that is nobody's.
function steps.drop(id)
  local run = run_of[id]
  if run then run.legs[id], run.confirms[id] = nil, nil end
  forget(id)
end

local taken = 0
--- What was asked for, in order: nothing when there is no more.
function steps.take()
  taken = taken + 1
  local next_one = queue[taken]
  if not next_one then
    queue, taken = {}, 0
    return nil
  end
  return unpack(next_one, 1, next_one.n)
end

function steps.collect()
  collectgarbage()
  return collectgarbage("count")
end

return steps
