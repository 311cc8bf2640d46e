local voicemail = require "voicemail"

extension("600", function(call)
  if voicemail.leave(call, "202") then return end
  call:reject("unavailable")
end)
