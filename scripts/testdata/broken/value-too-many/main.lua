extension("600", function(call)
  call:hangup("busy")
end)
