-- A conference room: guests key a PIN and wait for the chair, whose keys steer it; and a lounge that is open to all.

local PIN, CHAIR_PIN = "4711", "8822"
local GOODBYES = { locked = "prompts/locked.wav", refused = "prompts/refused.wav" }

local app = callflow.app("conference")

--- Ask for a PIN, three times at most: whether it was keyed.
local function knows_pin(call, pin)
  local keyed = call:gather{
    "prompts/pin.wav", max = #pin, min = #pin, valid = pin, retries = 2, invalid = "prompts/wrong.wav",
  }
  return keyed.digits
end

local function say_goodbye(call, reason)
  call:play(GOODBYES[reason] or "prompts/closed.wav")
end

local function member_of(call)
  for _, member in ipairs(app:conference("board").members) do
    if member.id == call.id then return member end
  end
end

--- What *6 does: nobody hears the caller, or all do again.
local function muting(call)
  return function()
    local member = member_of(call)
    if not member then return end
    app:conference{ "board", action = member.muted and "unmute" or "mute", member = call }
    call:play(member.muted and "prompts/unmuted.wav" or "prompts/muted.wav")
  end
end

app:route("3000", function(call)
  call:answer()
  if not knows_pin(call, PIN) then return say_goodbye(call, "refused") end
  local key <close> = call:binding_digits("*6", muting(call))
  local left = call:join{
    "board", pin = PIN, wait = true,
    sounds = {
      enter = { "prompts/joined.wav" }, leave = { "prompts/left.wav" },
      music = { "prompts/waiting.wav", callflow.tone("ringback/us", 12) },
    },
  }
  say_goodbye(call, left.reason)
end)

--- What the chair's keys do: *51 locks and *50 unlocks the room, *7 mutes all guests and *8 lets them speak.
local KEYS = { ["*51"] = "lock", ["*50"] = "unlock", ["*7"] = "mute", ["*8"] = "unmute" }

app:route("3001", function(call)
  call:answer()
  if not knows_pin(call, CHAIR_PIN) then return say_goodbye(call, "refused") end
  for digits, action in pairs(KEYS) do
    call:binding_digits(digits, function() app:conference{ "board", action = action } end)
  end
  call:join{ "board", pin = PIN, moderator = true, end_ = true }
end)

app:route("3002", function(call)
  call:join{ "lounge", sounds = { enter = { "prompts/joined.wav" }, leave = { "prompts/left.wav" } } }
end)
