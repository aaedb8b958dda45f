--- A queue: callers wait with music for agents, are told their place, and may ask to be called back.
--
--   local sales = require("callflow.queue"){ "alice", "bob", wrap_up = 10 }
--   local came = sales:enter(call)      -- came.served: the agent's name; or came.gave_up: full, timeout or callback

local closing = require "callflow.closing"
local music = require "callflow.music"

local REFUSED_FOR = 10 -- seconds for which an agent is left alone who was busy or did not answer
local MOST_CALLBACKS = 1000

local Queue = {}
Queue.__index = Queue

-- Agents

local function find(list, target)
  for at, each in ipairs(list) do
    if each.target == target then return each, at end
  end
end

local function tell(queue)
  for _, ticket in ipairs(queue.line) do ticket.changed:set() end
end

--- An agent takes calls from now on, or again.
function Queue:log_in(target)
  local agent = find(self.agents, target)
  if not agent then
    agent = { target = target, is_busy = false, calls = 0, idle_since = 0, free_at = 0 }
    table.insert(self.agents, agent)
  end
  agent.is_paused = false
  tell(self)
end

--- An agent takes none until it logs in again.
function Queue:pause(target)
  local agent = find(self.agents, target)
  if agent then agent.is_paused = true end
end

--- An agent leaves, when the call of now is over.
function Queue:log_out(target)
  local _, at = find(self.agents, target)
  if at then table.remove(self.agents, at) end
end

--- Connect an agent, who calls, with the number that has waited longest to be called back. Nil: there is none.
function Queue:return_call(call)
  local number = table.remove(self.callbacks, 1)
  if not number then return nil end
  local won = call:dial{ number, timeout = self.ring * 2, ringback = "eu" }
  return won.answered and call:bridge(won.leg) or won
end

--- By strategy: is the first of two agents to be rung rather than the second?
local BEFORE = {
  longest_idle = function(a, b) return a.idle_since < b.idle_since end,
  fewest_calls = function(a, b) return a.calls < b.calls end,
  in_order = function() return false end,
}

local function chosen(queue, now)
  local free = {}
  for _, agent in ipairs(queue.agents) do
    if not agent.is_paused and not agent.is_busy and agent.free_at <= now then table.insert(free, agent) end
  end
  if queue.strategy == "ring_all" or #free == 0 then return free end
  if queue.strategy == "random" then return { free[math.random(#free)] } end
  local best = free[1]
  for _, agent in ipairs(free) do
    if BEFORE[queue.strategy](agent, best) then best = agent end
  end
  return { best }
end

--- When the next agent is free by itself.
local function next_free(queue, now)
  local at = math.huge
  for _, agent in ipairs(queue.agents) do
    if not agent.is_paused and not agent.is_busy and agent.free_at > now then at = math.min(at, agent.free_at) end
  end
  return at
end

-- Callers

local function ring_at(queue, call, agents)
  local targets, won = {}, nil
  for at, agent in ipairs(agents) do targets[at], agent.is_busy = agent.target, true end
  do
    local rung <close> = closing(function()
      for _, agent in ipairs(agents) do
        agent.is_busy = won ~= nil and won.answered and won.target == agent.target
        if won and not won.answered then agent.free_at = math.max(agent.free_at, callflow.now() + REFUSED_FOR) end
      end
    end)
    -- One source of ringback, and one that does not end: the first of the music, if it is a file.
    local ringback = type(queue.music[1]) == "string" and queue.music[1] or "eu"
    won = call:dial{ targets, timeout = queue.ring, ringback = ringback }
  end
  if won.answered then return find(agents, won.target), won.leg end
end

--- Tell the caller the place: does it want to be called back?
local function announce(queue, call, ticket)
  local at = 1
  while queue.line[at] ~= ticket do at = at + 1 end
  local place = callflow.say(("you are number %d in the queue, please hold"):format(at))
  ticket.announce_at = callflow.now() + queue.announce_every
  if not queue.callback then
    call:play(place)
    return false
  end
  local offer = callflow.say("press 1 to be called back")
  return call:gather{ place, offer, max = 1, valid = "1", terminators = "", timeout = 2 }.digits
end

local function wait_turn(queue, call, ticket)
  while true do
    ticket.changed = callflow.event()
    local now = callflow.now()
    local agents = queue.line[1] == ticket and chosen(queue, now) or {}
    if #agents > 0 then
      local agent, leg = ring_at(queue, call, agents)
      if agent then return nil, agent, leg end
    elseif now >= ticket.announce_at then
      if announce(queue, call, ticket) then
        if #queue.callbacks < MOST_CALLBACKS then table.insert(queue.callbacks, call.caller.number) end
        call:play(callflow.say("thank you, goodbye"))
        return "callback"
      end
    else
      local waiting <close> = music.playing(call, queue.music)
      callflow.within(math.min(ticket.announce_at, next_free(queue, now)) - now, function() ticket.changed:wait() end)
    end
  end
end

local function leave(queue, ticket)
  for at, each in ipairs(queue.line) do
    if each == ticket then table.remove(queue.line, at) break end
  end
  tell(queue)
end

--- Wait for an agent, and talk; what came of it.
function Queue:enter(call)
  if #self.line >= self.capacity then return { gave_up = "full" } end
  call:answer()
  local ticket = { changed = callflow.event(), announce_at = callflow.now() + self.announce_every }
  table.insert(self.line, ticket)
  local is_in_time, reason, agent, leg
  do
    local left <close> = closing(function() leave(self, ticket) end)
    is_in_time, reason, agent, leg = callflow.within(self.patience, function() return wait_turn(self, call, ticket) end)
  end
  if not is_in_time then return { gave_up = "timeout" } end
  if reason then return { gave_up = reason } end
  local done <close> = closing(function()
    agent.is_busy, agent.calls, agent.idle_since = false, agent.calls + 1, callflow.now()
    agent.free_at = callflow.now() + self.wrap_up
    tell(self)
  end)
  self.bridge(call, leg, agent.target)
  return { served = agent.target }
end

--- `ring`, `wrap_up`, `announce_every`, `patience`: seconds. `callback` offers to be called back. `bridge` connects a caller
-- with an agent's leg, given the agent's name.
return function(options)
  local queue = setmetatable({
    agents = {}, callbacks = {}, line = {},
    strategy = options.strategy or "longest_idle", ring = options.ring or 15, wrap_up = options.wrap_up or 5,
    announce_every = options.announce_every or 20, patience = options.patience or 86400, capacity = options.capacity or 50,
    callback = options.callback or false, music = options.music or music.DEFAULT,
    bridge = options.bridge or function(call, leg) call:bridge(leg) end,
  }, Queue)
  for _, target in ipairs(options) do queue:log_in(target) end
  return queue
end
