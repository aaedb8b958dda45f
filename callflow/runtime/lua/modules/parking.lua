--- Parking: a call waits in a slot with music until somebody picks it up.
--
--   local parking = require("callflow.parking"){ "701", "702", "703", timeout = 180 }
--   local parked = parking:park(call)       -- nil: there is no slot; else its slot, and was_picked_up
--   parking:pickup(call, "701")             -- in the script of 701; nil: nobody is there

local closing = require "callflow.closing"
local handover = require "callflow.handover"
local music = require "callflow.music"

local Parking = {}
Parking.__index = Parking

local function wait(parking, call, slot, lent)
  call:play(callflow.say("park"), callflow.say(slot, { kind = "digits" }))
  local waiting <close> = music.playing(call, parking.music)
  lent:wait_wanted()
end

--- Tell the caller the slot, the first that is free if none is named, and have it wait there.
function Parking:park(call, slot)
  for _, each in ipairs(self.slots) do
    if not slot and not self.parked[each] then slot = each end
  end
  if not slot or self.parked[slot] then return nil end
  local lent = handover(call)
  self.parked[slot] = lent
  local over <close> = closing(function()
    lent:close()
    if self.parked[slot] == lent then self.parked[slot] = nil end
  end)
  callflow.within(self.timeout, function() wait(self, call, slot, lent) end)
  if lent:is_wanted() then
    self.parked[slot] = nil
    lent:lend()
  end
  return { slot = slot, was_picked_up = lent:is_wanted() }
end

--- Connect with the call in that slot, until one hangs up.
function Parking:pickup(call, slot)
  local lent = self.parked[slot]
  return lent and lent:bridge(call)
end

return function(options)
  local slots = { table.unpack(options) }
  return setmetatable({
    slots = slots, music = options.music or music.DEFAULT, timeout = options.timeout or 180, parked = {},
  }, Parking)
end
