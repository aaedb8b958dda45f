-- The coroutines of a script's calls, its tasks, and what they ask the engine for. Given the sandbox.
-- What is asked for waits in a queue until the engine has taken it. A task that is cancelled does not come back: its <close>
-- variables are closed, and that is all.

local box = ...

local resume, close, status = coroutine.resume, coroutine.close, coroutine.status
local type, next, error, pcall, tostring, setmetatable = type, next, error, pcall, tostring, setmetatable
local pack, unpack, insert, sort = table.pack, table.unpack, table.insert, table.sort
local format, match = string.format, string.match
local ASK = box.ASK

local MAX_TASKS = 100 -- of one call

local kit = {}
local waiting, numbers = {}, 0 -- tasks, by the number of what they asked
local queue, taken = {}, 0
local current -- the task that runs

-- Asking

--- Ask the engine for something, without waiting.
local function request(...)
  insert(queue, pack(...))
end
kit.request = request

--- What was asked for, in order: nothing when there is no more.
function kit.take()
  taken = taken + 1
  local next_one = queue[taken]
  if not next_one then
    queue, taken = {}, 0
    return nil
  end
  return unpack(next_one, 1, next_one.n)
end

--- Ask for something whose answer `waiter`, a task or its like, is given.
local function wait(waiter, ...)
  numbers = numbers + 1
  waiter.number = numbers
  waiting[numbers] = waiter
  request(numbers, ...)
end
kit.wait = wait

--- Who waits for the answer to that number.
function kit.waiter(number)
  return waiting[number]
end

--- The same, who waits no more.
function kit.answered(number)
  local waiter = waiting[number]
  waiting[number] = nil
  return waiter
end

-- Errors of verbs are tables: code, message, command, and where the script was

local Error = { __metatable = false, __name = "callflow.Error" }
Error.__index = Error
function Error.__tostring(e)
  return e.where .. (e.command and e.command .. ": " or "") .. e.message
end
function Error.__concat(a, b)
  return tostring(a) .. tostring(b)
end

local function place()
  local line = match(box.trace(), "^%s*([^\n]-:%d+): ")
  return line and line .. ": " or ""
end

local function fail(code, message, command)
  error(setmetatable({ code = code, message = message, command = command, where = place() }, Error), 0)
end
kit.fail = fail

function kit.expect_function(f, command)
  if type(f) ~= "function" then fail("bad_argument", "expected a function, got " .. type(f), command) end
end

local function settled(command, ok, first, ...)
  if ok then return first, ... end
  fail(first, ..., command)
end

--- Suspend the task until the engine has answered; raises what it is refused for.
function kit.ask(kind, command, ...)
  if not current then fail("wrong_state", "expected to be in a call: scripts are loaded without one", command) end
  return settled(command, box.ask(kind, ...))
end

-- Tasks

--- What there is of a script while a call lasts.
function kit.new_run(id)
  return { id = id, tasks = {}, count = 0, made = 0, legs = {}, confirms = {} }
end

function kit.current()
  return current
end

local function leave(task)
  task.is_done = true
  local run = task.run
  if run.tasks[task.id] then
    run.tasks[task.id] = nil
    run.count = run.count - 1
  end
  if task.number then
    waiting[task.number] = nil
    request(0, "drop", task.number)
    task.number = nil
  end
end

--- A script has passed a limit: whatever it has caught, it is over.
local function kill(run, reason)
  for _, task in next, run.tasks do leave(task) end
  run.is_over = true
  if not run.is_killed then
    run.is_killed = true
    request(0, "killed", run.id, reason, box.where())
  end
  if run.is_concluded then request(0, "done", run.id) end
end
kit.kill = kill

local function shut(task)
  local before = current
  current = task
  pcall(close, task.thread) -- what runs now cannot be closed: see `stepped`
  current = before
  if box.passed() then kill(task.run, box.passed()) end
end

local function cancel(task)
  if task.is_done then return end
  leave(task)
  for _, child in ipairs(task.children or {}) do cancel(child) end
  shut(task)
end
kit.cancel = cancel

--- Cancel the tasks of a run, the first first, but for those that are spared.
function kit.cancel_all(run, spares)
  local ids = {}
  for id in next, run.tasks do insert(ids, id) end
  sort(ids)
  for _, id in ipairs(ids) do
    local task = run.tasks[id]
    if task and not (spares and task.is_spared) then cancel(task) end
  end
end

local function finish(task, ok, ...)
  leave(task)
  for _, child in ipairs(task.children or {}) do cancel(child) end
  task.on_done(ok, ...)
end

--- Where there is no room for another task, raise that.
function kit.expect_room(run, command)
  if run.count >= MAX_TASKS then
    fail("overloaded", format("expected at most %d coroutines in a call", MAX_TASKS), command)
  end
end

--- A task for a function, to be advanced. `on_done` is given true and what it returned, or false and {value, trace}.
function kit.spawn(run, on_done, f)
  run.made = run.made + 1
  local task = { id = run.made, run = run, thread = box.coroutine(f), on_done = on_done }
  run.tasks[task.id] = task
  run.count = run.count + 1
  return task
end

local function stepped(task, ok, tag, kind, ...)
  if ok and tag == false and type(kind) ~= "table" then -- an error that no handler has seen: the memory is full
    box.exceed("it needs too much memory: " .. tostring(kind))
  end
  if box.passed() then return kill(task.run, box.passed()) end
  local is_dead = status(task.thread) == "dead"
  if task.is_done then -- it was cancelled while it ran
    if not is_dead then shut(task) end
  elseif is_dead and ok then
    finish(task, tag, kind, ...)
  elseif is_dead then
    finish(task, false, { value = tag, trace = "" })
  elseif tag ~= ASK then
    finish(task, false, { value = "coroutine.yield: expected to be in a coroutine of the script's own", trace = "" })
    shut(task)
  elseif kind ~= "join" then -- a task that joins others is advanced by them
    wait(task, kind, ...)
  end
end

--- Let a task run, until it asks for something or is over.
function kit.advance(task, ...)
  if task.is_done then return end
  local before = current
  current, task.number = task, nil
  stepped(task, resume(task.thread, ...))
  current = before
end

--- Wait until another task advances this one.
function kit.join()
  box.ask("join")
end

return kit
