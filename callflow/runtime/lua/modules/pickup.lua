--- Pickup: a call that rings somewhere is taken from another phone.
--
--   local pickup = require("callflow.pickup")()
--   local won = pickup:dial(call, { "desk", group = "sales" })   -- as call:dial; won.intercepted: somebody else took it
--   pickup:take(call, "sales")                                   -- in the script of *8; nil: nothing rings there

local closing = require "callflow.closing"
local handover = require "callflow.handover"

local Pickup = {}
Pickup.__index = Pickup

local function remove(list, entry)
  for at, each in ipairs(list) do
    if each == entry then return table.remove(list, at) end
  end
end

--- Dial, while others may take the call: then it returns when they are done.
function Pickup:dial(call, options)
  local group, lent = options.group or "", handover(call)
  options.group = nil
  local entry = { group = group, lent = lent }
  table.insert(self.ringing, entry)
  local over <close> = closing(function()
    lent:close()
    remove(self.ringing, entry)
  end)
  local won = callflow.race(
    function() return call:dial(options) end,
    function() lent:wait_wanted() end)
  if won then return won end
  remove(self.ringing, entry)
  lent:lend()
  return { outcome = "intercepted", intercepted = true }
end

--- Connect with the call that rings longest in the group, until one hangs up.
function Pickup:take(call, group)
  for _, entry in ipairs(self.ringing) do
    if entry.group == (group or "") and not entry.lent:is_wanted() then return entry.lent:bridge(call) end
  end
end

return function()
  return setmetatable({ ringing = {} }, Pickup)
end
