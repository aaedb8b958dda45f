-- What the engine calls, each a step: something has happened, and tasks run until each of them waits. Given the sandbox, the
-- tasks, the calls, the app, and the names of what is told of an end.

local box, kit, call_kit, app_kit, ENDED = ...

local resume, status = coroutine.resume, coroutine.status
local type, select, tostring, pairs = type, select, tostring, pairs
local getmetatable, rawget, pcall = getmetatable, rawget, pcall
local insert, sub = table.insert, string.sub
local request, spawn, advance, cancel, cancel_all = kit.request, kit.spawn, kit.advance, kit.cancel, kit.cancel_all
local calls, run_of, new_call, forget = call_kit.calls, call_kit.run_of, call_kit.new_call, call_kit.forget

local MAX_TRANSFERS = 4 -- of one phone, that are decided at once: the engine refuses what is not decided in time
local MAX_MESSAGE, MAX_TRACE = 4096, 8192 -- octets of what is told of an error

local steps = { take = kit.take }

--- An error as the engine is told it: a text, where it was, and the code of a verb's.
local function report(problem)
  local value = problem.value
  local _, ok, text = resume(box.coroutine(function() return box.told(value) end))
  if ok ~= true or type(text) ~= "string" then text = "(an error of type " .. type(value) .. ")" end
  local code = type(value) == "table" and getmetatable(value) == false and rawget(value, "code") or nil
  return sub(text, 1, MAX_MESSAGE), sub(problem.trace, 1, MAX_TRACE), code
end

-- Loading

local function loaded(ok, result)
  if not ok then return request(0, "load_failed", report(result)) end
  app_kit.seal()
  local app = app_kit.declared()
  if not app then
    return request(0, "load_failed", 'expected an app, such as local app = callflow.app("reception")', "")
  end
  request(0, "loaded", app.name, app.patterns, app.language)
end

--- Run the script once, so that it declares its app. It is no task: verbs, which want one, refuse to be used.
function steps.load(at, content, path)
  box.begin(at)
  local chunk, problem = app_kit.compiled(content, path)
  if not chunk then return request(0, "load_failed", problem, "") end
  local thread = box.coroutine(chunk)
  local function go(...)
    local ok, tag, kind, name = resume(thread, ...)
    if box.passed() then return request(0, "load_failed", box.passed(), box.where()) end
    if status(thread) ~= "dead" and tag == box.ASK and kind == "require" then
      return kit.wait({ go = go }, "require", name)
    elseif status(thread) ~= "dead" then
      kind = { value = "the script waits while it is loaded: only functions of calls can", trace = "" }
    elseif not ok or (tag == false and type(kind) ~= "table") then
      kind = { value = ok and kind or tag, trace = "" }
    end
    loaded(ok and tag == true, kind)
  end
  go(path)
end

-- The script of a call, from its beginning to its end

--- The script is over: what it leaves is hung up; and when the call has ended, what it wanted for the end is done.
local function conclude(run)
  if not run.is_over then
    run.is_over = true
    cancel_all(run)
    request(0, "over", run.id, run.has_failed or false)
  end
  if not run.ended or run.is_concluded then return end
  run.is_concluded = true
  local function done() request(0, "done", run.id) end
  if not run.on_hangup then return done() end
  advance(spawn(run, done, function()
    for _, f in ipairs(run.on_hangup) do
      local ok, problem = pcall(f, run.ended)
      if not ok then request(0, "failed", run.id, "on_hangup: " .. box.told(problem), "", "") end
    end
  end))
end

--- A function of the script's has raised. That its call has ended is no fault of it.
local function note_failure(run, problem)
  local text, trace, code = report(problem)
  if box.passed() then return kit.kill(run, box.passed()) end
  if code ~= "call_ended" and code ~= "disconnected" then
    run.has_failed = true
    request(0, "failed", run.id, text, trace, type(code) == "string" and code or "")
  end
end

local function start(run, f, call)
  local function done(ok, result)
    if not ok then note_failure(run, result) end
    if not run.is_killed then conclude(run) end
  end
  function run.on_spawned(ok, result)
    if not ok then note_failure(run, result) end
    if not ok and not run.is_over then
      cancel_all(run)
      conclude(run)
    end
  end
  run.main = spawn(run, done, f)
  advance(run.main, call)
end

local function rejecting(call)
  app_kit.log.warning("no route of this app takes " .. tostring(call.to))
  call:reject("not_found")
end

local function function_for(id, pattern, state)
  local app, own = app_kit.declared(), app_kit.adopted[id]
  app_kit.adopted[id] = nil
  return state and state.is_taken_back and app.reattached or own or app.functions[pattern] or rejecting, own ~= nil
end

--- A call has come: its script starts. `state`: of a call that is taken up again.
function steps.start(at, id, pattern, direction, to, user, uri, number, name, uri_called, number_called, name_called, state)
  box.begin(at)
  local run = kit.new_run(id)
  local f, is_answered = function_for(id, pattern, state)
  local call = new_call(run, id, {
    direction = direction, to = to, user = user, caller = { uri = uri, number = number, name = name },
    callee = { uri = uri_called, number = number_called, name = name_called }, is_answered = is_answered, legs = {},
  })
  run.call = call
  for name, value in pairs(state and state.created or {}) do call[name] = value end
  if state and state.is_taken_back then
    call.is_answered, call.variables, call.is_reattached = state.is_answered, state.variables, true
  end
  for _, leg in ipairs(state and state.legs or {}) do
    leg.origin, leg.caller = call, call.caller
    run.legs[leg.id] = new_call(run, leg.id, leg)
    insert(call.legs, leg)
  end
  start(run, f, call)
end

--- Somebody has written to a number of the app's. Such a run has no call: it is over with its function.
function steps.text(at, id, sender, to, body, content_type)
  local app = app_kit.declared()
  if not app.reader then
    app_kit.log.warning("nothing of this app answers texts: one from " .. sender .. " to " .. to .. " is lost")
    return request(0, "done", id)
  end
  box.begin(at)
  local run = kit.new_run(id)
  run.is_concluded = true
  local function finish()
    if run.is_over then return end
    run.is_over = true
    cancel_all(run)
    request(0, "done", id)
  end
  function run.on_spawned(ok, result)
    if not ok then note_failure(run, result) end
    if not ok and not run.is_killed then finish() end
  end
  advance(spawn(run, function(ok, result)
    if not ok then note_failure(run, result) end
    if not run.is_killed then finish() end
  end, app.reader), app_kit.text_of(sender, to, body, content_type))
end

--- An answer, to whoever waits for it.
function steps.resume(at, number, ...)
  local waiter = kit.answered(number)
  if not waiter then return end
  box.begin(at)
  if waiter.go then return waiter.go(...) end
  advance(waiter, ...)
end

--- The task that asked this knows that its call ends: it goes on for a while.
function steps.spare(number)
  local task = kit.waiter(number)
  if task then task.is_spared = true end
end

--- The media of a call is encrypted in another way.
function steps.secured(at, id, media)
  local call = calls[id]
  if call then
    call.security = call.security or {}
    call.security.media = media
  end
end

--- A call is answered. A leg that wants to be confirmed is asked.
function steps.answered(at, id)
  local call, run = calls[id], run_of[id]
  if not call then return end
  call.is_answered = true
  local confirm = run.confirms[id]
  if type(confirm) ~= "function" then return end
  box.begin(at)
  local task = spawn(run, function(ok, accepts)
    run.confirms[id] = nil
    if not ok then return run.on_spawned(false, accepts) end
    request(0, "tell", id, "confirm", { accept = accepts and true or false })
  end, confirm)
  run.confirms[id] = task
  advance(task, call)
end

--- Bound digits were keyed.
function steps.matched(at, id, digits)
  local run = run_of[id]
  local serve = run and run.bindings and run.bindings[id .. " " .. digits]
  if not serve then return end
  box.begin(at)
  serve(run)
end

--- What was decided on a transfer: true lets it be done, a target sends the other party there, false or a status refuses.
local function tell_decision(id, asked, decision)
  local args = { request = asked }
  if type(decision) == "string" then args.target = decision end
  if type(decision) == "number" then args.status = decision end
  request(0, "tell", id, (decision == true or args.target) and "accept_transfer" or "refuse_transfer", args)
end

--- A phone wants to transfer the other party.
function steps.transfer_asked(at, id, asked, kind, target, other, referred_by)
  local run = run_of[id]
  local decider = run and not run.is_over and run.deciders and run.deciders[id]
  if not decider or decider.count >= MAX_TRANSFERS then return end
  box.begin(at)
  decider.count = decider.count + 1
  advance(spawn(run, function(ok, decision)
    decider.count = decider.count - 1
    if not ok then return run.on_spawned(false, decision) end
    tell_decision(id, asked, decision)
  end, decider.decide), { kind = kind, target = target, other = calls[other], referred_by = referred_by })
end

local function end_leg(run, id)
  local confirming = run.confirms[id]
  run.confirms[id], run.legs[id] = nil, nil
  if type(confirming) == "table" then cancel(confirming) end
  forget(id)
end

--- A call has ended. Those of its tasks that know of it go on, see `spare`.
function steps.ended(at, id, ...)
  local call, run = calls[id], run_of[id]
  if not call then return end
  box.begin(at)
  local ended = {}
  for nth, name in ipairs(ENDED) do ended[name] = (select(nth, ...)) end
  call.is_over, call.ended = true, ended
  if id ~= run.id then return end_leg(run, id) end
  run.ended = ended
  if run.is_over then return conclude(run) end
  local is_spared = run.main.is_spared and not run.main.is_done
  cancel_all(run, is_spared)
  if not is_spared and not run.is_killed then conclude(run) end
end

--- A script that goes on after the end has had its time; and after that what it wanted for the end.
function steps.expire(at, id)
  local run = run_of[id]
  if not run then return end
  box.begin(at)
  cancel_all(run)
  if run.is_concluded then return request(0, "done", id) end
  conclude(run)
end

--- The call is somebody else's, or nothing of it is left.
function steps.forget(at, id)
  local run = run_of[id]
  if not run then return end
  box.begin(at)
  run.is_over, run.is_concluded = true, true
  cancel_all(run)
  for leg in next, run.legs do forget(leg) end
  forget(id)
end

--- A leg that was dialled, and that is nobody's.
function steps.drop(id)
  local run = run_of[id]
  if run then run.legs[id], run.confirms[id] = nil, nil end
  forget(id)
end

function steps.collect()
  collectgarbage()
  return collectgarbage("count")
end

return steps
