--- Supervision: a supervisor listens to a conversation, whispers to the agent, joins in, or takes the caller over.
--
--   local floor = require("callflow.supervision")()
--   floor:bridge(call, agent, "agent 7")      -- instead of call:bridge(agent)
--   floor:supervise(supervisor, "agent 7")    -- in the supervisor's script: 1 listen, 2 whisper, 3 barge, 4 take over

local closing = require "callflow.closing"
local handover = require "callflow.handover"

local MODES = { ["1"] = "listen", ["2"] = "whisper", ["3"] = "barge", ["4"] = "take over" }

local Supervision = {}
Supervision.__index = Supervision

--- Connect the two; but the caller stays up for this script when the agent is gone.
-- Taken over, the agent is hung up, and this returns when the supervisor is done with the caller.
function Supervision:bridge(call, agent, name)
  local watched = { caller = handover(call), agent = agent }
  self.watched[name] = watched
  local over <close> = closing(function()
    watched.caller:close()
    if self.watched[name] == watched then self.watched[name] = nil end
  end)
  local ended
  do
    local bridge <close> = call:bridging{ agent, hangup_after = false }
    ended = callflow.race(
      function() return bridge:wait() end,
      function() watched.caller:wait_wanted() end)
  end
  if not agent.is_over then agent:hangup() end
  if ended then return ended end
  watched.caller:lend()
  return { outcome = "unbridged", unbridged = true, reason = "transferred" }
end

local function wait_key(call)
  while true do
    local keyed = call:gather{ max = 1, valid = "[1-4]", timeout = 3600, terminators = "" }
    if keyed.digits then return keyed.value end
  end
end

local function listen(call, agent, mode)
  local ear <close> = call:listening{ agent, mode = mode }
  return callflow.race(
    function() return nil, ear:wait() end,
    function() return wait_key(call) end)
end

--- Listen until the bridge or the call ends. Nil: there is no such bridge.
function Supervision:supervise(call, name)
  local mode = "listen"
  call:answer()
  while self.watched[name] do
    local watched = self.watched[name]
    local ok, key, left = pcall(listen, call, watched.agent, mode)
    if not ok and key.code == "not_found" then return nil end -- it hung up just now
    if not ok then error(key, 0) end
    if not key then return left end
    mode = MODES[key]
    if mode == "take over" then return watched.caller:bridge(call) end
  end
end

return function()
  return setmetatable({ watched = {} }, Supervision)
end
