extension("600", function(call)
  call:recordVoicemail("202")
end)
