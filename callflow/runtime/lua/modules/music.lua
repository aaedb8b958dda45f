--- Music for those who wait: what is played if none was named, and a playback that does not end.
--
--   local waiting <close> = music.playing(call, { "music.wav" })

local music = { DEFAULT = { callflow.tone("440", 0.4), callflow.tone("554", 0.4), callflow.tone("659", 0.8) } }

--- Play these one after another, again and again, until what is returned is closed.
function music.playing(call, sources)
  local endless = { table.unpack(sources) }
  endless.repeat_ = 0
  return call:playing(endless)
end

return music
