--- A call that its script lends to another script of the same app, and has back when that one is done with it.
--
-- The lender waits until it is wanted, stops what it does with the call, and lends it; the taker bridges with it.

local closing = require "callflow.closing"

local Handover = {}
Handover.__index = Handover

--- Does somebody take it, or has taken it?
function Handover:is_wanted()
  return self.wanted:is_set()
end

--- Wait until somebody wants the call.
function Handover:wait_wanted()
  self.wanted:wait()
end

--- Let the taker have it, and wait until it is back.
function Handover:lend()
  self.free:set()
  self.done:wait()
end

--- It is not to be had any more: its script is over, or does something else with it.
function Handover:close()
  self.is_closed = true
  self.free:set()
end

--- Connect the taker with the call. Nil when somebody else was faster, or it has ended.
function Handover:bridge(taker)
  if self:is_wanted() or self.is_closed then return nil end
  self.wanted:set()
  local done <close> = closing(function() self.done:set() end)
  self.free:wait()
  if self.is_closed then return nil end
  local ok, outcome = pcall(taker.bridge, taker, self.call)
  if not ok and outcome.code ~= "not_found" then error(outcome, 0) end -- not_found: it hung up just now
  return ok and outcome or nil
end

return function(call)
  return setmetatable({
    call = call, is_closed = false, wanted = callflow.event(), free = callflow.event(), done = callflow.event(),
  }, Handover)
end
