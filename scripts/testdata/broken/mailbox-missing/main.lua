extension("600", function(call)
  call:recordVoicemail("2001")
end)
