-- A call centre: callers wait for agents, who log in; a supervisor listens in; whoever gives up may leave a message.

local Queue, Supervision = require "callflow.queue", require "callflow.supervision"
local Voicemail = require "callflow.voicemail"

local OPENS, CLOSES = "00:00", "24:00" -- UTC

local app = callflow.app("callcenter")
local floor, voicemail = Supervision(), Voicemail{ app, silence = 3 }

local function is_open()
  local now = os.date("!%H:%M")
  return OPENS <= now and now < CLOSES
end

local support = Queue{
  strategy = "longest_idle", ring = 15, wrap_up = 10, announce_every = 25, patience = 300, callback = true,
  music = { "prompts/music.wav" },
  bridge = function(call, leg, agent)
    local recording <close> = call:recording_call(("calls/%s.wav"):format(call.id))
    floor:bridge(call, leg, agent)
  end,
}

app:route("5100", function(call)
  if not is_open() then return voicemail:take(call, "support") end
  call:answer()
  call:play("prompts/welcome.wav")
  local came = support:enter(call)
  if came.served then
    call:play("prompts/goodbye.wav")
  elseif came.gave_up ~= "callback" then
    voicemail:take(call, "support")
  end
end)

app:route([[\*20]], function(call)
  support:log_in(call.caller.number)
  call:play(callflow.say("hello"))
end)

app:route([[\*21]], function(call)
  support:pause(call.caller.number)
  call:play(callflow.say("on hold"))
end)

app:route([[\*22]], function(call)
  support:log_out(call.caller.number)
  call:play(callflow.say("goodbye"))
end)

app:route([[\*23]], function(call)
  local came = support:return_call(call)
  if not came then
    call:play(callflow.say("no calls"))
  elseif came.failed then
    call:play(callflow.say("sorry, not available"))
  end
end)

app:route([[\*24]], function(call)
  voicemail:listen(call, "support")
end)

app:route([[\*9(\w+)]], function(call)
  if not floor:supervise(call, call.to:sub(3)) then call:play(callflow.say("no calls")) end
end)
